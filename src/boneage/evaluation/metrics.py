"""Metrics of predicted bone ages against labels, each with a bootstrap interval.

Intervals are 95 % percentile intervals over resamples of the films (Efron & Tibshirani 1993, chapter 13), drawn
with a fixed seed. A number that is not defined (R² of equal labels, any interval of one film) is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..types import Sex

RESAMPLES = 2_000
LEVEL = 95.0  # percent
INTERVAL = f"{LEVEL:g} % percentile bootstrap over films, {RESAMPLES:,} resamples, seed 0"
BANDS = {"<84": (-np.inf, 84.0), "84-120": (84.0, 120.0), "120-156": (120.0, 156.0), ">=156": (156.0, np.inf)}
TIE = 0.005  # months: absolute errors closer than this are equal
_BLOCK = 1_000_000  # numbers drawn at once: bounds the memory of a bootstrap

Statistic = Callable[..., np.ndarray]  # columns of shape [..., n] -> [...]; NaN where undefined


@dataclass(frozen=True)
class Metric:
    """A number's name for people, its unit and its formula (ŷ: prediction, y: label)."""

    name: str
    unit: str
    formula: str
    statistic: Statistic


def _absolute(labels: np.ndarray, errors: np.ndarray) -> np.ndarray:
    return np.abs(errors).mean(-1)


def _root_square(labels: np.ndarray, errors: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square(errors).mean(-1))


def _percentage(counted: np.ndarray, labels: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """100 · mean(|error| / label) over the counted films; NaN where none is counted."""
    shares = np.divide(np.abs(errors), labels, out=np.zeros_like(errors), where=counted)
    return 100.0 * ratio(shares.sum(-1), counted.sum(-1))


def _explained(labels: np.ndarray, errors: np.ndarray) -> np.ndarray:
    spread = np.square(labels - labels.mean(-1, keepdims=True)).sum(-1)
    return 1.0 - ratio(np.square(errors).sum(-1), np.where(np.ptp(labels, axis=-1) > 0, spread, 0.0))


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole [...]; NaN where the whole is not above 0."""
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0)


def _within(months: float) -> Metric:
    return Metric(
        name=f"within {months:g} months",
        unit="%",
        formula=f"100 · share of films with |ŷ - y| ≤ {months:g}",
        statistic=lambda labels, errors: 100.0 * (np.abs(errors) <= months).mean(-1),
    )


METRICS: dict[str, Metric] = {
    "mae": Metric("MAE", "months", "mean |ŷ - y|", _absolute),
    "rmse": Metric("RMSE", "months", "√ mean (ŷ - y)²", _root_square),
    "mape": Metric("MAPE", "%", "100 · mean (|ŷ - y| / y), labels above 0", lambda y, e: _percentage(y > 0, y, e)),
    "mape_24": Metric(
        "MAPE, 24 months and older",
        "%",
        "100 · mean (|ŷ - y| / y), labels of 24 months or more",
        lambda y, e: _percentage(y >= 24, y, e),
    ),
    "r2": Metric("R²", "", "1 - Σ (ŷ - y)² / Σ (y - mean y)²", _explained),
    "median_error": Metric(
        "median absolute error", "months", "median |ŷ - y|", lambda y, e: np.median(np.abs(e), axis=-1)
    ),
    "bias": Metric("bias", "months", "mean (ŷ - y)", lambda y, e: e.mean(-1)),
    "within_6": _within(6),
    "within_12": _within(12),
    "within_24": _within(24),
}


def summary(labels: np.ndarray, predictions: np.ndarray, *, resamples: int = RESAMPLES) -> dict[str, Any]:
    """``{"n": n, "mae": {"value", "low", "high"}, …}`` for labels and predictions [n] in months (see `METRICS`).

    MAPE divides by the label, so films labelled 0 or less are left out of it: its ``n`` says how many counted.
    ValueError when there is no film, or a value that is not finite.
    """
    labels, predictions = _checked(labels, predictions)
    statistics = {key: metric.statistic for key, metric in METRICS.items()}
    values = _bootstrap(statistics, (labels, predictions - labels), resamples)
    values["mape"]["n"] = int((labels > 0).sum())
    values["mape_24"]["n"] = int((labels >= 24).sum())
    return {"n": len(labels), **values}


def by_sex(labels: np.ndarray, predictions: np.ndarray, sexes: Sequence[Sex]) -> dict[str, dict[str, Any]]:
    """`summary` of each sex that occurs."""
    words = np.array([sex.value for sex in sexes])
    return _grouped(labels, predictions, {sex.value: words == sex.value for sex in Sex})


def by_age(labels: np.ndarray, predictions: np.ndarray) -> dict[str, dict[str, Any]]:
    """`summary` of each band of the label that occurs (`BANDS`, months; the lower end belongs to the band)."""
    bands = {band: (np.asarray(labels) >= low) & (np.asarray(labels) < high) for band, (low, high) in BANDS.items()}
    return _grouped(labels, predictions, bands)


def by_age_and_sex(labels: np.ndarray, predictions: np.ndarray, sexes: Sequence[Sex]) -> dict[str, dict[str, Any]]:
    """`by_age` of each sex that occurs, as ``{"female": {"<84": …}}``."""
    words, labels, predictions = np.array([sex.value for sex in sexes]), np.asarray(labels), np.asarray(predictions)
    rows = {sex.value: words == sex.value for sex in Sex}
    return {name: by_age(labels[of], predictions[of]) for name, of in rows.items() if of.any()}


def by_cell(months: np.ndarray, sexes: Sequence[Sex]) -> dict[str, np.ndarray]:
    """Which of n films belong to each band of ``months`` × known sex that occurs, bool [n], as ``"<84 female"``."""
    words, months = np.array([sex.value for sex in sexes]), np.asarray(months)
    cells = {
        f"{band} {sex.value}": (words == sex.value) & (months >= low) & (months < high)
        for sex in (Sex.FEMALE, Sex.MALE)
        for band, (low, high) in BANDS.items()
    }
    return {name: rows for name, rows in cells.items() if rows.any()}


def agreement(labels: np.ndarray, predictions: np.ndarray) -> dict[str, Any]:
    """Limits of agreement ``lower`` and ``upper`` = bias ∓ 1.96 standard deviations (Bland & Altman 1986), months."""
    labels, predictions = _checked(labels, predictions)
    statistics = {
        "lower": lambda errors: errors.mean(-1) - 1.96 * _deviation(errors),
        "upper": lambda errors: errors.mean(-1) + 1.96 * _deviation(errors),
    }
    return _bootstrap(statistics, (predictions - labels,), RESAMPLES)


def paired(labels: np.ndarray, a: np.ndarray, b: np.ndarray, *, resamples: int = RESAMPLES) -> dict[str, Any]:
    """The paired difference of two models on the same films.

    Args:
        labels, a, b: labels and the predictions of both models, each [n], months.
        resamples: of the films, for the intervals.

    Returns:
        ``mae`` and ``rmse``: that of b minus that of a, negative where b is better; ``win``, ``lose`` and ``tie``: the
        number of films on which b is closer to the label, a is closer, or neither (to 0.005 months); ``share``: the
        percentage of films on which b is closer.
    """
    labels, a, b = _checked(labels, a, b)
    statistics = {
        "mae": lambda first, second: np.abs(second).mean(-1) - np.abs(first).mean(-1),
        "rmse": lambda first, second: np.sqrt(np.square(second).mean(-1)) - np.sqrt(np.square(first).mean(-1)),
        "share": lambda first, second: 100.0 * (np.abs(first) - np.abs(second) > TIE).mean(-1),
    }
    gain = np.abs(a - labels) - np.abs(b - labels)
    counts = {"win": int((gain > TIE).sum()), "lose": int((gain < -TIE).sum()), "tie": int((abs(gain) <= TIE).sum())}
    return {"n": len(labels), **_bootstrap(statistics, (a - labels, b - labels), resamples), **counts}


def correlation(first: np.ndarray, second: np.ndarray) -> float | None:
    """Pearson's correlation of two columns [n]; None where one of them does not vary."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def _checked(*columns: np.ndarray) -> list[np.ndarray]:
    arrays = [np.asarray(column, dtype=np.float64) for column in columns]
    if arrays[0].ndim != 1 or any(array.shape != arrays[0].shape for array in arrays):
        raise ValueError(f"columns must be of one length, got shapes {[array.shape for array in arrays]}")
    if not len(arrays[0]):
        raise ValueError("there is no film to measure")
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError("labels and predictions must be finite")
    return arrays


def _grouped(
    labels: np.ndarray, predictions: np.ndarray, members: Mapping[str, np.ndarray]
) -> dict[str, dict[str, Any]]:
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    return {name: summary(labels[rows], predictions[rows]) for name, rows in members.items() if rows.any()}


def _deviation(errors: np.ndarray) -> np.ndarray:
    """Sample standard deviation [...] of errors [..., n]; NaN for one film."""
    squares = np.square(errors - errors.mean(-1, keepdims=True)).sum(-1)
    return np.sqrt(ratio(squares, np.full(np.shape(squares), errors.shape[-1] - 1)))


def _bootstrap(
    statistics: Mapping[str, Statistic], columns: Sequence[np.ndarray], resamples: int
) -> dict[str, dict[str, Any]]:
    """Each statistic of the columns [n], and its interval over resamples of their rows."""
    draws: dict[str, list[np.ndarray]] = {name: [] for name in statistics}
    for rows in _resampled_rows(len(columns[0]), resamples):
        block = [column[rows] for column in columns]
        for name, statistic in statistics.items():
            draws[name].append(statistic(*block))
    return {
        name: {"value": _or_none(float(statistic(*columns))), **_interval(np.concatenate(draws[name]), len(columns[0]))}
        for name, statistic in statistics.items()
    }


def _resampled_rows(n: int, resamples: int) -> Iterator[np.ndarray]:
    """Blocks [some, n] of row numbers drawn with replacement, ``resamples`` rows in all."""
    generator = np.random.default_rng(0)
    size = max(1, _BLOCK // n)
    for start in range(0, resamples, size):
        yield generator.integers(0, n, size=(min(size, resamples - start), n))


def _interval(draws: np.ndarray, n: int) -> dict[str, float | None]:
    """Percentiles of the draws; None for one film, or if more than 5 % of the draws are not defined."""
    defined = draws[np.isfinite(draws)]
    if n < 2 or len(defined) < 0.95 * len(draws):
        return {"low": None, "high": None}
    low, high = np.percentile(defined, [50 - LEVEL / 2, 50 + LEVEL / 2])
    return {"low": float(low), "high": float(high)}


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None
