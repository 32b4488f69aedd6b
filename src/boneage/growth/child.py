"""What is known of a child on the day of a film."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from ..types import OLDEST, Interval, Sex
from .distribution import check_levels
from .units import HEIGHTS, PARENTS, WEIGHTS

LYING = 1.25  # centimetres that a recumbent length is longer than the stature (Roche, Wainer and Thissen 1975)
STANDS_FROM = 24.0  # months: below, a height that does not say so was measured lying
_LIMITS = {
    "age_months": (0.0, OLDEST),
    "age_half_width_months": (0.0, 12.0),
    "bone_age_months": (0.0, 300.0),
    "height_cm": HEIGHTS,
    "weight_kg": WEIGHTS,
    "mother_cm": PARENTS,
    "father_cm": PARENTS,
}


@dataclass(frozen=True)
class Child:
    """A child on the day of a film; what is not known is None.

    Attributes:
        sex: of the child.
        age_months: the chronological age.
        age_half_width_months: half of the range that it may lie in: 6 where only whole years are known.
        bone_age_months: the bone age.
        bone_age_intervals: its prediction intervals, None where its error is not known.
        height_cm: as measured.
        lying: whether the height is a recumbent length; None: by the age, lying below `STANDS_FROM`.
        weight_kg: as measured.
        mother_cm, father_cm: the parents' heights.
        by_network: whether the bone age is a network's; a reader's otherwise.
    """

    sex: Sex
    age_months: float | None = None
    age_half_width_months: float = 0.0
    bone_age_months: float | None = None
    bone_age_intervals: tuple[Interval, ...] | None = None
    height_cm: float | None = None
    lying: bool | None = None
    weight_kg: float | None = None
    mother_cm: float | None = None
    father_cm: float | None = None
    by_network: bool = False

    def __post_init__(self) -> None:
        for one in fields(self):
            value, limits = getattr(self, one.name), _LIMITS.get(one.name)
            if limits and value is not None and not (math.isfinite(value) and limits[0] <= value <= limits[1]):
                raise ValueError(f"{one.name} {value!r} lies outside {limits[0]:g} to {limits[1]:g}")
        check_levels(self.bone_age_intervals or ())

    def known(self, name: str) -> float:
        """What is known by this name. Raises ValueError where it is not known."""
        value = getattr(self, name)
        if value is None:
            raise ValueError(f"{name} of this child is not known")
        return float(value)

    @property
    def is_lying(self) -> bool:
        """Whether the height was measured lying."""
        if self.lying is None:
            return self.age_months is not None and self.age_months < STANDS_FROM
        return self.lying

    @property
    def stature_cm(self) -> float | None:
        """The height as if measured standing."""
        return None if self.height_cm is None else self.height_cm - LYING * self.is_lying

    @property
    def length_cm(self) -> float | None:
        """The height as if measured lying."""
        return None if self.height_cm is None else self.height_cm + LYING * (not self.is_lying)

    @property
    def midparent_cm(self) -> float | None:
        """The mean of the parents' heights."""
        if self.mother_cm is None or self.father_cm is None:
            return None
        return (self.mother_cm + self.father_cm) / 2
