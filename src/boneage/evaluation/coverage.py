"""How well prediction intervals hold on films that had no part in them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..reading.intervals import MEANING, bounds
from ..types import Sex
from .metrics import by_cell, correlation

LARGE = 12.0  # months: an error that a large expected error should warn of
SURE = 0.8  # share of the films that is kept where only the surest are


def assessment(
    labels: np.ndarray,
    months: np.ndarray,
    expected_errors: np.ndarray,
    sexes: Sequence[Sex],
    known: Mapping[str, float | np.ndarray],
) -> dict[str, Any]:
    """How good intervals are on films that had no part in them: columns [n], months; factors for all or each [n].

    ``coverage``: by level, overall and by band of the prediction × sex, each with the range in which 99 of 100
    calibrated intervals lie at that number of films. ``width``: mean, months. ``spearman``: of spread and |error|.
    ``auroc``: of the spread for errors over 12 months. ``surest``: MAE of the 80 % with the least spread, over all's.
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
    """An `assessment` for people: what was found in sentences, and a table's header and rows, by predicted months and
    sex; in a cell, the range that calibrated intervals would show follows a line break."""
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
    """Between which shares 99 of 100 samples of n films lie, if each is covered with probability ``level``: the
    binomial distribution's 0.5th and 99.5th percentile."""
    counts = np.arange(n + 1)
    logs = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in counts]
    below = np.cumsum(np.exp(np.array(logs) + counts * math.log(level) + (n - counts) * math.log1p(-level)))
    low, high = np.searchsorted(below, [0.005, 0.995])
    return float(low / n), float(min(high, n) / n)


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0 [n], equal values sharing their mean rank."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[place]


def auroc(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """The probability that a positive film has the higher score (Mann–Whitney); None without both kinds."""
    n, m = int(positive.sum()), int((~positive).sum())
    if not n or not m:
        return None
    return float((ranks(scores)[positive].sum() - n * (n - 1) / 2) / (n * m))
