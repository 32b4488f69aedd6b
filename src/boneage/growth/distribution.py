"""What a reading says of the bone age, as quantiles, and how they carry its error through a table with steps.

A formula for small errors would miss what matters: near the border of two groups a small error of the bone age changes
the predicted height by centimetres. So every number that is computed from a reading is computed for many bone ages
that the reading allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np

from ..types import Interval

BONE_AGES, AGES = 61, 7  # how many equally likely values stand for a reading, and for an age known in years
LEVEL = 0.9  # of all ranges in this room
LEVELS = (0.01, 0.999)  # that an interval of a bone age may have
_NORMAL = NormalDist()
_HALVINGS = 14  # of the range that holds a quantile: of some centimetres a thousandth is left


@cache
def _distribution() -> tuple[np.ndarray, np.ndarray]:
    """The normal distribution function as a table: scores and probabilities."""
    z = np.linspace(-8, 8, 3201)
    return z, np.array([_NORMAL.cdf(float(one)) for one in z])


@cache
def scores(count: int) -> np.ndarray:
    """The standard normal quantiles of ``count`` equally likely values: float64 [count]."""
    return np.array([_NORMAL.inv_cdf((place + 0.5) / count) for place in range(count)])


def check_levels(intervals: Sequence[Interval]) -> None:
    """Raise ValueError for intervals whose levels are no quantiles: two of one level, or nearly 0 or 1."""
    levels = [one.level for one in intervals]
    if len(set(levels)) < len(levels):
        raise ValueError("two intervals have one level")
    if not all(LEVELS[0] <= level <= LEVELS[1] for level in levels):
        raise ValueError(f"the level of an interval lies outside {LEVELS[0]:g} to {LEVELS[1]:g}")


def normal_intervals(months: float, sd: float, levels: Sequence[float] = (0.5, 0.8, 0.9)) -> tuple[Interval, ...]:
    """The intervals of a bone age whose error is normal with the standard deviation ``sd``, in months."""
    reach = {level: sd * _NORMAL.inv_cdf((1 + level) / 2) for level in levels}
    return tuple(Interval(level, max(months - half, 0.0), months + half) for level, half in reach.items())


def bone_ages(months: float, intervals: Sequence[Interval] | None, z: np.ndarray) -> np.ndarray:
    """The bone ages that a reading allows, at standard normal scores z [n]: float64 [n], months, none below 0.

    The ends of the intervals are quantiles of the bone age. Between them it is linear in the normal score, and beyond
    the outermost it goes on with the last slope. Without intervals every value is the reading itself.
    """
    if not intervals:
        return np.full(z.shape, months)
    ends = sorted(intervals, key=lambda one: one.level)
    at = np.array([_NORMAL.inv_cdf((1 + one.level) / 2) for one in ends])
    above = _along(np.maximum(z, 0), at, np.array([one.high - months for one in ends]))
    below = _along(np.maximum(-z, 0), at, np.array([months - one.low for one in ends]))
    return np.maximum(months + above - below, 0.0)


def _along(z: np.ndarray, at: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Distances from the reading at scores z >= 0, by those at the scores ``at``."""
    last = (reach[-1] - (reach[-2] if len(reach) > 1 else 0.0)) / (at[-1] - (at[-2] if len(at) > 1 else 0.0))
    inside = np.interp(z, np.append(0.0, at), np.append(0.0, reach))
    return inside + np.maximum(z - at[-1], 0) * max(last, 0.0)


def ages(months: float, half_width: float) -> np.ndarray:
    """Equally likely ages within ``half_width`` of ``months``: one where it is exact, else `AGES`."""
    if not half_width:
        return np.array([months])
    places = (np.arange(AGES) + 0.5) / AGES
    return months + half_width * (2 * places - 1)


def pairs(
    bone_age: float, intervals: Sequence[Interval] | None, age: float, half_width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Equally likely pairs of a bone age and a chronological age that are known on their own: two float64 [n]."""
    bone = bone_ages(bone_age, intervals, scores(BONE_AGES)) if intervals else np.array([bone_age])
    bones, calendar = np.meshgrid(bone, ages(age, half_width))
    return bones.ravel(), calendar.ravel()


def ranged(values: np.ndarray, of: str, digits: int = 2) -> dict[str, Any]:
    """The fields of a figure's range that holds equally likely values [n]; none where there is one value.

    ``of``: which errors are in the range, in one sentence.
    """
    if len(values) == 1:
        return {}
    low, high = mixture_range(values, np.zeros_like(values))
    return {"low": round(low, digits), "high": round(high, digits), "level": LEVEL, "range_of": of}


def mixture_range(centres: np.ndarray, sds: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """The central range that holds a value with probability ``level``.

    The value is normal around one of the centres [n] with its standard deviation [n], each as likely as the others. Of
    standard deviations of 0 the range is that of the centres alone.
    """
    if not sds.any():
        low, high = np.quantile(centres, [(1 - level) / 2, (1 + level) / 2], method="hazen")
        return float(low), float(high)
    wanted = np.array([(1 - level) / 2, (1 + level) / 2])
    own = centres + sds * np.array([[_NORMAL.inv_cdf(float(share))] for share in wanted])
    low, high = own.min(axis=1), own.max(axis=1)  # a quantile of a mixture lies between those of its parts
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        share = np.interp((middle[:, None] - centres) / sds, *_distribution()).mean(axis=1)
        low, high = np.where(share < wanted, middle, low), np.where(share < wanted, high, middle)
    return float(low[0]), float(high[1])
