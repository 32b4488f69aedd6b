"""Limits of agreement between two columns of ages, with confidence limits, and what makes them misleading.

Bland & Altman, "Statistical methods for assessing agreement between two methods of clinical measurement", Lancet
1986;i:307-310, and "Measuring agreement in method comparison studies", Stat Methods Med Res 1999;8:135-160.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from scipy import optimize, stats

from .deviation import LEVEL, TINY, Measured, alone

WIDTH = 1.96  # standard deviations to either side of the bias
EXACT_BELOW = 100  # pairs: from here on the approximate confidence limits are as good

Repeats = Sequence[np.ndarray]  # the ratings of each film by one reader, [repeats] each


def limits(differences: np.ndarray, width: float = WIDTH) -> dict[str, Any]:
    """The limits of agreement of differences [n] in months: bias ∓ ``width`` standard deviations.

    Returns:
        ``sd``, ``lower`` and ``upper``, the last two with 95 % confidence limits, each limit taken by itself, and
        ``method``: exact by the noncentral t distribution below 100 pairs (Carkeet, "Exact parametric confidence
        intervals for Bland-Altman limits of agreement", Optom Vis Sci 2015;92:e71-e80), above as Bland and Altman's.
        Below 100 pairs also ``pair``: what ``inner`` and ``outer`` limits are for both limits together. All are None
        for one pair.
    """
    n, bias = len(differences), float(np.mean(differences))
    if n < 2:
        return {"sd": None, "lower": alone(), "upper": alone(), "method": "not defined for one pair"}
    sd = float(np.std(differences, ddof=1))
    near, far = exact_factors(n, width) if n < EXACT_BELOW else approximate_factors(n, width)
    method = "exact (noncentral t)" if n < EXACT_BELOW else "approximate (Bland and Altman 1999)"
    return _together(bias, sd, n, width) | {
        "sd": sd,
        "lower": {"value": bias - width * sd, "low": bias - far * sd, "high": bias - near * sd},
        "upper": {"value": bias + width * sd, "low": bias + near * sd, "high": bias + far * sd},
        "method": method,
    }


def _together(bias: float, sd: float, n: int, width: float) -> dict[str, Any]:
    if n >= EXACT_BELOW:
        return {}
    ends = zip(("inner", "outer"), pair_factors(n, width), strict=True)
    return {"pair": {name: [bias - factor * sd, bias + factor * sd] for name, factor in ends}}


@cache
def exact_factors(n: int, width: float = WIDTH, level: float = LEVEL) -> tuple[float, float]:
    """How many standard deviations from the bias the confidence limits of one limit of agreement lie, of n pairs."""
    tails = (0.5 - level / 2, 0.5 + level / 2)
    near, far = (float(stats.nct.ppf(tail, n - 1, width * math.sqrt(n))) / math.sqrt(n) for tail in tails)
    return near, far


def approximate_factors(n: int, width: float = WIDTH, level: float = LEVEL) -> tuple[float, float]:
    """The same by Bland and Altman 1999, section 2.2: variance s² (1/n + width² / 2(n - 1)), Student's t."""
    reach = float(stats.t.ppf(0.5 + level / 2, n - 1)) * math.sqrt(1 / n + width**2 / (2 * (n - 1)))
    return width - reach, width + reach


@cache
def pair_factors(n: int, width: float = WIDTH, level: float = LEVEL) -> tuple[float, float]:
    """The same for both limits taken as a pair (Carkeet 2015, two-sided tolerance factors).

    With the given confidence the interval bias ∓ factor · sd holds less than (first factor), and more than (second
    factor), the share of differences that lies within ``width`` standard deviations.
    """
    share = 2 * float(stats.norm.cdf(width)) - 1
    tails = (0.5 - level / 2, 0.5 + level / 2)
    near, far = (_tolerance_factor(n, share, tail) for tail in tails)
    return near, far


def _tolerance_factor(n: int, share: float, confidence: float) -> float:
    """The two-sided tolerance factor of a normal distribution, by numerical integration over the mean.

    Of n values the mean is off by z standard errors; half the width that then holds ``share``, r(z), is exceeded by
    factor · sd with a probability of the chi-square distribution.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    halves = np.sqrt(stats.ncx2.ppf(share, 1, np.square(nodes) / n))

    def excess(factor: float) -> float:
        chances = stats.chi2.sf((n - 1) * np.square(halves / factor), n - 1)
        return float(weights @ chances) / math.sqrt(2 * math.pi) - confidence

    return float(optimize.brentq(excess, 1e-3, 1e3, xtol=1e-10))


def proportional_bias(first: np.ndarray, second: np.ndarray) -> Measured:
    """The slope of the difference second - first on the mean of both, each [n]: months per month, 95 % interval.

    A slope that is not 0 says that the bias grows with the age, or that one of the two varies more than the other.
    None where it is not defined.
    """
    means, differences = (first + second) / 2, second - first
    if len(first) < 3 or np.ptp(means) <= TINY:
        return alone()
    fitted = stats.linregress(means, differences)
    reach = float(stats.t.ppf(0.5 + LEVEL / 2, len(first) - 2)) * float(fitted.stderr)
    slope = float(fitted.slope)
    return {"value": slope, "low": slope - reach, "high": slope + reach}


def within(repeats: Repeats) -> dict[str, Any] | None:
    """A reader's own error from films rated more than once: None where there are none.

    Returns:
        ``films`` and ``ratings`` that count; ``variance``, pooled, months²; ``sd``; ``repeatability``, the difference
        that 95 % of pairs of ratings of one film stay below, √2 · 1.96 sd.
    """
    twice = [ratings for ratings in repeats if len(ratings) > 1]
    if not twice:
        return None
    freedom = sum(len(ratings) - 1 for ratings in twice)
    variance = sum(float(np.square(ratings - ratings.mean()).sum()) for ratings in twice) / freedom
    return {
        "films": len(twice),
        "ratings": sum(map(len, twice)),
        "variance": variance,
        "sd": math.sqrt(variance),
        "repeatability": math.sqrt(2 * variance) * WIDTH,
    }


def repeated_limits(first: Repeats, second: Repeats, width: float = WIDTH) -> dict[str, Any] | None:
    """Limits of agreement of two readers who rated films several times (Bland & Altman 1999, sections 5.1 and 5.2).

    They are for single ratings: the variance of the differences between the films' means plus what averaging took
    from each reader's own variance. The confidence limits are by the delta method, as there.

    Args:
        first, second: the ratings of each film, [repeats] each, the films in one order.
        width: standard deviations to either side.

    Returns:
        ``n``, ``bias`` of second - first, ``sd``, ``lower`` and ``upper``; None without repeats, or for one film.
    """
    n, own = len(first), (within(first), within(second))
    if n < 2 or (own[0] is None and own[1] is None):
        return None
    differences = np.array([b.mean() - a.mean() for a, b in zip(first, second, strict=True)])
    between = float(differences.var(ddof=1))
    variance, uncertainty = between, 2 * between**2 / (n - 1)
    for mine, repeats in zip(own, (first, second), strict=True):
        if mine is not None:
            averaged = 1 - float(np.mean([1 / len(ratings) for ratings in repeats]))
            variance += averaged * mine["variance"]
            uncertainty += averaged**2 * 2 * mine["variance"] ** 2 / (mine["ratings"] - mine["films"])
    bias, sd = float(differences.mean()), math.sqrt(variance)
    error = math.sqrt(variance / n + width**2 * uncertainty / (4 * variance)) if variance else 0.0
    reach = float(stats.norm.ppf(0.5 + LEVEL / 2)) * error
    ends = {"lower": bias - width * sd, "upper": bias + width * sd}
    return {
        "n": n,
        "bias": bias,
        "sd": sd,
        **{name: {"value": at, "low": at - reach, "high": at + reach} for name, at in ends.items()},
    }
