"""A predicted adult height as a figure: the method's formula at the reading, and a range from both errors.

The range holds the method's own published error and the error of the bone age, which is carried through the method
for many bone ages that the reading allows, and for the ages that a chronological age in whole years leaves open.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..types import Flag, Sex
from .child import Child
from .distribution import LEVEL, mixture_range, pairs
from .figure import Figure, Part

MOST_OUTSIDE = 0.1  # of the bone ages that a reading allows: with more of them outside the table there is no range
FAR_APART = 24.0  # months between bone age and chronological age: the authors of Bayley-Pinneau warn beyond
MOSTLY_ADULT = {Sex.MALE: 192.0, Sex.FEMALE: 168.0}  # bone ages from which most bones of a hand look adult
_MISSING = {
    "bone_age_months": ("no_bone_age", "there is no bone age"),
    "age_months": ("no_age", "the chronological age is not known"),
    "height_cm": ("no_height", "the child's height is not given"),
    "weight_kg": ("no_weight", "the child's weight is not given"),
    "midparent_cm": ("no_parents", "the heights of both parents are not given"),
}

Ages = np.ndarray  # float64 [n], months


@dataclass(frozen=True)
class Method:
    """A way to predict adult height.

    Attributes:
        name, title, text, source, domain: as in `Figure`; ``text`` is its method.
        needs: the fields of `Child` that it needs beside the sex.
        heights: predicted heights [n] in cm of a child for bone ages and ages [n]; NaN outside the tables.
        errors: standard deviations [n] in cm of the method's published error at ages [n]; NaN where none is published.
        error_text: where that error comes from.
        outside: why a child lies outside the tables, in one sentence.
        remarks: flags of the method, for a child, the ages that are possible and the ``parts``.
        parts: cases that the pairs of bone age and age leave open that a reading allows.
    """

    name: str
    title: str
    text: str
    source: str
    domain: str
    needs: tuple[str, ...]
    heights: Callable[[Child, Ages, Ages], np.ndarray]
    errors: Callable[[Child, Ages], np.ndarray]
    error_text: str
    outside: Callable[[Child], str]
    remarks: Callable[[Child, Ages, Sequence[Part]], list[Flag]]
    parts: Callable[[Child, Ages, Ages], tuple[Part, ...]] = lambda child, bones, ages: ()


def predict(method: Method, child: Child) -> Figure:
    """The adult height that a method predicts for a child, or why it predicts none."""
    missing = missing_of(child, method.needs)
    if missing:
        return _figure(method, child, flags=(missing,))
    bone_age, age, today = (child.known(name) for name in ("bone_age_months", "age_months", "stature_cm"))
    found = float(method.heights(child, np.array([bone_age]), np.array([age]))[0])
    if np.isnan(found):
        return _figure(method, child, flags=(Flag.refuse("outside_table", method.outside(child)),))
    bones, ages = pairs(bone_age, child.bone_age_intervals, age, child.age_half_width_months)
    reach, reasons = _range(method, child, bones, ages)
    low, high = (None, None) if reach is None else (round(max(end, today), 2) for end in reach)
    parts = method.parts(child, bones, ages)
    flags = [*_remarks(child), *method.remarks(child, ages, parts), *reasons, *_today(found, today)]
    values = {"value": round(max(found, today), 2), "low": low, "high": high}
    about = {"level": LEVEL, "range_of": _range_text(method, child)} if reach else {}
    return _figure(method, child, flags=tuple(flags), parts=parts, **values, **about)


def missing_of(child: Child, needs: Sequence[str], *, sexed: bool = True) -> Flag | None:
    """The flag of the first thing that is needed and not known of a child; None where all is known.

    ``sexed``: whether the sex is needed too.
    """
    if sexed and child.sex is Sex.UNKNOWN:
        return Flag.refuse("no_sex", "the sex is not known, and the tables are of boys or of girls")
    for name in needs:
        if getattr(child, name) is None:
            return Flag.refuse(*_MISSING[name])
    return None


def known_of(child: Child, needs: Sequence[str]) -> Mapping[str, float | str]:
    """What is known of what is needed, by name."""
    values = {name: getattr(child, name) for name in needs}
    found = {name: round(value, 3) for name, value in values.items() if value is not None}
    if child.age_half_width_months and "age_months" in found:
        found["age_half_width_months"] = child.age_half_width_months
    return {"sex": child.sex.value, **found}


def _figure(method: Method, child: Child, **values: object) -> Figure:
    needs = known_of(child, method.needs)
    return Figure(
        method.name,
        method.title,
        "cm",
        method.text,
        method.source,
        method.domain,
        computed_from=needs,
        **values,  # type: ignore[arg-type]
    )


def _range(method: Method, child: Child, bones: Ages, ages: Ages) -> tuple[tuple[float, float] | None, list[Flag]]:
    """The range, or None with the reason."""
    heights, sds = method.heights(child, bones, ages), method.errors(child, ages)
    if np.isnan(sds).any():
        reason = "no error of this method is published for this age: there is no range"
        return None, [Flag.warn("no_published_error", reason)]
    outside = float(np.isnan(heights).mean())
    inside = ~np.isnan(heights)
    said = f"for {outside:.0%} of the bone ages that the reading allows the tables have no value"
    if outside > MOST_OUTSIDE:
        return None, [Flag.warn("partly_outside", f"{said}: there is no range")]
    flags = [Flag.note("partly_outside", f"{said}: the range is of the others")] if outside >= 0.01 else []
    return mixture_range(heights[inside], sds[inside]), flags


def _range_text(method: Method, child: Child) -> str:
    width = ", the chronological age's width" if child.age_half_width_months else ""
    reading = " and the error of the bone age" if child.bone_age_intervals else "; the bone age is taken for exact"
    return f"{method.error_text}{width}{reading}"


def _remarks(child: Child) -> list[Flag]:
    """What holds for every method."""
    flags, apart = [], child.known("bone_age_months") - child.known("age_months")
    if abs(apart) > FAR_APART:
        said = f"bone age and chronological age are {abs(apart):.0f} months apart: predictions are unreliable beyond 24"
        flags.append(Flag.warn("ages_far_apart", said))
    if not child.bone_age_intervals:
        said = "the error of the bone age is not known, and not in the range"
        flags.append(Flag.note("bone_age_error_unknown", said))
    if child.by_network:
        said = "the tables were made with bone ages by readers with the atlas, not by this network"
        flags.append(Flag.note("read_by_network", said))
    return flags


def _today(found: float, today: float) -> list[Flag]:
    if found >= today:
        return []
    said = f"the formula gives {found:.1f} cm, less than the child has today: today's height is given"
    return [Flag.warn("below_today", said)]
