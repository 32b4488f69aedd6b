"""How far a region's age is from the label, and from the rest of the hand, on films the network was not trained on.

Everything is by the age of the whole hand and by sex: a kernel average over the calibration films (Nadaraya, 1964). The
factors of intervals and the limits of differences are conformal (`boneage.reading.intervals`); for them each film is
held against the averages of the other films, so that no film makes its own range narrower. As the farthest of 600
films are few, what is found for one question is drawn towards what is found for all (empirical Bayes).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..hand.bone_regions import REGIONS, WHOLE, question
from ..types import Sex

LEVEL = 0.9  # of a region's interval
RARE = 0.01  # share of films whose difference is called unusual
AGES = tuple(range(0, 241, 6))  # months at which the averages are tabulated
NEAR = 20.0  # months: the standard deviation of the kernel, wide as there are few films
TOO_WIDE = 1.7  # times the interval of the whole hand: a region with a wider one is not informative
OWN = np.array([question(region.shown) for region in REGIONS])  # the number of each region's question, [9]
REST = np.array([question(~region.shown) for region in REGIONS])  # and of its rest's


@dataclass(frozen=True)
class Tables:
    """What `fitted` found, for Q questions (`boneage.hand.bone_regions.questions`).

    Attributes:
        usual: mean absolute errors by sex, [Q, ages].
        factors: on the expected error for an interval of `LEVEL`, [Q], for sex ``known`` and ``unknown``.
        mean: of the difference of each of `REGIONS` from its rest, by sex, [9, ages], months.
        spread: the standard deviation of these differences over `expected_differences`, by sex, [9, ages].
        limits: how many standard deviations from the mean a difference has to be to be unusual, [9], for sex ``known``
            and ``unknown``.
    """

    usual: Mapping[str, np.ndarray]
    factors: Mapping[str, np.ndarray]
    mean: Mapping[str, np.ndarray]
    spread: Mapping[str, np.ndarray]
    limits: Mapping[str, np.ndarray]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Tables:
        """The tables of a model file's description; KeyError where one is missing."""
        names = ("usual", "factors", "mean", "spread", "limits")
        return cls(**{name: {key: np.array(rows) for key, rows in values[name].items()} for name in names})

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """The same as plain lists, with three decimals."""
        return {
            name: {key: np.round(rows, 3).tolist() for key, rows in values.items()}
            for name, values in vars(self).items()
        }

    def half_widths(self, whole: float, expected_errors: np.ndarray, sex: Sex) -> np.ndarray:
        """Half the width of each question's interval in months, [Q].

        Args:
            whole: age of the whole hand.
            expected_errors: the network's own, [Q], months.
            sex: of the child.
        """
        usual = at_age(self.usual[sex.value], whole)
        return self.factors[_known(sex)] * np.sqrt(usual * expected_errors)

    def differences(
        self, whole: float, expected_errors: np.ndarray, sex: Sex
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What is usual for each region's difference, in months: its mean at this age and sex, its standard deviation
        on a film like this one, and how far from the mean it has to be to be unusual, each [9].

        Args:
            whole: age of the whole hand.
            expected_errors: the network's own, [Q], months.
            sex: of the child.
        """
        mean, spread = (at_age(of[sex.value], whole) for of in (self.mean, self.spread))
        sd = spread * expected_differences(expected_errors)
        return mean, sd, self.limits[_known(sex)] * sd


def at_age(rows: np.ndarray, age: float) -> np.ndarray:
    """Rows [n, ages] tabulated at `AGES`, at one age: [n]."""
    return np.array([np.interp(age, AGES, row) for row in rows])


def informative(half_widths: np.ndarray) -> np.ndarray:
    """Which questions have an answer that tells something, bool [..., Q], by half the widths of their intervals."""
    return half_widths <= TOO_WIDE * half_widths[..., [question(WHOLE)]]


def differences(months: np.ndarray) -> np.ndarray:
    """The age of each of `REGIONS` minus that of its rest, [n, 9], from ages [n, Q]."""
    return months[:, OWN] - months[:, REST]


def expected_differences(expected_errors: np.ndarray) -> np.ndarray:
    """How far each of `REGIONS` and its rest would differ if they erred by themselves, [..., 9], from errors [..., Q].

    They do not quite, as both are read from one hand; `Tables.spread` says how much of it is found.
    """
    return np.hypot(expected_errors[..., OWN], expected_errors[..., REST])


def fitted(
    months: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], labels: np.ndarray, sexes: Sequence[Sex]
) -> Tables:
    """The tables from calibration films.

    Args:
        months: ages [n, Q] with the sex ``known`` and with it ``unknown``.
        expected: the network's expected errors, [n, Q], given the same.
        labels: bone ages [n], months.
        sexes: of the films, known for all.

    Raises:
        ValueError: for fewer films than a limit of `RARE` needs, or fewer than two of a sex, as each is held against
            the others.
    """
    if len(labels) < 1 / RARE:
        raise ValueError(f"{len(labels)} films are too few for a limit of {RARE:.0%}")
    of = {sex.value: np.array([one is sex for one in sexes]) for sex in (Sex.FEMALE, Sex.MALE)}
    for name, rows in of.items():
        if rows.sum() < 2:
            raise ValueError(f"{rows.sum()} films of sex {name} are too few: each is held against the others")
    of[Sex.UNKNOWN.value] = np.ones(len(labels), bool)
    usual, mean, spread = {}, {}, {}
    scores = {word: np.empty(found.shape) for word, found in months.items()}
    far = {word: np.empty((len(labels), len(REGIONS))) for word in months}
    for name, rows in of.items():
        word = _known(Sex(name))
        ages, gaps = months[word][rows], differences(months[word][rows])
        whole, errors = ages[:, question(WHOLE)], np.abs(ages - labels[rows, None])
        weights, others = _weights(np.array(AGES), whole), _weights(whole, whole, alone=False)
        usual[name] = (weights @ errors).T
        scores[word][rows] = errors / np.sqrt((others @ errors) * expected[word][rows])
        expected_gaps = expected_differences(expected[word][rows])
        mean[name], spread[name] = (one.T for one in _moments(weights, gaps, expected_gaps))
        own_mean, own_spread = _moments(others, gaps, expected_gaps)
        far[word][rows] = np.abs(gaps - own_mean) / (own_spread * expected_gaps)
    factors = {word: _quantiles(found, LEVEL) for word, found in scores.items()}
    limits = {word: _quantiles(found, 1 - RARE) for word, found in far.items()}
    return Tables(usual, factors, mean, spread, limits)


def _moments(weights: np.ndarray, gaps: np.ndarray, expected_gaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted means of differences [n, k], and their deviations from these over what was expected, each [m, k]."""
    mean = weights @ gaps
    squares = ((gaps - mean[:, None]) / expected_gaps) ** 2
    return mean, np.sqrt(np.maximum(np.einsum("mn,mnk->mk", weights, squares), 1e-6))


def _weights(at: np.ndarray, ages: np.ndarray, *, alone: bool = True) -> np.ndarray:
    """The kernel's weights [m, n] of films at ages [n] around each of [m]; without ``alone`` none counts for itself."""
    close = -(((at[:, None] - ages) / NEAR) ** 2) / 2
    if not alone:
        np.fill_diagonal(close, -np.inf)
    weights = np.exp(close - close.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _quantiles(scores: np.ndarray, level: float) -> np.ndarray:
    """The conformal quantile of each column, drawn towards their mean as far as they differ by chance.

    In logarithms; the share that is not chance is the variance between columns over that and the mean squared error of
    sampling, which is taken from the neighbouring ranks (Efron & Morris, JASA 70, 1975).
    """
    own, error = np.log(_rank(scores, level)), math.sqrt(level * (1 - level) / len(scores))
    chance = np.mean(np.log(_rank(scores, min(level + error, 1.0)) / _rank(scores, level - error)) ** 2) / 4
    real = max(float(own.var(ddof=1)) - chance, 0.0)
    share = real / (real + chance) if real else 0.0
    return np.exp(own.mean() + share * (own - own.mean()))


def _rank(scores: np.ndarray, level: float) -> np.ndarray:
    """The conformal quantile of each column."""
    rank = min(math.ceil((len(scores) + 1) * level), len(scores))
    return np.sort(scores, axis=0)[rank - 1]


def _known(sex: Sex) -> str:
    return "unknown" if sex is Sex.UNKNOWN else "known"
