"""The consensus of several readers by the rule of the RSNA challenge, and each reader against it.

Halabi et al., "The RSNA Pediatric Bone Age Machine Learning Challenge", Radiology 2019;290:498-503: the mean of all
readers; each reader's mean difference (bias) and mean absolute difference (MAD) from it; the bias is taken off, and the
mean is taken again, weighted by 1 / MAD.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Consensus:
    """What k readers agree on for n films.

    Attributes:
        months: the consensus float64 [n]; NaN where nobody rated the film.
        biases, mads: of each reader against the mean of all, float64 [k], months; NaN of a reader without ratings.
        weights: of each reader, float64 [k], that sum to 1.
        counts: how many readers rated the film, int [n].
    """

    months: np.ndarray
    biases: np.ndarray
    mads: np.ndarray
    weights: np.ndarray
    counts: np.ndarray


def rsna(values: np.ndarray) -> Consensus:
    """The consensus of ratings [films, readers] in months with NaN for gaps.

    A reader whose MAD is 0 has all the weight, shared with others of whom that is true.
    """
    rated = np.isfinite(values)
    apart = values - mean_of_rated(values)[:, None]
    biases, mads = mean_of_rated(apart.T), mean_of_rated(np.abs(apart).T)
    weights = _weights(mads)
    corrected = np.where(rated, values - biases, 0.0)
    total = rated @ weights
    found = corrected @ weights
    months = np.divide(found, total, out=np.full(len(values), np.nan), where=total > 0)
    return Consensus(months, biases, mads, weights, rated.sum(axis=1))


def mean_of_others(values: np.ndarray, reader: int) -> np.ndarray:
    """The mean rating of each film by all readers but one, float64 [films]; NaN where no other rated it."""
    return mean_of_rated(np.delete(values, reader, axis=1))


def mean_of_rated(values: np.ndarray) -> np.ndarray:
    """The mean of each row without its gaps; NaN of an empty row."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of an empty row
        return np.nanmean(values, axis=1)


def _weights(mads: np.ndarray) -> np.ndarray:
    exact = mads < 1e-9
    raw = exact.astype(float) if exact.any() else np.divide(1, mads, out=np.zeros(len(mads)), where=np.isfinite(mads))
    return raw / raw.sum() if raw.sum() > 0 else raw
