"""A bone age against a reference table: its difference from the mean at a chronological age, in standard deviations.

The table is that of the Brush Foundation study as Greulich and Pyle print it (Radiographic Atlas of Skeletal
Development of the Hand and Wrist, 2nd ed., Stanford 1959): mean and standard deviation of the bone age of healthy
children at each chronological age. Another table with other values circulates under the same names, so every output
names this one.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np

from ..errors import OutsideReference
from ..types import Sex

BRUSH, OF_1959 = NAMES = ("brush", "greulich_pyle_1959")  # the tables of `boneage.growth.deviation`
TABLE = "Brush Foundation (Greulich and Pyle 1959), linearly interpolated"

_AGES = (3, 6, 9, 12, 18, 24, 30, 36, 42, 48, 54, 60, 72, 84, 96, 108, 120, 132, 144, 156, 168, 180, 192, 204)
_MEANS = {
    Sex.MALE: (
        *(3.01, 6.09, 9.56, 12.74, 19.36, 25.97, 32.40, 38.21, 43.89, 49.04, 56.00, 62.43, 75.46, 88.20),
        *(101.38, 113.90, 125.68, 137.32, 148.82, 158.39, 170.02, 182.72, 195.32, 206.21),
    ),
    Sex.FEMALE: (
        *(3.02, 6.04, 9.05, 12.04, 18.22, 24.16, 30.96, 36.63, 43.50, 50.14, 60.06, 66.21, 78.50, 89.30),
        *(100.66, 113.86, 125.66, 137.86, 149.62, 162.28, 174.25, 183.62, 189.44),
    ),
}
_SDS = {
    Sex.MALE: (
        *(0.69, 1.13, 1.43, 1.97, 3.52, 3.92, 4.52, 5.08, 5.40, 6.66, 8.36, 8.79, 9.17, 8.91),
        *(9.10, 9.00, 9.79, 10.09, 10.38, 10.44, 10.72, 11.32, 12.86, 13.05),
    ),
    Sex.FEMALE: (
        *(0.72, 1.16, 1.36, 1.77, 3.49, 4.64, 5.37, 5.97, 7.48, 8.98, 10.73, 11.65, 10.23, 9.64),
        *(10.23, 10.74, 11.73, 11.94, 10.24, 10.67, 11.30, 9.23, 7.31),
    ),
}
_STEPS = 13  # ages at which a range is looked at: every month of a year
_CHILDREN = {Sex.MALE: "boys", Sex.FEMALE: "girls"}


@dataclass(frozen=True)
class Row:
    """One line of the table, in months: mean and standard deviation of the bone age at a chronological age."""

    age: float
    mean: float
    sd: float


@dataclass(frozen=True)
class Comparison:
    """A bone age compared with a chronological age.

    Attributes:
        chronological_age_months: as given; of an age that is known in whole years the middle.
        age_half_width_months: half of the range that this age may lie in, 0 where it is exact.
        difference_months: bone age minus chronological age.
        mean_months, sd_months: of the bone age of healthy children at that age.
        sds: bone age minus that mean, in standard deviations.
        sds_low, sds_high: the least and the greatest over the ages of that range; both as ``sds`` where it is exact.
        table: where mean and standard deviation come from.
    """

    chronological_age_months: float
    difference_months: float
    mean_months: float
    sd_months: float
    sds: float
    age_half_width_months: float = 0.0
    sds_low: float | None = None
    sds_high: float | None = None
    table: str = TABLE

    def to_dict(self) -> dict[str, float | str | None]:
        """The comparison as JSON values."""
        return asdict(self)


def rows(sex: Sex) -> tuple[Row, ...]:
    """The table of one sex as printed. Raises OutsideReference for an unknown sex."""
    if sex not in _MEANS:
        raise OutsideReference("the Brush Foundation table is one of boys and one of girls, and the sex is unknown")
    return tuple(Row(*line) for line in zip(_AGES, _MEANS[sex], _SDS[sex], strict=False))


def expected(age: float, sex: Sex) -> Row:
    """Mean and standard deviation at an age in months, linearly interpolated.

    Raises:
        OutsideReference: for an unknown sex, or an age that the table does not cover.
    """
    table = rows(sex)
    low, high = table[0].age, table[-1].age
    if not (math.isfinite(age) and low <= age <= high):
        raise OutsideReference(
            f"the Brush Foundation table of {_CHILDREN[sex]} covers {low:g} to {high:g} months of age, not {age:.1f}"
        )
    ages = [row.age for row in table]
    mean, sd = (float(np.interp(age, ages, [getattr(row, name) for row in table])) for name in ("mean", "sd"))
    return Row(age, mean, sd)


def compare(bone_age: float, age: float, sex: Sex, half_width: float = 0.0) -> Comparison:
    """Compare a bone age with a chronological age, both in months.

    Args:
        bone_age: of the film.
        age: at the film; the middle of the range where it is not exact.
        sex: of the child.
        half_width: of that range; as far as the table covers it.

    Raises:
        OutsideReference: as `expected`.
    """
    row, (low, high) = expected(age, sex), (rows(sex)[0].age, rows(sex)[-1].age)
    ages = np.clip(np.linspace(age - half_width, age + half_width, _STEPS if half_width else 1), low, high)
    found = [(bone_age - one.mean) / one.sd for one in (expected(float(at), sex) for at in ages)]
    return Comparison(
        chronological_age_months=round(age, 2),
        difference_months=round(bone_age - age, 2),
        mean_months=round(row.mean, 2),
        sd_months=round(row.sd, 2),
        sds=round((bone_age - row.mean) / row.sd, 2),
        age_half_width_months=round(half_width, 2),
        sds_low=round(min(found), 2),
        sds_high=round(max(found), 2),
    )
