"""Prediction intervals: a reading's expected error times a factor for each level, from the calibration films.

Split conformal prediction with normalised residuals (Lei et al., "Distribution-free predictive inference for
regression", JASA 2018, section 5.2): of n calibration films the factor of a level is the ceil((n + 1) · level)-th
smallest |error| / expected error. On films like those, the interval then covers at least that share of one reader's
ratings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..types import Interval, Sex

LEVELS = (0.5, 0.8, 0.9)
AGES = tuple(range(0, 241, 3))  # months at which the usual error is tabulated
NEAR = 4.0  # months: the standard deviation of the kernel by which it is averaged

MEANING = "An interval is for one reader's rating of films like the training films, and is unproven elsewhere."

Factors = Mapping[str, float]  # by level, as text, as in a model's file
SEX_GIVEN = {True: "known", False: "unknown"}  # whether the sex is given: each case has its own factors


def factors(errors: np.ndarray, expected_errors: np.ndarray) -> dict[str, float]:
    """The conformal factor of each level from calibration films.

    Args:
        errors: of the readings, [n], months.
        expected_errors: [n], months, above 0.

    Raises:
        ValueError: for fewer films than the highest level needs.
    """
    scores = np.sort(np.abs(errors) / expected_errors)
    ranks = {level: math.ceil((len(scores) + 1) * level) for level in LEVELS}
    if max(ranks.values()) > len(scores):
        raise ValueError(f"{len(scores)} films are too few for an interval of {max(LEVELS):.0%}")
    return {f"{level:g}": float(scores[rank - 1]) for level, rank in ranks.items()}


def usual_errors(ages: np.ndarray, errors: np.ndarray, sexes: Sequence[Sex]) -> dict[str, list[float]]:
    """The mean absolute error around each of `AGES`, by the name of the sex: a kernel average (Nadaraya, 1964).

    How much readers differ depends on the age, and on the ages that the atlas shows for each sex.

    Args:
        ages: predicted bone ages of films that the networks were not trained on, [n], months.
        errors: of those predictions, [n], months.
        sexes: of the films.

    Raises:
        ValueError: if there is no film of a sex.
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
    """The geometric mean of the network's expected errors and the usual ones: float64 [n], months.

    The network's knows the film; the usual one at that age and sex comes from films that no network was trained on. For
    an unknown sex it is the mean of both sexes'.

    Args:
        expected_errors: the network's, [n], months.
        ages: predicted bone ages [n], months.
        sexes: of the films.
        usual: the table of `usual_errors`.
    """
    by_sex = {name: np.interp(ages, AGES, values) for name, values in usual.items()}
    by_sex[Sex.UNKNOWN.value] = np.mean(list(by_sex.values()), axis=0)
    return np.sqrt(expected_errors * [by_sex[sex.value][row] for row, sex in enumerate(sexes)])


def of_films(scales: Mapping[str, Factors], sexes: Sequence[Sex]) -> dict[str, np.ndarray]:
    """The factors [n] of each level for n films, from a model's factors for sex ``known`` and ``unknown``."""
    words = [SEX_GIVEN[sex is not Sex.UNKNOWN] for sex in sexes]
    return {level: np.array([scales[word][level] for word in words]) for level in scales[SEX_GIVEN[True]]}


def bounds(
    months: np.ndarray, expected_errors: np.ndarray, factor: float | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends [n] of the intervals of one level in months; none is below 0."""
    reach = factor * expected_errors
    return np.maximum(months - reach, 0.0), np.maximum(months + reach, 0.0)


def around(months: float, expected_error: float, known: Factors) -> tuple[Interval, ...]:
    """The intervals of one reading, one for each level, in months with two decimals."""
    found = []
    for level, factor in known.items():
        low, high = bounds(np.array([months]), np.array([expected_error]), factor)
        found.append(Interval(float(level), round(float(low[0]), 2), round(float(high[0]), 2)))
    return tuple(found)
