"""Krippendorff's alpha for ages: 1 for readers who agree, 0 for readers who might as well have drawn lots.

Krippendorff, "Computing Krippendorff's alpha-reliability", 2011, with the interval metric (a - b)².
"""

from __future__ import annotations

import numpy as np

from ..evaluation.metrics import ratio
from .deviation import Measured
from .resampling import RESAMPLES, bootstrapped


def alpha(values: np.ndarray, resamples: int = RESAMPLES) -> Measured:
    """Alpha of ratings [films, readers] with NaN for gaps, and its interval over resamples of the films.

    Films with a single rating do not count. None where the ratings do not vary.
    """
    return bootstrapped(_columns(values), _of_sums, resamples)["alpha"]


def _columns(values: np.ndarray) -> np.ndarray:
    """Of each film with two ratings or more: their number, sum, sum of squares, and disagreement."""
    counts = np.isfinite(values).sum(axis=1)
    pairable = values[counts > 1]
    number = counts[counts > 1].astype(float)
    centred = pairable - np.nanmean(pairable) if len(pairable) else pairable
    sums, squares = np.nansum(centred, axis=1), np.nansum(np.square(centred), axis=1)
    return np.column_stack([number, sums, squares, (number * squares - sums**2) / (number - 1)])


def _of_sums(sums: np.ndarray) -> dict[str, np.ndarray]:
    number, total, squares, observed = np.moveaxis(sums, -1, 0)
    expected = (number * squares - total**2) / (number - 1)
    return {"alpha": 1 - ratio(observed, np.where(expected > 1e-12, expected, 0.0))}
