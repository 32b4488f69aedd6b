"""Follow-up: how far bone age and height have moved between two films of one child, and what error alone explains.

The errors of two readings by one model may be independent, or move together, as for a child whose bones the model
always takes for older than a reader would. No data of this project says how far they do: of no child in it two films
are known. So a velocity has two ranges: the range of a figure takes the errors for independent, which is the widest;
``together`` takes them for equal in rank, which is the narrowest. A change is called more than error only where it is
so by the widest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np

from ..types import DAYS_A_MONTH, Flag, Severity, Sex
from . import deviation
from .child import Child
from .distribution import ages, bone_ages, mixture_range, ranged, scores
from .figure import Figure

SHORT = 6.0  # months between two films, below which a velocity says little
_BONES = 31  # equally likely values of a bone age
_INDEPENDENT = "the errors of both readings, taken for independent, which gives the widest range"
_DOMAIN = "two films of one child"


@dataclass(frozen=True)
class Visit:
    """A film of a child, with what was known that day.

    Attributes:
        child: what was known.
        day: when the film was taken; two visits with one are exactly so far apart.
        name: of the film, for people.
        model: which read it; empty for a reader.
    """

    child: Child
    day: date | None = None
    name: str = ""
    model: str = ""


@dataclass(frozen=True)
class Step:
    """What has changed from one film to another.

    Attributes:
        first, second: the names of the films.
        months: between them; None where that is not known.
        bone_age_velocity: years of bone age in a year.
        together: the range of that velocity if the errors of both readings move together; None where it has none.
        sds_change: of the bone age's standard deviation score.
        height_velocity: centimetres in a year.
        verdict: whether error alone explains the change of the bone age; None without a velocity.
    """

    first: str
    second: str
    months: float | None
    bone_age_velocity: Figure
    together: tuple[float, float] | None
    sds_change: Figure
    height_velocity: Figure
    verdict: Flag | None

    def to_dict(self) -> dict[str, Any]:
        """The step as plain JSON values."""
        figures = {name: getattr(self, name).to_dict() for name in _FIGURES}
        verdict = None if self.verdict is None else asdict(self.verdict) | {"severity": self.verdict.severity.value}
        together = None if self.together is None else list(self.together)
        about = {"first": self.first, "second": self.second, "months": self.months}
        return about | figures | {"together": together, "verdict": verdict}


_FIGURES = ("bone_age_velocity", "sds_change", "height_velocity")


@dataclass(frozen=True)
class _Grid:
    """Equally likely cases [n] of two bone ages and two chronological ages, in months."""

    bones: tuple[np.ndarray, np.ndarray]
    ages: tuple[np.ndarray, np.ndarray]

    @property
    def months(self) -> np.ndarray:
        return self.ages[1] - self.ages[0]


def follow_up(visits: Sequence[Visit], sds_table: str = deviation.BRUSH) -> tuple[Step, ...]:
    """The steps between each film of one child and the next; none for fewer than two.

    In the order of the dates if all are known, else of the ages. What has no bone age, or no place in that order, does
    not count. ``sds_table``: for the scores, one of `boneage.growth.reference.NAMES`.
    """
    return tuple(step(first, second, sds_table) for first, second in pairwise(_in_order(visits)))


def up_to(visit: Visit, earlier: Sequence[Visit], sds_table: str = deviation.BRUSH) -> tuple[Step, ...]:
    """`follow_up` of one child up to a visit: none where that has no bone age, or no place in the order.

    Of ``earlier`` those after the visit do not count.
    """
    ordered = _in_order([*(one for one in earlier if is_before(one, visit)), visit])
    ends = [place for place, one in enumerate(ordered, start=1) if one is visit]
    return follow_up(ordered[: ends[0]], sds_table) if ends else ()


def _in_order(visits: Sequence[Visit]) -> list[Visit]:
    known = [one for one in visits if one.child.bone_age_months is not None]
    if all(one.day for one in known):
        return sorted(known, key=lambda one: one.day or date.min)
    aged = [one for one in known if one.child.age_months is not None]
    return sorted(aged, key=lambda one: one.child.known("age_months"))


def is_before(first: Visit, second: Visit) -> bool:
    """Whether a film was taken before another, or at the same time: by the dates, else by the ages."""
    if first.day and second.day:
        return first.day <= second.day
    if first.child.age_months is None or second.child.age_months is None:
        return False
    return first.child.age_months <= second.child.age_months


def step(first: Visit, second: Visit, sds_table: str = deviation.BRUSH) -> Step:
    """What has changed from one film to a later one of the same child.

    Both need a bone age, and either both dates or both ages.
    """
    flags = _flags(first, second)
    if any(flag.severity is Severity.REFUSE for flag in flags):
        figures = [_refused(*about, flags[0]) for about in (_VELOCITY, _sds_about(sds_table), _HEIGHT)]
        return Step(first.name, second.name, None, figures[0], None, figures[1], figures[2], None)
    apart, same = _grid(first, second, together=False), _grid(first, second, together=True)
    velocity = _velocity(first, second, apart, flags)
    together = _bounds((same.bones[1] - same.bones[0]) / same.months) if velocity.low is not None else None
    return Step(
        first.name,
        second.name,
        round(_months(first, second), 2),
        velocity,
        together,
        _sds_change(first, second, apart, flags, sds_table),
        _height_velocity(first, second, apart),
        _verdict(velocity, _months(first, second)),
    )


def _months(first: Visit, second: Visit) -> float:
    if first.day and second.day:
        return (second.day - first.day).days / DAYS_A_MONTH
    return (second.child.known("age_months")) - (first.child.known("age_months"))


def _flags(first: Visit, second: Visit) -> list[Flag]:
    """What is to be known of two visits; the first of them refuses where they may be in another order."""
    months, dated = _months(first, second), first.day and second.day
    slack = 0.0 if dated else first.child.age_half_width_months + second.child.age_half_width_months
    if dated and months == 0:
        return [Flag.refuse("same_day", "both films are of one day: no velocity can be told")]
    if months - slack <= 0:
        return [Flag.refuse("order_open", "the ages do not tell how far the two films are apart: give their dates")]
    found = []
    if months < SHORT:
        said = f"the films are {months:.1f} months apart: a velocity says little below 6"
        found.append(Flag.note("short_time", said))
    if first.model != second.model:
        found.append(Flag.warn("other_model", "the films were read by different models, whose errors differ"))
    return found


def _grid(first: Visit, second: Visit, *, together: bool) -> _Grid:
    """The cases that both readings and both ages leave open; with ``together`` both readings err by the same rank."""
    early, late = _bones(first), _bones(second)
    if together and len(early) == len(late):
        bones = (early, late)
    else:
        bones = (np.repeat(early, len(late)), np.tile(late, len(early)))
    before, after = _ages(first, second)
    repeated = [np.tile(one, len(before)) for one in bones]
    return _Grid((repeated[0], repeated[1]), (np.repeat(before, len(bones[0])), np.repeat(after, len(bones[0]))))


def _bones(visit: Visit) -> np.ndarray:
    """Equally likely bone ages of a visit; one where the error is not known."""
    months, intervals = visit.child.known("bone_age_months"), visit.child.bone_age_intervals
    return bone_ages(months, intervals, scores(_BONES if intervals else 1))


def _ages(first: Visit, second: Visit) -> tuple[np.ndarray, np.ndarray]:
    """Equally likely pairs of both ages; with both dates known their distance is."""
    early = ages(first.child.age_months or 0.0, first.child.age_half_width_months)
    if first.day and second.day:
        return early, early + _months(first, second)
    late = ages(second.child.known("age_months"), second.child.age_half_width_months)
    return np.repeat(early, len(late)), np.tile(late, len(early))


_VELOCITY = ("bone_age_velocity", "velocity of the bone age", "years a year", "change of the bone age over the time")
_HEIGHT = ("height_velocity", "growth velocity", "cm a year", "change of the height over the time")


def _sds_about(table: str) -> tuple[str, str, str, str]:
    method = f"bone age SDS ({deviation.TITLES[table]}) of the later film less that of the earlier"
    return ("sds_change", "change of the bone age SDS", "SD", method)


def _refused(name: str, title: str, unit: str, method: str, flag: Flag) -> Figure:
    return Figure(name, title, unit, method, "none is needed", _DOMAIN, flags=(flag,))


def _velocity(first: Visit, second: Visit, grid: _Grid, flags: list[Flag]) -> Figure:
    months = _months(first, second)
    moved = (second.child.known("bone_age_months")) - (first.child.known("bone_age_months"))
    known = {
        "bone_age_months_before": first.child.known("bone_age_months"),
        "bone_age_months": second.child.known("bone_age_months"),
        "months_between": round(months, 3),
    }
    return Figure(
        *_VELOCITY,
        "none is needed",
        _DOMAIN,
        value=round(moved / months, 3),
        computed_from=known,
        flags=tuple(flags),
        **_range((grid.bones[1] - grid.bones[0]) / grid.months, first, second),
    )


def _sds_change(first: Visit, second: Visit, grid: _Grid, flags: list[Flag], table: str) -> Figure:
    sex, title = second.child.sex, _sds_about(table)
    if sex is Sex.UNKNOWN or first.child.sex is not sex:
        return _refused(*title, Flag.refuse("no_sex", "the sex is not known, or not the same in both films"))
    if first.child.age_months is None or second.child.age_months is None:
        return _refused(*title, Flag.refuse("no_age", "the chronological age is not known for both films"))
    ends = [np.array([one.child.bone_age_months]) for one in (first, second)]
    days = [np.array([one.child.age_months]) for one in (first, second)]
    found = [float(deviation.scores(bone, day, sex, table)[0]) for bone, day in zip(ends, days, strict=True)]
    before, after = (deviation.scores(grid.bones[at], grid.ages[at], sex, table) for at in (0, 1))
    open_to = after - before
    if np.isnan(found).any() or np.isnan(open_to).any():
        return _refused(*title, Flag.refuse("outside_table", "one of the ages lies, or may lie, outside the table"))
    known = {"sds_before": round(found[0], 2), "sds": round(found[1], 2)}
    about = (*title, deviation.source(table), _DOMAIN)
    value = round(found[1] - found[0], 2)
    return Figure(*about, value=value, computed_from=known, flags=tuple(flags), **_range(open_to, first, second))


def _height_velocity(first: Visit, second: Visit, grid: _Grid) -> Figure:
    heights = [one.child.stature_cm for one in (first, second)]
    if heights[0] is None or heights[1] is None:
        return _refused(*_HEIGHT, Flag.refuse("no_height", "the height is not given for both films"))
    months = _months(first, second)
    known = {"height_cm_before": heights[0], "height_cm": heights[1], "months_between": round(months, 3)}
    about = (*_HEIGHT, "none is needed", _DOMAIN)
    unsaid = Flag.note("measuring_error", "the error of measuring the heights is in no range")
    flags = [
        unsaid,
        *([Flag.note("short_time", "below six months a growth velocity says little")] if months < SHORT else []),
    ]
    return Figure(
        *about, value=round(12 * (heights[1] - heights[0]) / months, 2), computed_from=known, flags=tuple(flags)
    )


def _range(values: np.ndarray, first: Visit, second: Visit) -> dict[str, Any]:
    readings = [one for one in (first, second) if one.child.bone_age_intervals]
    said = _INDEPENDENT if len(readings) == 2 else "the error of one reading" if readings else ""
    wide = any(one.child.age_half_width_months for one in (first, second))
    text = "; ".join(filter(None, (said, "the widths of the ages" if wide else "")))
    return ranged(values, text, 3)


def _bounds(values: np.ndarray) -> tuple[float, float]:
    low, high = mixture_range(values, np.zeros_like(values))
    return round(low, 3), round(high, 3)


def _verdict(velocity: Figure, months: float) -> Flag | None:
    """Whether the bone age moved otherwise than the calendar by more than error alone explains."""
    if velocity.value is None or velocity.low is None or velocity.high is None:
        return None
    moved = f"the bone age moved by {velocity.value * months:.0f} months in {months:.0f}"
    if velocity.low <= 1 <= velocity.high:
        return Flag.note("error_explains", f"{moved}: the error of the readings alone may explain the difference")
    way = "faster" if velocity.value > 1 else "slower"
    return Flag.warn(
        "more_than_error", f"{moved}, {way} than the calendar: the error of the readings alone does not explain it"
    )
