"""All that growth says of a child beside a bone age: one frozen result, as JSON by ``growth.schema.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..types import DISCLAIMER, Reading
from . import bayley_pinneau, deviation, khamis_guo, lms, roche_wainer_thissen, target_height
from .child import Child
from .figure import Figure
from .tables import TABLES
from .velocity import Step, Visit, up_to


@dataclass(frozen=True)
class Growth:
    """What a bone age means for one child on the day of a film.

    No adult height is "the" prediction: the methods stand side by side, and none beyond its tables.

    Attributes:
        child: what was known.
        difference: bone age minus chronological age.
        bone_age_sds: by the named table.
        height_sds: by the CDC's charts of 2000, or by a chart of the user's own.
        target_height: by the parents alone.
        adult_heights: by Bayley–Pinneau, Roche–Wainer–Thissen and Khamis–Guo.
        follow_up: what has changed from film to film, in the order of the ages; the last step ends at this film.
        tables: the SHA-256 of each file of numbers that the figures are looked up in, by name, also where one of them
            has no value for this child.
        disclaimer: what all this is not for.
    """

    child: Child
    difference: Figure
    bone_age_sds: Figure
    height_sds: Figure
    target_height: Figure
    adult_heights: tuple[Figure, ...]
    follow_up: tuple[Step, ...] = ()
    tables: Mapping[str, str] = field(default_factory=dict, hash=False)
    disclaimer: str = DISCLAIMER

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures of this day, in the order in which they are shown."""
        return (self.difference, self.bone_age_sds, self.height_sds, self.target_height, *self.adult_heights)

    @property
    def velocity(self) -> Step | None:
        """What has changed since the film before this one; None without one."""
        return self.follow_up[-1] if self.follow_up else None

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        child = asdict(self.child) | {"sex": self.child.sex.value}
        intervals = self.child.bone_age_intervals
        child["bone_age_intervals"] = None if intervals is None else [asdict(one) for one in intervals]
        figures = {name: getattr(self, name).to_dict() for name in _FIGURES}
        return {
            "child": child,
            **figures,
            "adult_heights": [one.to_dict() for one in self.adult_heights],
            "follow_up": [one.to_dict() for one in self.follow_up],
            "tables": dict(self.tables),
            "disclaimer": self.disclaimer,
        }


_FIGURES = ("difference", "bone_age_sds", "height_sds", "target_height")
_METHODS = (bayley_pinneau, roche_wainer_thissen, khamis_guo)


def assess(
    child: Child | Visit,
    earlier: Sequence[Visit] = (),
    *,
    chart: lms.Chart | None = None,
    sds_table: str = deviation.BRUSH,
) -> Growth:
    """All that can be said of a child; what cannot says why.

    Args:
        child: what is known on the day of the film.
        earlier: other films of the same child, in any order; those after this one do not count.
        chart: heights of children to compare with; by default the CDC's.
        sds_table: for the bone age, one of `boneage.growth.reference.NAMES`.
    """
    visit = child if isinstance(child, Visit) else Visit(child)
    now = visit.child
    heights = chart or lms.cdc(now.is_lying)
    return Growth(
        now,
        deviation.difference(now),
        deviation.sds(now, sds_table),
        lms.figure(now, heights),
        target_height.figure(now),
        tuple(method.figure(now) for method in _METHODS),
        up_to(visit, earlier, sds_table),
        _tables(heights, sds_table),
    )


def child_of(reading: Reading, **known: Any) -> Child:
    """A child of a reading; ``known`` has the other fields of `Child`."""
    return Child(
        sex=reading.sex,
        bone_age_months=None if reading.bone_age_months is None else max(reading.bone_age_months, 0.0),
        bone_age_intervals=reading.intervals,
        by_network=True,
        **known,
    )


def _tables(heights: lms.Chart, sds_table: str) -> Mapping[str, str]:
    """The hashes of the tables in use."""
    names = [bayley_pinneau.SHARES, bayley_pinneau.ERRORS, roche_wainer_thissen.TABLE, roche_wainer_thissen.BOUNDS]
    names += [khamis_guo.TABLE, *([deviation.OF_1959_TABLE] if sds_table == deviation.OF_1959 else [])]
    return {name: TABLES[name].sha256 for name in names} | {heights.name: heights.sha256}
