"""A regression with a row of coefficients for each age, as Roche, Wainer and Thissen and their successors use.

The height is a sum of the child's height, weight, mid-parent height and bone age in years, each times its coefficient.
The papers list rows for ages apart and give no way to interpolate between them: the row of the nearest age is used.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from ..types import Flag, Sex
from .child import Child
from .prediction import MOSTLY_ADULT, Ages
from .tables import column, rows
from .units import age_text

NEEDS = ("bone_age_months", "age_months", "height_cm", "weight_kg", "midparent_cm")
_TERMS = ("intercept", "height_cm", "weight_kg", "midparent_cm", "skeletal_age_years")


def heights(table: str, child: Child, height_cm: float, bone_ages: Ages, ages: Ages) -> np.ndarray:
    """Predicted heights [n] in cm for bone ages and chronological ages [n] in months; NaN outside the table."""
    known, coefficients = _coefficients(table, child.sex)
    base = np.array([1.0, height_cm, child.known("weight_kg"), child.known("midparent_cm")])
    chosen = coefficients[nearest(known, ages)]
    found = chosen[:, :4] @ base + chosen[:, 4] * bone_ages / 12
    return np.where((ages >= known[0]) & (ages <= known[-1]), found, np.nan)


def nearest(known: np.ndarray, ages: Ages) -> np.ndarray:
    """The place of the row nearest to each age; of two equally near the later one."""
    return np.searchsorted((known[1:] + known[:-1]) / 2, ages, side="right")


def outside(table: str, child: Child) -> str:
    """Why the table holds no row for a child."""
    known = column(table, child.sex, "age_months")
    children = "boys" if child.sex is Sex.MALE else "girls"
    return (
        f"the table of {children} covers ages of {age_text(known[0])} to {age_text(known[-1])},"
        f" not {age_text(child.known('age_months'))}"
    )


def remarks(table: str, child: Child, ages: Ages) -> list[Flag]:
    """The flags of the rows in use and of bones that are probably adult."""
    flags = []
    if child.known("bone_age_months") >= MOSTLY_ADULT[child.sex]:
        said = "by the bone age more than half of the bones are probably adult: the method is not meant for that"
        flags.append(Flag.warn("most_bones_adult", said))
    chosen = [row for row in rows(table) if row["sex"] == child.sex.value]
    for place in np.unique(nearest(column(table, child.sex, "age_months"), ages)):
        flags += _misprints(chosen[place], child.known("weight_kg"))
    return flags


def _misprints(row: Mapping[str, str], weight: float) -> list[Flag]:
    """What is known or suspected of the printing of a row."""
    where, found = f"the row of {age_text(float(row['age_months']))}", []
    if row["printed"]:
        name, _, value = row["printed"].partition("=")
        said = f"{where} is used with the {name} {row[name]}: the paper prints {value}, which its neighbours refute"
        found.append(Flag.note("misprint_corrected", said))
    if row["doubt"]:
        name, _, value = row["doubt"].partition("=")
        shift = (float(value) - float(row[name])) * weight
        said = f"{where} may be misprinted ({name} {row[name]}, by its neighbours {value})"
        found.append(Flag.warn("misprint_suspected", f"{said}: then the height would be {shift:+.1f} cm different"))
    return found


@cache
def _coefficients(table: str, sex: Sex) -> tuple[np.ndarray, np.ndarray]:
    """Ages [rows] and coefficients [rows, 5]."""
    return column(table, sex, "age_months"), np.stack([column(table, sex, name) for name in _TERMS], axis=1)
