"""Variances of films, readers and error from ratings with gaps, and the intraclass correlations that follow.

The model adds an effect of the film, one of the reader and an error. Readers' effects are fitted by least squares in
films, the variances follow from the expected sums of squares (Henderson, "Estimation of variance and covariance
components", Biometrics 1953;9:226-252, method III). Without gaps that is the analysis of variance of
`boneage.study.icc`.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from ..evaluation.metrics import ratio
from . import icc
from .deviation import LEVEL, TINY, Measured, alone
from .resampling import FEWEST

METHOD = (
    "variance components by fitting constants (Henderson's method III); jackknife over films on Fisher's scale, for "
    "these readers"
)


def of_incomplete(values: np.ndarray) -> dict[str, Measured]:
    """ICC(A,1), ICC(C,1), ICC(A,k) and ICC(C,k) of ratings [films, readers] with NaN for gaps; k: all readers."""
    k, columns = values.shape[1], _columns(values)
    total = columns.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):  # where there is nothing to divide, it is not defined
        found, left_out = _coefficients(total, k), _coefficients(total - columns, k)
    single = {name: _jackknifed(float(found[name]), left_out[name], k) for name in found}
    return single | {name.replace("1)", "k)"): icc.of_mean(of, k) for name, of in single.items()}


def _coefficients(sums: np.ndarray, k: int) -> dict[str, np.ndarray]:
    film, reader, error = _components(sums, k)
    return {"ICC(A,1)": ratio(film, film + reader + error), "ICC(C,1)": ratio(film, film + error)}


def _jackknifed(value: float, left_out: np.ndarray, k: int) -> Measured:
    """A coefficient with Student's interval on Fisher's scale, log((1 + (k - 1) r) / (1 - r)), where it is nearly
    normal; its standard error is from leaving out each film in turn. Percentiles of a bootstrap end too low."""
    n = len(left_out)
    with np.errstate(divide="ignore", invalid="ignore"):
        middle, others = (np.log((1 + (k - 1) * r) / (1 - r)) for r in (np.float64(value), left_out))
    if n < FEWEST or not np.isfinite([middle, *others]).all():
        return alone(value)
    error = np.sqrt((n - 1) / n * np.square(others - others.mean()).sum())
    reach = float(stats.t.ppf(0.5 + LEVEL / 2, n - 1)) * error
    low, high = ((grown - 1) / (grown + k - 1) for grown in np.exp([middle - reach, middle + reach]))
    if 1 + (k - 1) * low < TINY:  # the pole of Fisher's scale: what is left says nothing
        return alone(value)
    return {"value": value, "low": float(low), "high": float(high)}


def _columns(values: np.ndarray) -> np.ndarray:
    """What is summed over rated films: 1, ratings, ratings², sum of squares, total² / ratings; by reader whether he
    rated it, what he gave, and total / ratings; by pair of readers 1 / ratings where both rated it."""
    rated = np.isfinite(values)
    values, rated = values[rated.any(axis=1)], rated[rated.any(axis=1)]
    given = np.where(rated, values - (np.nanmean(values) if rated.any() else 0.0), 0.0)
    given[np.abs(given) < TINY] = 0.0  # ratings that are all alike vary by rounding only
    number, total = rated.sum(axis=1).astype(float), given.sum(axis=1)
    own = (np.ones(len(values)), number, number**2, np.square(given).sum(axis=1), total**2 / number)
    share = rated / number[:, None]
    both = (share[:, :, None] * rated[:, None, :]).reshape(len(values), values.shape[1] ** 2)
    return np.column_stack([*own, rated.astype(float), given, share * total[:, None], both])


def _components(sums: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The variances of films, readers and error from sums [..., columns] of `_columns`; some may be below 0.

    NaN where the table is in parts that no reader connects.
    """
    films, number, squared, squares, by_film = np.moveaxis(sums[..., :5], -1, 0)
    counts, given, shared = (sums[..., 5 + at * k : 5 + (at + 1) * k] for at in range(3))
    both = sums[..., 5 + 3 * k :].reshape(*sums.shape[:-1], k, k)
    effects, trace = _fitted(counts, given - shared, both)
    error = ratio(squares - by_film - _dot(effects, given - shared), number - films - (k - 1))
    spread = np.square(effects - effects.mean(-1, keepdims=True)).sum(-1)
    reader = (spread - trace * error) / (k - 1)
    corrected = by_film - 2 * _dot(effects, shared) + np.einsum("...i,...ij,...j", effects, both, effects)
    middle = np.square(given.sum(-1) - _dot(effects, counts)) / number
    usual = ratio(number - squared / number, films - 1)
    film = ratio(ratio(corrected - middle, films - 1) - error, usual)
    return film, reader, error


def _fitted(counts: np.ndarray, apart: np.ndarray, both: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Readers' effects [..., k], which sum to 0, by least squares within films, and the trace of their covariance over
    the error's variance; NaN where the films do not connect all readers."""
    k = counts.shape[-1]
    values, vectors = np.linalg.eigh(counts[..., None] * np.eye(k) - both)
    known = values > 1e-9 * np.maximum(values[..., -1:], 1e-9)
    inverse = np.divide(1, values, out=np.zeros_like(values), where=known)
    connected = (known.sum(-1) == k - 1)[..., None]
    turned = np.einsum("...ij,...i->...j", vectors, apart)
    effects = np.einsum("...ij,...j->...i", vectors, inverse * turned)
    return np.where(connected, effects, np.nan), inverse.sum(-1)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(-1)
