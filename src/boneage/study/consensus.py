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
        biases, mads: of each reader against the mean of all, float64 [k], months, from films that another rated too;
            NaN of a reader without such films.
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

    On a film that he rated alone a reader agrees with himself, so that such films tell nothing of him. A MAD of 0 has
    the weight of the smallest one above 0; a reader who shares no film, that of the largest MAD, and no bias.
    """
    rated = np.isfinite(values)
    counts = rated.sum(axis=1)
    shared = values[counts > 1]
    apart = shared - mean_of_rated(shared)[:, None]
    biases, mads = mean_of_rated(apart.T), mean_of_rated(np.abs(apart).T)
    weights = _weights(mads)
    corrected = np.where(rated, values - np.nan_to_num(biases), 0.0)
    total = rated @ weights
    months = np.divide(corrected @ weights, total, out=np.full(len(values), np.nan), where=counts > 0)
    return Consensus(months, biases, mads, weights, counts)


def mean_of_rated(values: np.ndarray) -> np.ndarray:
    """The mean of each row without its gaps; NaN of an empty row."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of an empty row
        return np.nanmean(values, axis=1)


def _weights(mads: np.ndarray) -> np.ndarray:
    """1 / MAD of each reader, by shares; above 0 for all. MADs below a billionth of a month are rounding."""
    told = mads[mads > 1e-9]
    if not len(told):
        return np.full(len(mads), 1 / len(mads))
    known = np.nan_to_num(mads, nan=told.max())
    raw = 1 / np.maximum(known, told.min())
    return raw / raw.sum()
