"""The bone age against the calendar: the difference, and the standard deviation score by a named table.

The table of the Brush Foundation study (`boneage.growth.reference`) gives a mean and a standard deviation. The standard
deviations of 1959 are a named alternative, of one transcription alone: there the mean is the chronological age.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..types import Flag, Sex
from . import reference
from .child import Child
from .distribution import pairs, ranged
from .figure import Figure
from .prediction import known_of, missing_of
from .reference import BRUSH, OF_1959
from .tables import TABLES, column

OF_1959_TABLE = "greulich_pyle_1959_sd"
_NEEDS = ("bone_age_months", "age_months")
_SOURCE = (
    "Greulich WW, Pyle SI. Radiographic atlas of skeletal development of the hand and wrist, 2nd ed. Stanford 1959"
)
TITLES = {
    BRUSH: reference.TABLE,
    OF_1959: "standard deviations of 1959 (Greulich and Pyle), one transcription",
}
_TEXT = {
    BRUSH: "(bone age – mean at the chronological age) / standard deviation at it, linearly interpolated",
    OF_1959: "(bone age – chronological age) / standard deviation at the chronological age, linearly interpolated",
}


def source(table: str) -> str:
    """Where a table of `NAMES` was published."""
    return _SOURCE if table == BRUSH else TABLES[OF_1959_TABLE].source


def expected(ages: np.ndarray, sex: Sex, table: str = BRUSH) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the bone age at ages [n] in months; NaN outside the table."""
    if table == OF_1959:
        known, sd = (column(OF_1959_TABLE, sex, name) for name in ("age_months", "sd_months"))
        return ages, np.interp(ages, known, sd, left=np.nan, right=np.nan)
    rows = reference.rows(sex)
    known = np.array([row.age for row in rows])
    mean, sd = (np.array([getattr(row, name) for row in rows]) for name in ("mean", "sd"))
    return (
        np.interp(ages, known, mean, left=np.nan, right=np.nan),
        np.interp(ages, known, sd, left=np.nan, right=np.nan),
    )


def scores(bone_ages: np.ndarray, ages: np.ndarray, sex: Sex, table: str = BRUSH) -> np.ndarray:
    """Standard deviation scores [n] of bone ages at chronological ages, in months; NaN outside the table."""
    mean, sd = expected(ages, sex, table)
    return (bone_ages - mean) / sd


def difference(child: Child) -> Figure:
    """Bone age minus chronological age in months, with the range that the reading and the age leave open."""
    known, text = known_of(child, _NEEDS), "bone age – chronological age"
    about = ("difference", text, "months", text, "none is needed", "everyone")
    missing = missing_of(child, _NEEDS, sexed=False)
    if missing:
        return Figure(*about, computed_from=known, flags=(missing,))
    bones, ages = _pairs(child)
    value = round(child.known("bone_age_months") - child.known("age_months"), 2)
    return Figure(*about, value=value, computed_from=known, **_range(child, bones - ages))


def sds(child: Child, table: str = BRUSH) -> Figure:
    """The standard deviation score of a child's bone age by a table of `NAMES`, or why there is none."""
    known = known_of(child, _NEEDS)
    about = (
        "bone_age_sds",
        "bone age SDS",
        "SD",
        f"{_TEXT[table]}; table: {TITLES[table]}",
        source(table),
        _domain(child.sex, table),
    )
    missing = missing_of(child, _NEEDS)
    if missing:
        return Figure(*about, computed_from=known, flags=(missing,))
    bones, ages = _pairs(child)
    found = scores(bones, ages, child.sex, table)
    value = scores(np.array([child.bone_age_months]), np.array([child.age_months]), child.sex, table)[0]
    if np.isnan(value) or np.isnan(found).any():
        said = f"the table covers {_domain(child.sex, table)}: the age is or may lie outside"
        return Figure(*about, computed_from=known, flags=(Flag.refuse("outside_table", said),))
    return Figure(*about, value=round(float(value), 2), computed_from=known, **_range(child, found))


def _pairs(child: Child) -> tuple[np.ndarray, np.ndarray]:
    bone_age, age = child.known("bone_age_months"), child.known("age_months")
    return pairs(bone_age, child.bone_age_intervals, age, child.age_half_width_months)


def _range(child: Child, values: np.ndarray) -> dict[str, Any]:
    """The fields of a figure's range, empty where nothing is left open."""
    sources = [
        *(["the error of the bone age"] if child.bone_age_intervals else []),
        *(["the chronological age's width"] if child.age_half_width_months else []),
    ]
    return ranged(values, " and ".join(sources))


def _domain(sex: Sex, table: str) -> str:
    if sex is Sex.UNKNOWN:
        return "boys and girls"
    known = column(OF_1959_TABLE, sex, "age_months") if table == OF_1959 else None
    low, high = (
        (known[0], known[-1]) if known is not None else (reference.rows(sex)[0].age, reference.rows(sex)[-1].age)
    )
    return f"{'boys' if sex is Sex.MALE else 'girls'} of {low:g} to {high:g} months"
