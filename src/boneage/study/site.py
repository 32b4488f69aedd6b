"""Calibrate a model for one site from local films with local ratings: a correction of the ages, and of the intervals.

boneage calibrate-site MODEL --data DIR --out SITE.json
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from ..data.dataset import Sample
from ..errors import BadTable
from ..evaluation.coverage import calibrated_range
from ..evaluation.evaluate import predict_all
from ..evaluation.predictions import Predictions
from ..files import write_json
from ..progress import Advance
from ..reading.intervals import LEVELS, factors, of_films
from ..reading.predictor import Predictor
from ..reading.site import CENTRE, KIND
from ..types import DISCLAIMER, Sex
from .agree import agreed_months
from .deviation import TINY, deviations
from .ratings import Ratings

FEWEST, FEW = 60, 100  # films: below the first none is made, below the second it is warned of
SEXES_APART = 300  # films from which on the intervals of girls and boys have factors of their own
FOLDS = 10
FLIPS = 2000  # of the errors' signs, which show what gain chance gives
CHANCE, CHANCE_OF_MANY = 0.05, 0.03  # of sites without a bias so many get a correction; the second from `SEXES_APART`
# films on, which show that errors are not quite symmetric, and find a bias that matters all the same
CLIP = 2.5  # robust standard deviations at which an error is cut before the correction is fitted
SHARP = 1.0  # the same before a bias is looked for: heavy tails hide it
PRIOR = np.array([6.0, 0.1, 4.0, 0.03])  # months, months per month: how large a correction is expected to be: that of
# all films and its slope, and how far the sexes are apart in both; fits are shrunk towards none by it

LOOKED_FOR = np.array([6.0, 0.01, 6.0, 0.01])  # the same for the test, which looks for shifts rather than slopes

NONE = "no better than none"
BETTER = "better than none"
SIGNS = {Sex.FEMALE: -0.5, Sex.MALE: 0.5, Sex.UNKNOWN: 0.0}


@dataclass(frozen=True)
class Fit:
    """A correction and what it was worth on films that it was not fitted to.

    Attributes:
        coefficients: float64 [4] of `_design`.
        cross_fitted: the correction of each film by the other folds, float64 [n], months.
        gain: ``value``, by how much it lowers the MAD of the films, months; ``chance``, how often errors with signs
            drawn by lot speak as clearly for a correction.
    """

    coefficients: np.ndarray
    cross_fitted: np.ndarray
    gain: dict[str, float]

    @property
    def is_better(self) -> bool:
        """Whether the errors speak for a correction more clearly than chance does."""
        return self.gain["chance"] <= (CHANCE if len(self.cross_fitted) < SEXES_APART else CHANCE_OF_MANY)


def calibrate_site(
    predictor: Predictor,
    samples: Sequence[Sample],
    out: Path,
    *,
    ratings: Ratings | None = None,
    progress: Advance | None = None,
    context: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Calibrate a model on local films; write the file ``out`` and return its content.

    Args:
        predictor: the model.
        samples: local films with labels, which no part of the model has seen.
        out: a JSON file.
        ratings: of the films by several readers, whose consensus then is the label.
        progress: called with the number of films done.
        context: facts to store, such as the data folder.

    Raises:
        BadTable: for fewer than 60 films that can be read.
        CannotWrite: if ``out`` cannot be written.
    """
    films, raters, remarks = (samples, 1.0, []) if ratings is None else labelled_by(samples, ratings)
    table, failures = predict_all(predictor, films, progress)
    found = site_of(table, predictor) | {
        "raters_per_film": raters,
        "remarks": remarks,
        "failures": len(failures),
        "context": dict(context or {}),
        "version": version("boneage"),
        "disclaimer": DISCLAIMER,
    }
    write_json(out, found)
    return found


def labelled_by(samples: Sequence[Sample], ratings: Ratings) -> tuple[list[Sample], float, list[str]]:
    """The films that readers have rated, labelled by their consensus, and how many readers rated one in the mean.

    Also sentences on films without a rating and ratings without a film, which do not count.
    """
    agreed = agreed_months(ratings)
    months = dict(zip(ratings.ids, agreed.months, strict=True))
    counts = dict(zip(ratings.ids, agreed.counts, strict=True))
    films = [one for one in samples if math.isfinite(months.get(one.id, math.nan))]
    labelled = [replace(one, months=float(months[one.id])) for one in films]
    raters = round(float(np.mean([counts[one.id] for one in films])), 2) if films else 0.0
    known = {one.id for one in samples}
    left = {
        "films without a rating were not used": sorted(known - {one.id for one in films}),
        "films of the table of ratings are not in the data": sorted(set(ratings.ids) - known),
    }
    return labelled, raters, [f"{len(ids):,} {what} ({ids[0]!r} first)." for what, ids in left.items() if ids]


def site_of(table: Predictions, predictor: Predictor) -> dict[str, Any]:
    """The calibration of a site from readings of its films; see `calibrate_site`."""
    if len(table) < FEWEST:
        raise BadTable(f"{len(table)} films that can be read are too few to calibrate a site: it takes {FEWEST}")
    fit = fitted(table.predictions, -table.errors, table.sexes, table.expected_errors)
    corrected = table.predictions + (fit.cross_fitted if fit.is_better else 0.0)
    scales = (
        None
        if table.expected_errors is None
        else site_factors(table.labels - corrected, table.expected_errors, table.sexes)
    )
    return {
        "kind": KIND,
        "model": predictor.name,
        "weights_sha256": predictor.weights_sha256,
        "films": len(table),
        "by_sex": {sex.value: table.sexes.count(sex) for sex in Sex},
        "verdict": BETTER if fit.is_better else NONE,
        "corrections": corrections(fit.coefficients) if fit.is_better else None,
        "gain": fit.gain,
        "before": deviations(table.errors),
        "after": deviations(corrected - table.labels),
        "factors": scales,
        "coverage": None if scales is None else _coverage(table, predictor.factors),
        "promised": None if scales is None else promised(len(table)),
    }


def fitted(
    months: np.ndarray,
    errors: np.ndarray,
    sexes: Sequence[Sex],
    expected_errors: np.ndarray | None = None,
    *,
    seed: int = 0,
) -> Fit:
    """A linear correction for each sex, shrunk towards none, and its cross-fitted gain.

    Ridge regression, by the prior `PRIOR`, of errors in units of the expected error (weighted least squares: a film
    that is hard to read says less of a bias), cut at 2.5 robust standard deviations. Whether there is a bias is
    tested by flipping the signs of errors: without one they are as likely above as below. What is compared is how much
    a correction by the prior `LOOKED_FOR` explains of errors cut at one robust standard deviation. That is exact for
    errors that are symmetric, and finds more than an interval of the gain, in which the noise of every film stands.

    Args:
        months: readings [n].
        errors: label minus reading, [n], months.
        sexes: of the films.
        expected_errors: of the readings [n], months; without them all films count alike.
        seed: of the folds and the flips.
    """
    weights = np.ones(len(errors)) if expected_errors is None else np.median(expected_errors) / expected_errors
    design, scaled = _design(months, sexes), errors * weights
    weighted, cut, sharp = design * weights[:, None], _cut(scaled), _cut(scaled, SHARP)
    variance = float(np.square(cut).mean())
    generator = np.random.default_rng(seed)
    folds = generator.permutation(np.arange(len(errors)) % FOLDS)
    flips = 2.0 * generator.integers(0, 2, (len(errors), FLIPS)) - 1
    own = _cross_fitted(design, weighted, variance, folds, cut)
    as_clear = _explained(weighted, sharp[:, None] * flips) >= _explained(weighted, sharp[:, None]) - TINY
    gain = {"value": float(_gain(errors, own)), "chance": float((1 + as_clear.sum()) / (1 + FLIPS))}
    return Fit(_solved(weighted.T @ weighted, weighted.T @ cut, variance), own, gain)


def corrections(coefficients: np.ndarray) -> dict[str, dict[str, float]]:
    """The correction of each sex as a site file has it; for an unknown sex the mean of both."""
    offset, slope, apart, apart_slope = map(float, coefficients)
    return {
        sex.value: {"offset": round(offset + sign * apart, 4), "slope": round(slope + sign * apart_slope, 6)}
        for sex, sign in SIGNS.items()
    }


def site_factors(
    residuals: np.ndarray, expected_errors: np.ndarray, sexes: Sequence[Sex]
) -> dict[str, dict[str, float]]:
    """The conformal factors of each sex from residuals [n]; one for all below 300 films (`SEXES_APART`)."""
    pooled = factors(residuals, expected_errors)
    found = {sex.value: pooled for sex in Sex}
    if len(residuals) < SEXES_APART:
        return found
    for sex in (Sex.FEMALE, Sex.MALE):
        rows = np.array([each is sex for each in sexes])
        if rows.sum() >= FEW:
            found[sex.value] = factors(residuals[rows], expected_errors[rows])
    return found


def promised(n: int) -> dict[str, dict[str, float]]:
    """Of each level, the range in which the coverage lies in 99 of 100 sites calibrated on n films.

    The coverage of a conformal interval has the beta distribution of (k, n + 1 - k), k = ceil((n + 1) · level) (Vovk,
    "Conditional validity of inductive conformal predictors", Mach Learn 2013;92:349-376).
    """
    found = {}
    for level in LEVELS:
        rank = math.ceil((n + 1) * level)
        low, high = stats.beta.ppf([0.005, 0.995], rank, n + 1 - rank)
        found[f"{level:g}"] = {"low": float(low), "high": float(high)}
    return found


def sentences(found: Mapping[str, Any]) -> list[str]:
    """What a calibration found, in words."""
    before, after, gain = found["before"], found["after"], found["gain"]
    said = [f"{found['films']:,} films, {found['raters_per_film']:g} ratings each, {found['failures']} not read."]
    said += found["remarks"]
    if found["films"] < FEW:
        said.append(f"Fewer than {FEW} films: take it for a first look.")
    shown = f"cross-fitted gain {gain['value']:+.2f} months of MAD"
    said.append(f"A correction is {found['verdict']}: {shown}; chance shows as clear a bias in {gain['chance']:.1%}.")
    if found["corrections"] and gain["value"] <= 0:
        said.append("The bias is clear, but so many films cannot show the gain: it is smaller than their noise.")
    for name in ("bias", "mad", "rmse"):
        change = f"{before[name]['value']:.2f} before, {after[name]['value']:.2f} after"
        said.append(f"{name.upper() if name != 'bias' else 'Bias'}: {change}, months.")
    if found["coverage"]:
        own, range_ = found["coverage"]["0.9"], found["promised"]["0.9"]
        said.append(f"The model's own 90 % intervals hold {own['value']:.1%} of these ratings.")
        said.append(f"Those of the site file will hold {range_['low']:.1%} to {range_['high']:.1%} in 99 of 100 sites.")
    return said


def _design(months: np.ndarray, sexes: Sequence[Sex]) -> np.ndarray:
    """Columns [n, 4]: 1, months from the centre, and both times the sex (girls -½, boys ½)."""
    away, sign = months - CENTRE, np.array([SIGNS[sex] for sex in sexes])
    return np.column_stack([np.ones(len(months)), away, sign, sign * away])


def _cut(errors: np.ndarray, deviations_off: float = CLIP) -> np.ndarray:
    """Errors [n] cut at so many robust standard deviations."""
    far = deviations_off * 1.4826 * float(np.median(np.abs(errors)))
    return np.clip(errors, -far, far) if far > 0 else errors


def _explained(design: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """How much of the squares of errors [n, …] a correction by the prior `LOOKED_FOR` explains, [...]."""
    products, variance = design.T @ errors, float(np.square(errors).mean())
    return (products * _solved(design.T @ design, products, variance, LOOKED_FOR)).sum(axis=0)


def _solved(squares: np.ndarray, products: np.ndarray, variance: float, prior: np.ndarray | None = None) -> np.ndarray:
    """Coefficients [4, …] from design' design and design' errors, shrunk by the prior."""
    return np.linalg.solve(squares + np.diag(variance / np.square(PRIOR if prior is None else prior)), products)


def _cross_fitted(
    design: np.ndarray, weighted: np.ndarray, variance: float, folds: np.ndarray, cut: np.ndarray
) -> np.ndarray:
    """The correction [n] of each film by the films of the other folds, from the weighted design and errors."""
    squares, products, found = weighted.T @ weighted, weighted.T @ cut, np.empty_like(cut)
    for fold in range(FOLDS):
        inside = folds == fold
        own = weighted[inside]
        found[inside] = design[inside] @ _solved(squares - own.T @ own, products - own.T @ cut[inside], variance)
    return found


def _gain(errors: np.ndarray, correction: np.ndarray) -> np.ndarray:
    """By how much a correction lowers the mean absolute error, of errors [n, …]."""
    return (np.abs(errors) - np.abs(errors - correction)).mean(axis=0)


def _coverage(table: Predictions, known: Mapping[str, Any]) -> dict[str, dict[str, float]] | None:
    """Of each level the share of the films inside the model's own intervals, and what n calibrated ones would show."""
    if not known or table.expected_errors is None:
        return None
    found = {}
    for level, factor in of_films(known, table.sexes).items():
        low, high = calibrated_range(len(table), float(level))
        inside = np.abs(table.errors) <= factor * table.expected_errors
        found[level] = {"value": float(inside.mean()), "low": low, "high": high}
    return found
