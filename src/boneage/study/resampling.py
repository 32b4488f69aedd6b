"""Bootstrap intervals of statistics that depend on sums over films: fast for many films, and alike for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from scipy import stats

from .deviation import LEVEL, Measured, alone

RESAMPLES = 2000
FEWEST = 5  # films: with less an interval would say nothing
_BLOCK = 4_000_000  # numbers at once: bounds the memory

Statistics = Callable[[np.ndarray], Mapping[str, np.ndarray]]  # of sums over films [..., columns], [...] by name


def bootstrapped(
    columns: np.ndarray, statistics: Statistics, resamples: int = RESAMPLES, level: float = LEVEL
) -> dict[str, Measured]:
    """Statistics of the sums of columns [films, columns], by name, with their intervals over resamples of the films.

    Bias-corrected and accelerated (BCa; Efron & Tibshirani, "An introduction to the bootstrap", 1993, chapter 14), the
    acceleration by leaving out each film in turn. Drawn with seed 0. None where a statistic is not defined (NaN).
    """
    total = columns.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = statistics(total)
        if len(columns) < FEWEST:
            return {name: alone(float(value)) for name, value in found.items()}
        drawn = statistics(np.concatenate(list(resampled_sums(columns, resamples))))
        left_out = statistics(total - columns)
    return {name: _with_interval(float(at), drawn[name], left_out[name], level) for name, at in found.items()}


def _with_interval(value: float, draws: np.ndarray, left_out: np.ndarray, level: float) -> Measured:
    defined = draws[np.isfinite(draws)]
    if not np.isfinite(value) or len(defined) < 0.95 * len(draws):
        return alone(value)
    low, high = np.quantile(defined, _tails(value, defined, left_out[np.isfinite(left_out)], level))
    return {"value": value, "low": float(low), "high": float(high)}


def resampled_sums(columns: np.ndarray, resamples: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Blocks [some, columns] of sums over as many films as there are, drawn with replacement."""
    generator, n = np.random.default_rng(seed), len(columns)
    size = max(1, _BLOCK // n)
    for start in range(0, resamples, size):
        some = min(size, resamples - start)
        drawn = generator.integers(0, n, size=(some, n)) + n * np.arange(some)[:, None]
        times = np.bincount(drawn.ravel(), minlength=some * n).reshape(some, n)
        yield times @ columns


def _tails(value: float, draws: np.ndarray, left_out: np.ndarray, level: float) -> np.ndarray:
    """The shares of the draws that lie below the ends of a BCa interval."""
    below = (np.mean(draws < value) + np.mean(draws <= value)) / 2
    shift = stats.norm.ppf(np.clip(below, 1e-6, 1 - 1e-6))
    pull = left_out.mean() - left_out
    spread = np.square(pull).sum() ** 1.5
    acceleration = (pull**3).sum() / (6 * spread) if spread > 0 else 0.0
    ends = shift + stats.norm.ppf([0.5 - level / 2, 0.5 + level / 2])
    return stats.norm.cdf(shift + ends / (1 - acceleration * ends))
