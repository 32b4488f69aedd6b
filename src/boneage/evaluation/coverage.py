"""How well prediction intervals hold on films that were not used to calibrate them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..reading.intervals import MEANING, bounds
from ..types import Sex
from .metrics import by_cell, correlation

LARGE = 12.0  # months: an error that a large expected error should warn of
SURE = 0.8  # share of the films with the smallest expected errors


def assessment(
    labels: np.ndarray,
    months: np.ndarray,
    expected_errors: np.ndarray,
    sexes: Sequence[Sex],
    known: Mapping[str, float | np.ndarray],
) -> dict[str, Any]:
    """Coverage and width of prediction intervals, and how well expected errors rank the films by their errors.

    Args:
        labels, months, expected_errors: labels, predictions and expected errors, each [n], months.
        sexes: of the films.
        known: the factor of each level, for all films or for each [n].

    Returns:
        ``n``; ``levels``, which holds for each level the mean ``width`` in months and the ``coverage``, overall and by
        age band and sex, each with the range in which 99 of 100 calibrated intervals lie for that number of films;
        ``spearman``, the rank correlation of expected and actual error; ``auroc``, of the expected error for errors
        over 12 months; ``surest``, the MAE of the 80 % of the films with the smallest expected errors over that of all.
    """
    errors = np.abs(months - labels)
    cells = {"all": np.ones(len(labels), bool)} | by_cell(months, sexes)
    found: dict[str, Any] = {"n": len(labels), "levels": {}}
    for level, factor in known.items():
        low, high = bounds(months, expected_errors, factor)
        inside = (low <= labels) & (labels <= high)
        covered = {cell: _share(inside[rows], float(level)) for cell, rows in cells.items() if rows.any()}
        found["levels"][level] = {"width": float((high - low).mean()), "coverage": covered}
    surest = errors[np.argsort(expected_errors, kind="stable")[: round(SURE * len(errors))]]
    return found | {
        "spearman": correlation(ranks(expected_errors), ranks(errors)),
        "auroc": auroc(expected_errors, errors > LARGE),
        "surest": float(surest.mean() / errors.mean()),
    }


def described(found: Mapping[str, Any]) -> tuple[str, tuple[str, ...], list[tuple[str, ...]]]:
    """An `assessment` in words: sentences, and the header and rows of a table by predicted months and sex.

    In a cell, the range that calibrated intervals would show follows a line break.
    """
    levels = found["levels"]
    widths = ", ".join(f"{of['width']:.1f} ({float(level):.0%})" for level, of in levels.items())
    ranking = [f"Mean width, months: {widths}."]
    if found["spearman"] is not None:
        ranking.append(f"Expected against actual error: Spearman {found['spearman']:.2f}")
        ranking[-1] += f", AUROC for errors over {LARGE:g} months {found['auroc']:.2f}." if found["auroc"] else "."
        ranking.append(f"The surest {SURE:.0%} of the films have {found['surest']:.2f} times the MAE of all.")
    header = ("predicted months, sex", "films", *(f"{float(level):.0%} interval" for level in levels))
    cells = next(iter(levels.values()))["coverage"]
    shares = ([of["coverage"][cell] for of in levels.values()] for cell in cells)
    rows = [(cell, f"{share[0]['n']:,}", *map(_percent, share)) for cell, share in zip(cells, shares, strict=True)]
    return " ".join((*ranking, MEANING)), header, rows


def _percent(share: Mapping[str, float]) -> str:
    return f"{100 * share['value']:.1f} %\n{100 * share['low']:.1f} to {100 * share['high']:.1f}"


def _share(inside: np.ndarray, level: float) -> dict[str, float | int]:
    low, high = calibrated_range(len(inside), level)
    return {"n": len(inside), "value": float(inside.mean()), "low": low, "high": high}


def calibrated_range(n: int, level: float) -> tuple[float, float]:
    """The range of shares in which 99 of 100 samples of n films lie, if each is covered with probability ``level``.

    These are the 0.5th and 99.5th percentile of the binomial distribution.
    """
    counts = np.arange(n + 1)
    logs = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in counts]
    below = np.cumsum(np.exp(np.array(logs) + counts * math.log(level) + (n - counts) * math.log1p(-level)))
    low, high = np.searchsorted(below, [0.005, 0.995])
    return float(low / n), float(min(high, n) / n)


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks [n] from 0; equal values share their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[place]


def auroc(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """The probability that a positive film scores above a negative one (Mann–Whitney); None if one kind is missing."""
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return None
    return float((ranks(scores)[positive].sum() - n * (n - 1) / 2) / (n * m))
