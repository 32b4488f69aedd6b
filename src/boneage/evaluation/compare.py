"""Compare models on the same films: paired differences with intervals, plots side by side, one page.

boneage compare OUT OUT... --out REPORT
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from .. import result_folder
from ..errors import BadTable
from ..files import json_bytes, json_value, text_bytes
from ..types import DISCLAIMER, Sex
from . import html, metrics, plots
from .evaluate import MARKER as EVALUATION
from .evaluate import measure
from .predictions import PREDICTIONS, Predictions, has_labels, read_predictions, read_unlabelled
from .wording import band, interval, measured, metric_cell, number

MARKER = "comparison.json"
PLOTS = ("scatter.png", "bland_altman.png", "residuals.png", "errors.png")
FILES = (MARKER, "report.html", *PLOTS)
SAME_LABEL = 0.05  # months: labels closer than this are one label, rounded differently
MOST_PAIRS = 6  # pairs drawn; with more, only those with the first model
MOST_NAMED = 8  # films that a sentence names
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Pair = tuple[Predictions, Predictions]


@dataclass(frozen=True)
class Input:
    """One model's predictions, their file, facts from its evaluation (may be empty), and films without a label."""

    table: Predictions
    source: Path
    about: Mapping[str, Any]
    unlabelled: tuple[str, ...] = ()


def compare(inputs: Sequence[str | Path], out: str | Path) -> dict[str, Any]:
    """Compare evaluation folders or ``predictions.csv`` files film by film; write ``out`` and return its JSON.

    Only films that all inputs have are compared; the others are named. A table of another program needs neither labels
    nor sexes where one of the others has them. Names become ``A: model``, ``B: model``, ….

    Raises:
        BadTable: for fewer than two inputs, tables without a film in common, labels that differ, or none at all.
        CannotWrite: if ``out`` holds anything but an earlier comparison.
    """
    out = Path(out)
    result_folder.check(out, FILES, MARKER)
    given = read_inputs(inputs)
    tables = same_films(given)
    found = {
        "n": len(tables[0]),
        "models": [_model(letter, own, table) for letter, own, table in zip(LETTERS, given, tables, strict=False)],
        "pairs": [_pair(*pair) for pair in combinations(tables, 2)],
        "interval": metrics.INTERVAL,
        "version": version("boneage"),
        "disclaimer": DISCLAIMER,
    }
    pictures = dict(zip(PLOTS, _draw(tables), strict=True))
    files = {
        MARKER: json_bytes(found),
        "report.html": text_bytes(_page(found, pictures)),
        **pictures,
    }
    result_folder.write(out, files)
    return found


def read_inputs(paths: Sequence[str | Path]) -> list[Input]:
    """Read the tables of predictions; each name begins with a letter."""
    if not 2 <= len(paths) <= len(LETTERS):
        raise BadTable(f"a comparison takes 2 to {len(LETTERS)} evaluations, found {len(paths)}")
    sources = list(map(Path, paths))
    labelled = {path: read_predictions(path) for path in sources if has_labels(path)}
    if not labelled:
        raise BadTable(f"{sources[0]} has no column label, nor has any other of the tables: one of them needs it")
    known = {film: label for table in labelled.values() for film, label in zip(table.ids, table.labels, strict=True)}
    inputs = []
    for letter, path in zip(LETTERS, sources, strict=False):
        table, without = (labelled[path], ()) if path in labelled else read_unlabelled(path, known)
        about = _about(path)
        named = replace(table, name=f"{letter}: {about.get('model', table.name)}")
        inputs.append(Input(named, path, about, without))
    return inputs


def same_films(inputs: Sequence[Input]) -> list[Predictions]:
    """The tables reduced to the films that all have, in the order of the first; the sex is the first one known.

    Raises:
        BadTable: if there is no such film, or a label differs.
    """
    first = inputs[0].table
    shared = set(first.ids).intersection(*(given.table.ids for given in inputs[1:]))
    if not shared:
        examples = ", ".join(f"{given.table.ids[0]!r} in {given.source}" for given in inputs)
        raise BadTable(f"the tables have no film in common to all of them (the first ids: {examples})")
    order = [film for film in first.ids if film in shared]
    tables = [_rows_of(given.table, order) for given in inputs]
    for given, table in zip(inputs[1:], tables[1:], strict=True):
        _check_labels(inputs[0].source, tables[0], given.source, table)
    sexes = tuple(_known(known) for known in zip(*(table.sexes for table in tables), strict=True))
    return [replace(table, sexes=sexes, labels=tables[0].labels) for table in tables]


def verdict(pair: Mapping[str, Any]) -> str:
    """A sentence about a pair's difference in MAE; it claims none if the interval holds 0."""
    a, b, n, difference = pair["a"], pair["b"], pair["n"], pair["mae"]
    if difference["low"] is None:
        return f"One film cannot tell {a} from {b}."
    if difference["low"] <= 0 <= difference["high"]:
        claim = f"Between {a} and {b} there is no difference in MAE that {n:,} films can show"
    else:
        better, other = (b, a) if difference["value"] < 0 else (a, b)
        claim = f"{better} has a lower MAE than {other}"
    size, between = number(difference["value"], 2, signed=True), interval(difference, 2, signed=True)
    return f"{claim}: {_minus(pair)} is {size} months (95 % interval {between}; n = {n:,})."


def verdicts(found: Mapping[str, Any]) -> list[str]:
    """A sentence for each pair of models."""
    return [pair["verdict"] for pair in found["pairs"]]


def _minus(pair: Mapping[str, Any]) -> str:
    """``B minus A``: the letters that lead the names."""
    return f"{pair['b'].partition(':')[0]} minus {pair['a'].partition(':')[0]}"


def _about(path: Path) -> dict[str, Any]:
    """Model, weights and split from the evaluation; empty for a table from another program."""
    source = (path.parent if path.name == PREDICTIONS else path) / EVALUATION
    try:
        about = json_value(source.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise BadTable(f"{source} cannot be read: {getattr(error, 'strerror', None) or 'it is no JSON'}") from None
    if not isinstance(about, dict):
        raise BadTable(f"{source} holds no evaluation")
    return {key: str(about[key]) for key in ("model", "weights_sha256", "split") if about.get(key)}


def _rows_of(table: Predictions, order: Sequence[str]) -> Predictions:
    place = {film: row for row, film in enumerate(table.ids)}
    return table.select([place[film] for film in order])


def _check_labels(first: Path, ours: Predictions, second: Path, theirs: Predictions) -> None:
    apart = np.flatnonzero(np.abs(ours.labels - theirs.labels) > SAME_LABEL)
    if len(apart):
        row = apart[0]
        raise BadTable(
            f"{second}: film {ours.ids[row]!r} is labelled {theirs.labels[row]:g} months but {ours.labels[row]:g} in "
            f"{first} ({len(apart)} of {len(ours)} labels differ): only predictions for the same labels can be compared"
        )


def _known(sexes: Iterable[Sex]) -> Sex:
    return next((sex for sex in sexes if sex is not Sex.UNKNOWN), Sex.UNKNOWN)


def _model(letter: str, given: Input, table: Predictions) -> dict[str, Any]:
    compared = set(table.ids)
    left_out = [film for film in (*given.table.ids, *given.unlabelled) if film not in compared]
    return {
        "key": letter,
        "name": table.name,
        "source": str(given.source),
        "weights_sha256": given.about.get("weights_sha256"),
        "split": given.about.get("split"),
        "left_out": len(left_out),
        "films_left_out": left_out,
        **measure(table),
    }


def _pair(a: Predictions, b: Predictions) -> dict[str, Any]:
    found = {
        "a": a.name,
        "b": b.name,
        **metrics.paired(a.labels, a.predictions, b.predictions),
        "error_correlation": metrics.correlation(a.errors, b.errors),
    }
    return found | {"verdict": verdict(found)}


def _drawn_pairs(tables: Sequence[Predictions]) -> list[Pair]:
    pairs = list(combinations(tables, 2))
    return pairs if len(pairs) <= MOST_PAIRS else [(tables[0], other) for other in tables[1:]]


def _draw(tables: Sequence[Predictions]) -> tuple[bytes, ...]:
    return (
        plots.scatter(tables),
        plots.bland_altman(tables),
        plots.residuals_overlaid(tables),
        plots.errors_against(_drawn_pairs(tables)),
    )


def _page(found: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    models = found["models"]
    body = [
        html.heading("In words"),
        html.bullets(verdicts(found)),
        html.paragraph(_reading(found)),
        html.heading("Each model"),
        _metrics_table(models, found["n"]),
        html.heading("Film by film"),
        _pairs_table(found["pairs"], found["n"]),
        html.heading("Side by side"),
        _figures(found, pictures),
        html.heading("By sex and age"),
        _groups_table(models),
        html.definitions(),
        html.heading("Provenance"),
        _facts(models, found["version"]),
    ]
    title = f"Bone age: {len(models)} models on the same {found['n']:,} film{'' if found['n'] == 1 else 's'}"
    return html.page(title, ", ".join(model["name"] for model in models), body)


def _reading(found: Mapping[str, Any]) -> str:
    """How to read the verdicts: intervals around 0, their number, and the films left out."""
    sentences = ["An interval that holds 0 does not prove two models equal: it shows how far apart they may be."]
    if len(found["pairs"]) > 1:
        sentences.append(f"The {len(found['pairs'])} intervals are not corrected for their number.")
    left_out = ", ".join(_left_out(model) for model in found["models"] if model["left_out"])
    if left_out:
        sentences.append(f"Films that not all models have, or without a label, are left out: {left_out}.")
    return " ".join(sentences)


def _left_out(model: Mapping[str, Any]) -> str:
    """How many films of a model were not compared, and the first of them by their ids."""
    named = ", ".join(model["films_left_out"][:MOST_NAMED]) + ", …" * (model["left_out"] > MOST_NAMED)
    return f"{model['left_out']:,} of {model['key']} ({named})"


def left_out(found: Mapping[str, Any]) -> list[str]:
    """A sentence for each model of which not all films were compared."""
    return [f"left out: {_left_out(model)}" for model in found["models"] if model["left_out"]]


def _metrics_table(models: Sequence[Mapping[str, Any]], n: int) -> str:
    header = ("", *(model["name"] for model in models))
    rows = [
        (f"{metric.name}\n{metric.unit}", *(metric_cell(key, model) for model in models))
        for key, metric in metrics.METRICS.items()
    ]
    return html.table(f"n = {n:,}; below each value its 95 % interval.", header, rows)


def _pairs_table(pairs: Sequence[Mapping[str, Any]], n: int) -> str:
    header = ("pair", "MAE\nmonths", "RMSE\nmonths", "first closer\nfilms", "second closer\nfilms", "tie\nfilms")
    rows = [
        (
            f"{pair['b']}\nminus {pair['a']}",
            *(
                f"{number(pair[k]['value'], 2, signed=True)}\n{interval(pair[k], 2, signed=True)}"
                for k in ("mae", "rmse")
            ),
            f"{pair['win']:,}\n{measured(pair['share'], '%')}",
            f"{pair['lose']:,}\n{100 * pair['lose'] / n:.1f} %",
            f"{pair['tie']:,}\n{100 * pair['tie'] / n:.1f} %",
            number(pair["error_correlation"], 2),
        )
        for pair in pairs
    ]
    caption = (
        f"n = {n:,}. Differences, below zero in favour of the model named first, with 95 % intervals of paired "
        "resamples; and on how many films each is closer to the label (a tie: to 0.005 months)."
    )
    return html.table(caption, (*header, "correlation\nof errors"), rows)


def _figures(found: Mapping[str, Any], pictures: Mapping[str, bytes]) -> str:
    models, n = found["models"], f"n = {found['n']:,}; 95 % intervals in brackets."
    maes = "; ".join(f"{m['name']}: MAE {measured(m['mae'], 'months', 2)}" for m in models)
    limits = "; ".join(f"{m['name']}: {_agreement(m)}" for m in models)
    differences = "; ".join(f"{_minus(p)} {measured(p['mae'], 'months', 2, signed=True)}" for p in found["pairs"])
    captions = {
        "Prediction against label.": f"{n} {maes}.",
        "Bland-Altman.": f"{n} {limits}.",
        "Error along the label.": f"{n} Left the running median of the error, right the running MAE, in windows of 18 "
        f"months with 10 or more films. Difference in MAE: {differences}.",
        "The error of one model against that of another.": f"{n} Each point is a film; r is Pearson's correlation. The "
        f"less the errors agree, the more an average of the models would gain. Difference in MAE: {differences}.",
    }
    return "".join(
        html.figure(at, pictures[name], title, caption, f"{title} {caption}", kind="plot wide")
        for at, (name, (title, caption)) in enumerate(zip(PLOTS, captions.items(), strict=True), start=1)
    )


def _agreement(model: Mapping[str, Any]) -> str:
    lower, upper = (measured(model["limits_of_agreement"][end], signed=True) for end in ("lower", "upper"))
    return f"bias {measured(model['bias'], signed=True)}, limits of agreement {lower} and {upper} months"


def _groups_table(models: Sequence[Mapping[str, Any]]) -> str:
    groups = [(kind, name) for kind in ("by_sex", "by_age") for name in models[0][kind]]
    rows = [
        (band(name), f"{models[0][kind][name]['n']:,}", *(metric_cell("mae", m[kind][name]) for m in models))
        for kind, name in groups
    ]
    header = ("", "films", *(model["name"] for model in models))
    return html.table("MAE in months by sex and by label; below each value its 95 % interval.", header, rows)


def _facts(models: Sequence[Mapping[str, Any]], program: str) -> str:
    def about(model: Mapping[str, Any]) -> str:
        weights = f"weights, SHA-256 {model['weights_sha256']}" if model["weights_sha256"] else "weights not known"
        split = f"split {model['split']}" if model["split"] else "split not known"
        return f"{model['source']}; {weights}; {split}; {model['left_out']:,} films left out"

    return html.facts({model["name"]: about(model) for model in models} | {"boneage": program})
