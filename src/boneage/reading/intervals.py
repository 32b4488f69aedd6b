"""Prediction intervals: the network's spread of a film, times one factor per level from the calibration films.

Split conformal prediction with normalised residuals (Lei et al., "Distribution-free predictive inference for
regression", JASA 2018, section 5.2): of n calibration films the factor of a level is the ceil((n + 1) · level)-th
smallest |error| / spread. On films like those, the interval then covers at least that share of one reader's ratings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..evaluation.metrics import by_cell, correlation
from ..types import Interval, Sex

LEVELS = (0.5, 0.8, 0.9)
AGES = tuple(range(0, 241, 3))  # months, at which the usual error is kept
NEAR = 4.0  # months: the standard deviation of the weights by which it is averaged around an age
LARGE = 12.0  # months: an error that a spread should warn of
SURE = 0.8  # share of the films that is kept where only the surest are

MEANING = "An interval is for one reader's rating of films like the training films, and is unproven elsewhere."

Factors = Mapping[str, float]  # by level, as text: what a model's file holds
SEX_GIVEN = {True: "known", False: "unknown"}  # the sex: each has factors of its own


def factors(errors: np.ndarray, expected_errors: np.ndarray) -> dict[str, float]:
    """The conformal factor of each level from calibration films: errors and spreads [n] in months, spreads above 0.

    ValueError for fewer films than the highest level needs.
    """
    scores = np.sort(np.abs(errors) / expected_errors)
    ranks = {level: math.ceil((len(scores) + 1) * level) for level in LEVELS}
    if max(ranks.values()) > len(scores):
        raise ValueError(f"{len(scores)} films are too few for an interval of {max(LEVELS):.0%}")
    return {f"{level:g}": float(scores[rank - 1]) for level, rank in ranks.items()}


def usual_errors(ages: np.ndarray, errors: np.ndarray, sexes: Sequence[Sex]) -> dict[str, list[float]]:
    """The mean absolute error around each of `AGES` [81] of one sex, by its name, from films read by networks that have
    not seen them: predicted ages and errors [n] in months.

    How readers differ depends on the age, and on which ages the atlas has for a sex. A kernel average (Nadaraya, 1964).
    ValueError where a sex has no film.
    """
    found = {}
    for sex in (Sex.FEMALE, Sex.MALE):
        rows = np.array([each is sex for each in sexes])
        if not rows.any():
            raise ValueError(f"no film of a {sex.value} hand to take the usual error from")
        distance = (np.array(AGES, float)[:, None] - ages[rows]) / NEAR
        closeness = -(distance**2) / 2
        weights = np.exp(closeness - closeness.max(axis=1, keepdims=True))
        found[sex.value] = [round(float(value), 3) for value in weights @ np.abs(errors[rows]) / weights.sum(axis=1)]
    return found


def blended(
    expected_errors: np.ndarray, ages: np.ndarray, sexes: Sequence[Sex], usual: Mapping[str, Sequence[float]]
) -> np.ndarray:
    """The errors to expect [n]: the geometric mean of the network's own, which sees the film, and the usual one at that
    age and sex (see `usual_errors`), which comes from films that nobody had seen. Of an unknown sex, the mean of both.
    """
    by_sex = {name: np.interp(ages, AGES, values) for name, values in usual.items()}
    by_sex[Sex.UNKNOWN.value] = np.mean(list(by_sex.values()), axis=0)
    return np.sqrt(expected_errors * [by_sex[sex.value][row] for row, sex in enumerate(sexes)])


def of_films(scales: Mapping[str, Factors], sexes: Sequence[Sex]) -> dict[str, np.ndarray]:
    """The factors [n] of each level for n films, by whether their sex is known; ``scales``: as a model's file has
    them, ``known`` and ``unknown``."""
    words = [SEX_GIVEN[sex is not Sex.UNKNOWN] for sex in sexes]
    return {level: np.array([scales[word][level] for word in words]) for level in scales[SEX_GIVEN[True]]}


def bounds(
    months: np.ndarray, expected_errors: np.ndarray, factor: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends [n] of one level, months; no age is below 0."""
    reach = factor * expected_errors
    return np.maximum(months - reach, 0.0), np.maximum(months + reach, 0.0)


def around(months: float, expected_error: float, known: Factors) -> tuple[Interval, ...]:
    """The intervals of one reading, by level, in months to two decimals."""
    found = []
    for level, factor in known.items():
        low, high = bounds(np.array([months]), np.array([expected_error]), factor)
        found.append(Interval(float(level), round(float(low[0]), 2), round(float(high[0]), 2)))
    return tuple(found)


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
