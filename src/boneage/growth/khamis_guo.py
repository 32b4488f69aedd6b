"""Adult height by Khamis and Guo (1993): the regression of Roche, Wainer and Thissen made anew, with standing height.

Its own error is not among the tables of this package. Its range has the error of the method that it set out to improve,
and there is none where that method has none.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..types import Flag
from . import regression, roche_wainer_thissen
from .child import LYING, Child
from .figure import Figure, Part
from .prediction import Ages, Method, predict
from .tables import TABLES

TABLE = "khamis_guo_1993"


def heights(child: Child, bone_ages: Ages, ages: Ages) -> np.ndarray:
    """Predicted adult heights [n] in cm for bone ages and ages [n] in months; NaN outside the table."""
    return regression.heights(TABLE, child, child.known("stature_cm"), bone_ages, ages)


def remarks(child: Child, ages: Ages, open_to: Sequence[Part]) -> list[Flag]:
    """The flags of this method for a child."""
    flags = [Flag.note("error_of_another_method", _BORROWED)]
    if child.is_lying:
        flags.append(Flag.note("stature_from_length", f"it asks for a stature: {LYING} cm were taken off the length"))
    return [*flags, *regression.remarks(TABLE, child, ages)]


_BORROWED = "its own error is not in this package: the range has that of Roche, Wainer and Thissen at the same age"

METHOD = Method(
    "khamis_guo",
    "Khamis–Guo",
    "a sum of stature, weight, mid-parent height and bone age, with the coefficients of the nearest age",
    TABLES[TABLE].source,
    "children of 3 to 17.5 years",
    regression.NEEDS,
    heights,
    roche_wainer_thissen.errors,
    "the error of Roche, Wainer and Thissen (90 % bound, read off figure 1)",
    lambda child: regression.outside(TABLE, child),
    remarks,
)


def figure(child: Child) -> Figure:
    """The adult height of a child by this method, or why there is none."""
    return predict(METHOD, child)
