"""Evaluate a predictor on labelled films: metrics, predictions, plots and a page, in one folder.

boneage evaluate MODEL --data DIR --out OUT
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .. import result_folder
from ..config import PrepareConfig
from ..data.dataset import Sample
from ..data.pipeline import PreparedFilm, attempt, each_film, labelled, prepared
from ..errors import BadTable
from ..files import json_bytes, text_bytes
from ..progress import Advance
from ..reading import intervals
from ..reading.intervals import Factors
from ..types import DISCLAIMER, Failure, Sex
from . import coverage, html, metrics, plots
from .predictions import EXPECTED_ERRORS, PREDICTIONS, Predictions, expected_errors_to_csv, to_csv
from .wording import band, cell, interval, measured, metric_cell, number

MARKER = "metrics.json"
PLOTS = ("scatter.png", "bland_altman.png", "residuals.png", "histogram.png", "worst.png")
SURENESS = "intervals.png"
FILES = (MARKER, PREDICTIONS, EXPECTED_ERRORS, "report.html", *PLOTS, SURENESS)
BATCH = 32
WORST = 12  # films shown


class BatchPredictor(Protocol):
    """The part of a `boneage.reading.predictor.Predictor` that an evaluation needs."""

    @property
    def name(self) -> str: ...
    @property
    def weights_sha256(self) -> str: ...
    @property
    def uses_sex(self) -> bool: ...
    @property
    def spec(self) -> PrepareConfig: ...
    @property
    def factors(self) -> Mapping[str, Factors]: ...
    def predict_batch(self, pixels: np.ndarray, sexes: Sequence[Sex]) -> tuple[np.ndarray, np.ndarray]:
        """Bone ages and expected errors (NaN if unknown), each float64 [N], of prepared pixels uint8 [N, H, W]."""
        ...


Section = Callable[[Predictions], tuple[dict[str, Any], str]]
_Row = tuple[str, Sex, float, float, float]  # id, sex, label, prediction, expected error


def evaluate(
    predictor: BatchPredictor,
    samples: Sequence[Sample],
    out: str | Path,
    *,
    split: str,
    sex_not_given: bool = False,
    progress: Advance | None = None,
    context: Mapping[str, Any] | None = None,
    section: Section | None = None,
) -> dict[str, Any]:
    """Read every film, write the report folder ``out`` and return the content of its ``metrics.json``.

    Films that fail are listed, and left out of every number.

    Args:
        predictor: the model.
        samples: films with labels.
        out: a folder that is new, empty or holds an earlier evaluation, which is replaced.
        split: the name of the split, for the report.
        sex_not_given: give the network no sex.
        progress: called with the number of films done.
        context: facts to store with the numbers, such as the data folder.
        section: of the films that were read, a further part of the report: its numbers, stored as ``groups``, and its
            HTML (such as `boneage.study.fairness.section`).

    Raises:
        CannotWrite: if ``out`` holds anything else.
        BadTable: if no film could be evaluated.
    """
    out = Path(out)
    result_folder.check(out, FILES, MARKER)
    table, failures = predict_all(predictor, samples, progress, sex_not_given=sex_not_given)
    if not len(table):
        first = f": {failures[0].id}: {failures[0].reason}" if failures else ""
        raise BadTable(f"not one of {len(samples)} films of split {split!r} could be evaluated{first}")
    found = provenance(predictor, split, failures, context or {}) | {"sex_not_given": sex_not_given}
    return report(table, samples, out, found, factors=predictor.factors, section=section)


def report(
    table: Predictions,
    samples: Sequence[Sample],
    out: Path,
    about: Mapping[str, Any],
    *,
    factors: Mapping[str, Factors],
    section: Section | None = None,
) -> dict[str, Any]:
    """Measure predictions and write the report folder ``out``; returns the content of its ``metrics.json``.

    Args:
        table: predictions with labels.
        samples: its films, to show the worst; others may be among them.
        out: as for `evaluate`.
        about: whose predictions they are: `provenance`, and ``sex_not_given``.
        factors: conformal factors of the model; empty for none.
        section: as for `evaluate`.

    Raises:
        CannotWrite: as `evaluate`.
    """
    result_folder.check(out, FILES, MARKER)
    found = measure(table) | dict(about)
    numbers, more = section(table) if section else ({}, "")
    found |= {"groups": numbers} if section else {}
    cases = _worst_cases(table, samples, PrepareConfig(**about["prepare"]))
    pictures = dict(zip(PLOTS, _draw(table, cases), strict=True))
    if factors and table.expected_errors is not None:
        sexes = [Sex.UNKNOWN] * len(table) if about["sex_not_given"] else table.sexes
        of_each = intervals.of_films(factors, sexes)
        known = (table.labels, table.predictions, table.expected_errors, table.sexes)
        found["intervals"] = coverage.assessment(*known, of_each)
        level = max(of_each, key=float)
        pictures[SURENESS] = plots.sureness(table, of_each[level] * table.expected_errors, float(level))
    files = {
        MARKER: json_bytes(found),
        PREDICTIONS: to_csv(table).encode(),
        "report.html": text_bytes(_page(found, pictures, cases, more)),
        **pictures,
    }
    if table.expected_errors is not None:
        files[EXPECTED_ERRORS] = expected_errors_to_csv(table).encode()
    result_folder.write(out, files)
    return found


def predict_all(
    predictor: BatchPredictor,
    samples: Sequence[Sample],
    progress: Advance | None = None,
    *,
    sex_not_given: bool = False,
) -> tuple[Predictions, list[Failure]]:
    """The predictions for all films that can be read, in order, and the failures; ages are rounded as in the table."""
    rows: list[_Row] = []
    failures: list[Failure] = []
    films = zip(samples, each_film(partial(labelled, spec=predictor.spec), samples), strict=True)
    while batch := list(islice(films, BATCH)):
        read = [(sample, film) for sample, film in batch if isinstance(film, PreparedFilm)]
        failures += [film for _, film in batch if isinstance(film, Failure)]
        answers = _predict(predictor, [film for _, film in read], sex_not_given)
        for (sample, film), (age, expected_error) in zip(read, answers, strict=True):
            if np.isfinite(age):
                rows.append((sample.id, film.sex, _label(sample), round(age, 4), round(expected_error, 4)))
            else:
                failures.append(Failure(sample.id, str(sample.path), "the network's answer is not a finite number"))
        if progress:
            progress(len(batch))
    return _table(predictor.name, rows), failures


def _predict(
    predictor: BatchPredictor, films: Sequence[PreparedFilm], sex_not_given: bool
) -> list[tuple[float, float]]:
    if not films:
        return []
    sexes = [Sex.UNKNOWN if sex_not_given else film.sex for film in films]
    months, expected_errors = predictor.predict_batch(np.stack([film.pixels for film in films]), sexes)
    return list(zip(months.tolist(), expected_errors.tolist(), strict=True))


def _label(sample: Sample) -> float:
    """The bone age in months as tables of predictions have it."""
    assert sample.months is not None, "films without one have failed"
    return round(sample.months, 2)


def measure(table: Predictions) -> dict[str, Any]:
    """All numbers of `metrics` for a table: overall at the top, then by sex, by age, and limits of agreement."""
    return {
        **metrics.summary(table.labels, table.predictions),
        "by_sex": metrics.by_sex(table.labels, table.predictions, table.sexes),
        "by_age": metrics.by_age(table.labels, table.predictions),
        "by_age_and_sex": metrics.by_age_and_sex(table.labels, table.predictions, table.sexes),
        "limits_of_agreement": metrics.agreement(table.labels, table.predictions),
    }


def _table(name: str, rows: Sequence[_Row]) -> Predictions:
    ids, sexes, *columns = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    labels, ages, expected_errors = (np.array(column, dtype=np.float64) for column in columns)
    return Predictions(name, ids, sexes, labels, ages, expected_errors if np.isfinite(expected_errors).all() else None)


def provenance(
    predictor: BatchPredictor, split: str, failures: Sequence[Failure], context: Mapping[str, Any]
) -> dict[str, Any]:
    """What is stored of a model beside the numbers of its predictions."""
    return {
        "failures": [asdict(failure) for failure in failures],
        "split": split,
        "model": predictor.name,
        "weights_sha256": predictor.weights_sha256,
        "uses_sex": predictor.uses_sex,
        "prepare": asdict(predictor.spec),
        "version": version("boneage"),
        "context": dict(context),
        "interval": metrics.INTERVAL,
        "definitions": {
            key: {"name": metric.name, "unit": metric.unit, "formula": metric.formula}
            for key, metric in metrics.METRICS.items()
        },
        "disclaimer": DISCLAIMER,
    }


def _worst_cases(table: Predictions, samples: Sequence[Sample], spec: PrepareConfig) -> list[plots.Case]:
    """The films with the largest errors, read once more so that no pixels had to be kept."""
    by_id = {sample.id: sample for sample in samples}
    cases = []
    for row in np.argsort(-np.abs(table.errors), kind="stable")[:WORST]:
        film = attempt(partial(prepared, spec=spec.in_one), by_id[table.ids[row]])
        if isinstance(film, PreparedFilm):
            label, age = float(table.labels[row]), float(table.predictions[row])
            cases.append(plots.Case(table.ids[row], film.sex, label, age, film.pixels))
    return cases


def _draw(table: Predictions, cases: Sequence[plots.Case]) -> tuple[bytes, ...]:
    return (
        plots.scatter([table]),
        plots.bland_altman([table]),
        plots.residuals(table),
        plots.histogram(table),
        plots.worst(cases),
    )


def _page(found: Mapping[str, Any], pictures: Mapping[str, bytes], cases: Sequence[plots.Case], more: str = "") -> str:
    lead = f"{_films(found['n'])} of split {found['split']}, weights {found['weights_sha256'][:12]}"
    body = [
        _key_numbers(found),
        html.heading("Agreement with the labels"),
        _figures(found, pictures),
        html.heading("All numbers"),
        _all_numbers(found),
        html.groups("By sex; below each value its 95 % interval.", "sex", found["by_sex"]),
        html.groups("By labelled bone age; below each value its 95 % interval.", "months", found["by_age"]),
        more,
        html.heading("The largest errors"),
        _worst_section(found, pictures["worst.png"], cases),
        _failure_list(found["failures"]),
        _interval_section(found["intervals"], pictures[SURENESS]) if "intervals" in found else "",
        html.definitions(),
        html.heading("Provenance"),
        _facts(found),
    ]
    return html.page(f"Bone age by {found['model']} on {found['split']}", lead, body)


def _films(n: int) -> str:
    return f"{n:,} film{'' if n == 1 else 's'}"


def _key_numbers(found: Mapping[str, Any]) -> str:
    keys = {"MAE, months": "mae", "RMSE, months": "rmse", "Bias, months": "bias", "Within 12 months": "within_12"}
    tiles = [
        (
            name,
            number(found[key]["value"], signed=key == "bias") + " %" * (key == "within_12"),
            f"95 % interval {interval(found[key], signed=key == 'bias')}",
        )
        for name, key in keys.items()
    ]
    failed = len(found["failures"])
    return html.tiles(
        [*tiles, ("Films", f"{found['n']:,}", f"{failed:,} more failed{', listed below' * bool(failed)}")]
    )


def _figures(found: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    n = f"n = {found['n']:,}; 95 % intervals in brackets."
    lower, upper = (measured(found["limits_of_agreement"][end], signed=True) for end in ("lower", "upper"))
    bands = "; ".join(f"{band(name)}: {measured(of['bias'], signed=True)}" for name, of in found["by_age"].items())
    shares = ", ".join(f"{measured(found[f'within_{months}'], '%')} within {months}" for months in (6, 12, 24))
    captions = {
        "Prediction against label.": f"{n} MAE {measured(found['mae'], 'months')}, "
        f"R² {measured(found['r2'], digits=3)}.",
        "Bland-Altman.": f"{n} Bias {measured(found['bias'], 'months', signed=True)}; limits of agreement (bias ± 1.96 "
        f"standard deviations) {lower} and {upper} months.",
        "Error along the label.": f"{n} The running median and the central 80 % are of windows of 18 months with 10 or "
        f"more films. Bias in months by label: {bands}.",
        "Errors.": f"{n} Median absolute error {measured(found['median_error'], 'months')}; {shares} months.",
    }
    return "".join(
        html.figure(at, pictures[name], title, caption, f"{title} {caption}")
        for at, (name, (title, caption)) in enumerate(zip(PLOTS, captions.items(), strict=False), start=1)
    )


def _all_numbers(found: Mapping[str, Any]) -> str:
    rows = []
    for key, metric in metrics.METRICS.items():
        value, between = metric_cell(key, found).split("\n")
        rows.append((metric.name, f"{value} {metric.unit}".strip(), between, f"{found[key].get('n', found['n']):,}"))
    return html.table("Overall.", ("", "value", "95 % interval", "films"), rows)


def _interval_section(found: Mapping[str, Any], picture: bytes) -> str:
    sentences, header, rows = coverage.described(found)
    caption = "A network that knows where it errs has a line that rises; nine films in ten lie in the grey."
    figure = html.figure(len(PLOTS) + 1, picture, "Error and interval.", caption, f"Error and interval. {caption}")
    inside = f"Films inside the interval; below, what 99 of 100 calibrated ones would show. {sentences}"
    rows = [(cell(name), *values) for name, *values in rows]
    return html.heading("How sure it is") + figure + html.table(inside, header, rows)


def _worst_section(found: Mapping[str, Any], picture: bytes, cases: Sequence[plots.Case]) -> str:
    caption = f"The {len(cases)} of {_films(found['n'])} with the largest errors, as the network sees them."
    alt = f"Contact sheet of {len(cases)} hand radiographs; the table below lists them in the same order."
    sheet = html.figure(len(PLOTS), picture, "Worst cases.", caption, alt, kind="photograph")
    rows = [
        (str(at), c.id, c.sex.value, number(c.label), number(c.prediction), number(c.prediction - c.label, signed=True))
        for at, c in enumerate(cases, start=1)
    ]
    header = ("", "film", "sex", "label", "prediction", "error")
    return sheet + html.table("The same films; ages in months.", header, rows, words=3)


def _failure_list(failures: Sequence[Mapping[str, str]]) -> str:
    if not failures:
        return ""
    rows = [(failure["id"], failure["reason"]) for failure in failures]
    caption = f"{_films(len(rows))}, left out of every number."
    return html.heading("Films that failed") + html.table(caption, ("film", "reason"), rows, words=2)


def _facts(found: Mapping[str, Any]) -> str:
    spec = found["prepare"]
    return html.facts(
        {
            "model": found["model"],
            "weights, SHA-256": found["weights_sha256"],
            "sex given to the network": "yes" if found["uses_sex"] and not found["sex_not_given"] else "no",
            "network input": f"{spec['size']} x {spec['size']} pixels, {'the hand' if spec['hand'] else spec['fit']}",
            "split": found["split"],
            "films": f"{found['n']:,} evaluated, {len(found['failures']):,} failed",
            "boneage": found["version"],
            **found["context"],
        }
    )
