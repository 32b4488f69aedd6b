"""How far one column of ages is from another: bias, mean absolute and root mean square deviation, with intervals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats

LEVEL = 0.95
INTERVAL = "95 % confidence interval over films"

Measured = dict[str, Any]  # ``value``, ``low`` and ``high``; those that are not defined are None
TINY = 1e-9  # months: what is smaller is rounding


def alone(value: float | None = None) -> Measured:
    """A number without an interval; NaN and infinity are not defined either."""
    defined = value is not None and math.isfinite(value)
    return {"value": value if defined else None, "low": None, "high": None}


def deviations(differences: np.ndarray) -> dict[str, Any]:
    """``bias``, ``mad`` and ``rmse`` of differences [n] in months, and ``n``; ValueError for none.

    The interval of the bias is Student's. Those of the mean absolute and the root mean square deviation are corrected
    for the skewness of what is averaged (`mean`).
    """
    squares = mean(np.square(differences))
    return {
        "n": len(differences),
        "bias": mean(differences, skewed=False),
        "mad": _not_below_0(mean(np.abs(differences))),
        "rmse": {end: None if at is None else math.sqrt(max(at, 0.0)) for end, at in squares.items()},
    }


def mean(values: np.ndarray, *, skewed: bool = True, level: float = LEVEL) -> Measured:
    """The mean of values [n] and its confidence interval; no interval for one value; ValueError for none.

    Student's interval; with ``skewed`` by the transformation of Hall ("On the removal of skewness by transformation",
    J R Stat Soc B 1992;54:221-228), which holds its level for absolute deviations from about ten films on, where
    Student's interval and percentiles of a bootstrap fall short.
    """
    values = np.asarray(values, np.float64)
    if not len(values):
        raise ValueError("there is nothing to average")
    middle = float(values.mean())
    if len(values) < 2:
        return alone(middle)
    n, spread = len(values), float(values.std(ddof=1))
    far = float(stats.t.ppf(0.5 + level / 2, n - 1)) / math.sqrt(n)
    skewness = float(((values - middle) ** 3).mean() / spread**3) if skewed and spread > TINY else 0.0
    low, high = (middle - spread * _untransformed(z, skewness, n) for z in (far, -far))
    return {"value": middle, "low": low, "high": high}


def _untransformed(z: float, skewness: float, n: int) -> float:
    """What Hall's cubic transformation takes to ``z``."""
    if abs(skewness) < 1e-6:
        return z
    return 3 / skewness * (float(np.cbrt(1 + skewness * (z - skewness / (6 * n)))) - 1)


def _not_below_0(found: Measured) -> Measured:
    return {end: None if at is None else max(at, 0.0) for end, at in found.items()}
