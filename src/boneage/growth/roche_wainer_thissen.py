"""Adult height by Roche, Wainer and Thissen (1975): a regression on recumbent length, weight, parents and bone age.

It predicts the stature at 18 years; boys grow 0.8 cm and girls 0.6 cm after that. Its skeletal age is the median of
the ages of single bones by the atlas of Greulich and Pyle. It is not meant for children of whose bones more than half
are adult.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..types import Flag, Sex
from . import regression
from .child import LYING, Child
from .figure import Figure, Part
from .prediction import Ages, Method, predict
from .tables import TABLES, column

TABLE, BOUNDS = "roche_wainer_thissen_1975", "roche_wainer_thissen_1975_error90"
STILL_TO_COME = {Sex.MALE: 0.8, Sex.FEMALE: 0.6}  # centimetres after 18 years
_Z90 = 1.6448536269514722  # half-width of the central 90 % of a normal distribution, in standard deviations


def heights(child: Child, bone_ages: Ages, ages: Ages) -> np.ndarray:
    """Predicted statures [n] in cm at 18 years for bone ages and ages [n] in months; NaN outside the table."""
    return regression.heights(TABLE, child, child.known("length_cm"), bone_ages, ages)


def errors(child: Child, ages: Ages) -> np.ndarray:
    """Standard deviations [n] in cm of the error at ages [n]: its 90 % bound over 1.645, NaN where none is published.

    Between the whole years of the figure it is interpolated.
    """
    known, bound = (column(BOUNDS, child.sex, name) for name in ("age_months", "half_width_90_cm"))
    return np.interp(ages, known, bound / _Z90, left=np.nan, right=np.nan)


def remarks(child: Child, ages: Ages, open_to: Sequence[Part]) -> list[Flag]:
    """The flags of this method for a child."""
    later = f"it predicts the stature at 18 years; {STILL_TO_COME[child.sex]} cm are still to come on average"
    flags = [Flag.note("stature_at_18", later), Flag.note("median_of_bones", _MEDIAN)]
    if not child.is_lying:
        flags.append(
            Flag.note("length_from_stature", f"it asks for a recumbent length: {LYING} cm were added to the height")
        )
    return [*flags, *regression.remarks(TABLE, child, ages)]


_MEDIAN = "its skeletal age is the median of the ages of single bones; here it is the bone age of the whole hand"

METHOD = Method(
    "roche_wainer_thissen",
    "Roche–Wainer–Thissen",
    "a sum of recumbent length, weight, mid-parent height and bone age, with the coefficients of the nearest age",
    TABLES[TABLE].source,
    "boys of 1 to 16 and girls of 1 to 14 years of whose bones at most half are adult",
    regression.NEEDS,
    heights,
    errors,
    "the method's error (its 90 % bound, read off figure 1)",
    lambda child: regression.outside(TABLE, child),
    remarks,
)


def figure(child: Child) -> Figure:
    """The adult height of a child by this method, or why there is none."""
    return predict(METHOD, child)
