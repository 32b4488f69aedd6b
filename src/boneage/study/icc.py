"""Intraclass correlation: how much of the variance of ratings is that of the films, and not of the readers.

Named as McGraw & Wong ("Forming inferences about some intraclass correlation coefficients", Psychol Methods
1996;1:30-46) and Shrout & Fleiss ("Intraclass correlations: uses in assessing rater reliability", Psychol Bull
1979;86:420-428) name them: A is absolute agreement, C consistency, 1 a single rating, k the mean of all readers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import stats

from .deviation import LEVEL, Measured, alone

SHROUT_FLEISS = {
    "ICC(1)": "ICC(1,1)",
    "ICC(A,1)": "ICC(2,1)",
    "ICC(C,1)": "ICC(3,1)",
    "ICC(k)": "ICC(1,k)",
    "ICC(A,k)": "ICC(2,k)",
    "ICC(C,k)": "ICC(3,k)",
}
COMPLETE = "two-way analysis of variance; intervals of McGraw and Wong 1996, for readers like these"


def of_complete(values: np.ndarray, level: float = LEVEL) -> dict[str, Measured]:
    """All six coefficients of ratings [films, readers] without gaps, with confidence intervals, by name.

    Raises:
        ValueError: for fewer than two films or readers.
    """
    n, k = values.shape
    if n < 2 or k < 2:
        raise ValueError(f"an intraclass correlation takes two films and two readers, found {n} and {k}")
    rows, columns, error = mean_squares(values)
    rounding = 1e-12 * float(values.var()) + 1e-24 * float(np.square(values).mean())
    if min(error, rows) <= rounding:
        return _without_interval((rows, columns, error), n, k, rounding)
    single = {
        "ICC(1)": _one_way(values, rows, level),
        "ICC(A,1)": _agreement(rows, columns, error, n, k, level),
        "ICC(C,1)": _consistency(rows / error, (n - 1) * (k - 1), n, k, level),
    }
    averaged = {name.replace("1)", "k)"): of_mean(found, k) for name, found in single.items()}
    return single | averaged


def mean_squares(values: np.ndarray) -> tuple[float, float, float]:
    """Of ratings [films, readers] the mean squares of the films, of the readers and of the error."""
    n, k = values.shape
    middle = values.mean()
    films, readers = values.mean(axis=1), values.mean(axis=0)
    error = values - films[:, None] - readers + middle
    return (
        float(k * np.square(films - middle).sum() / (n - 1)),
        float(n * np.square(readers - middle).sum() / (k - 1)),
        float(np.square(error).sum() / ((n - 1) * (k - 1))),
    )


def _one_way(values: np.ndarray, rows: float, level: float) -> Measured:
    n, k = values.shape
    inside = float(np.square(values - values.mean(axis=1, keepdims=True)).sum() / (n * (k - 1)))
    return _consistency(rows / inside, n * (k - 1), n, k, level)


def _consistency(ratio: float, freedom: int, n: int, k: int, level: float) -> Measured:
    """The coefficient of a ratio of mean squares, whose F distribution gives the interval."""
    tail = 0.5 + level / 2
    ratios = {
        "value": ratio,
        "low": ratio / float(stats.f.ppf(tail, n - 1, freedom)),
        "high": ratio * float(stats.f.ppf(tail, freedom, n - 1)),
    }
    return {end: (at - 1) / (at + k - 1) for end, at in ratios.items()}


def _agreement(rows: float, columns: float, error: float, n: int, k: int, level: float) -> Measured:
    """ICC(A,1); McGraw and Wong's interval uses Satterthwaite's degrees of freedom."""
    value = (rows - error) / (rows + (k - 1) * error + k * (columns - error) / n)
    a = k * value / (n * (1 - value))
    b = 1 + k * value * (n - 1) / (n * (1 - value))
    parts = (a * columns) ** 2 / (k - 1) + (b * error) ** 2 / ((n - 1) * (k - 1))
    freedom = (a * columns + b * error) ** 2 / parts
    tail, rest = 0.5 + level / 2, k * columns + (k * n - k - n) * error
    below, above = float(stats.f.ppf(tail, n - 1, freedom)), float(stats.f.ppf(tail, freedom, n - 1))
    return {
        "value": value,
        "low": n * (rows - below * error) / (below * rest + n * rows),
        "high": n * (above * rows - error) / (rest + n * above * rows),
    }


def of_mean(single: Measured, k: int) -> Measured:
    """The coefficient of the mean of k readers from that of one (Spearman and Brown)."""
    return {end: None if at is None else k * at / (1 + (k - 1) * at) for end, at in single.items()}


def _without_interval(squares: tuple[float, float, float], n: int, k: int, rounding: float) -> dict[str, Measured]:
    """Where readers differ by constants only, or films not at all, no interval is defined."""
    rows, columns, error = squares
    inside = (columns * (k - 1) + error * (n - 1) * (k - 1)) / (n * (k - 1))
    parts = {
        "ICC(1)": (rows - inside, rows + (k - 1) * inside),
        "ICC(A,1)": (rows - error, rows + (k - 1) * error + k * (columns - error) / n),
        "ICC(C,1)": (rows - error, rows + (k - 1) * error),
        "ICC(k)": (rows - inside, rows),
        "ICC(A,k)": (rows - error, rows + (columns - error) / n),
        "ICC(C,k)": (rows - error, rows),
    }
    return {name: alone(above / below if below > rounding else None) for name, (above, below) in parts.items()}


def named(found: Mapping[str, Measured]) -> dict[str, dict[str, Any]]:
    """The coefficients, each with the name that Shrout and Fleiss gave it."""
    return {name: {"shrout_fleiss": SHROUT_FLEISS[name], **of} for name, of in found.items()}
