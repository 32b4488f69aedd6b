"""How a model does for groups of films: by site, device, ancestry, diagnosis or any other column of the table.

boneage evaluate MODEL --data DIR --by COLUMN --out OUT
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from ..config import PrepareConfig
from ..data.columns import columns_of
from ..data.dataset import Sample
from ..data.pipeline import each_film
from ..errors import BadTable
from ..evaluation import html
from ..evaluation.predictions import Predictions
from ..evaluation.wording import interval, number
from ..images.guarded import read
from ..reading.examination import examine
from ..reading.intervals import of_films
from ..reading.predictor import Predictor
from ..table import rows_of, simple, whole_numbers
from ..types import Failure, Severity
from .deviation import Measured, alone, mean

TOLD_APART = 0.05  # the chance that of all differences without a cause one is called a difference
LEVEL = "0.9"  # of the prediction intervals whose coverage is compared
SMALL = 20  # films: of a smaller group little can be said
UNKNOWN = "not known"
COVERAGE = "Coverage: labels inside the model's 90 % intervals."
REFUSED = "Refused: films to which a quality flag gives no age."
MEASURES = {"bias": "months", "mad": "months", "coverage": "%", "refused": "%"}

Section = Callable[[Predictions], tuple[dict[str, Any], str]]


def section(predictor: Predictor, samples: Sequence[Sample], table: Path, columns: Sequence[str]) -> Section:
    """What `boneage.evaluation.evaluate.evaluate` adds to its report for groups by the columns of a table.

    Raises:
        BadTable: if the table lacks a column, or has more groups than 50 in one.
    """
    groups = cells(table, columns, {one.id for one in samples})
    flagged = each_film(partial(is_refused, spec=predictor.spec), samples, cost=2)
    refused = {one.id: found for one, found in zip(samples, flagged, strict=True) if not isinstance(found, Failure)}

    def measured(read_films: Predictions) -> tuple[dict[str, Any], str]:
        inside = _inside(read_films, predictor)
        found = by_group(read_films, groups, inside, refused)
        return found, page(found)

    return measured


def is_refused(sample: Sample, spec: PrepareConfig) -> bool:
    """Whether a quality flag refuses a film. A picture of two hands is not refused: each of them is read."""
    flags = examine(read(sample.path or ""), spec).flags
    return any(flag.severity is Severity.REFUSE and flag.code != "several_hands" for flag in flags)


def cells(table: Path, columns: Sequence[str], films: Collection[str]) -> dict[str, dict[str, str]]:
    """By column what a table says of each of these films, by its id; empty cells are ``not known``."""
    header, rows = rows_of(table)
    meaning = columns_of(table, header, [row for _, row in rows], labelled=False)
    ids = whole_numbers([row[header.index(meaning.key)] for _, row in rows])
    found = {}
    for name in map(simple, columns):
        if name not in header:
            raise BadTable(f"{table} has no column {name!r}; found {', '.join(filter(None, header))}")
        place = header.index(name)
        found[name] = {film: row[place] or UNKNOWN for film, (_, row) in zip(ids, rows, strict=True) if film in films}
        if len(set(found[name].values())) > 50:
            raise BadTable(f"{table}: the column {name!r} has {len(set(found[name].values()))} groups; at most 50")
    return found


def by_group(
    table: Predictions,
    groups: Mapping[str, Mapping[str, str]],
    inside: np.ndarray | None,
    refused: Mapping[str, bool],
) -> dict[str, Any]:
    """Numbers of each group, and their differences from those of all other films.

    Args:
        table: the films that were read.
        groups: by column, of which group each film is, by its id.
        inside: whether the label lies in the model's 90 % interval, bool [n]; None for a model without.
        refused: whether a quality flag refuses the film, by its id, also for films that were not read.

    Returns:
        ``measures``: ``bias``, ``mad``, ``coverage`` of a model with intervals, and ``refused``; ``columns``: by column
        and group ``n`` and the measures with 95 % intervals, and ``difference`` of each from the rest, with intervals
        corrected (Bonferroni) for all ``comparisons``.
    """
    measures = [name for name in MEASURES if name != "coverage" or inside is not None]
    of_read = {column: np.array([of.get(film, UNKNOWN) for film in table.ids]) for column, of in groups.items()}
    of_judged = {column: np.array([of.get(film, UNKNOWN) for film in refused]) for column, of in groups.items()}
    names = {column: sorted({*of_read[column].tolist(), *of_judged[column].tolist()}) for column in groups}
    comparisons = len(measures) * sum(len(of) for of in names.values() if len(of) > 1)
    level, flags = 1 - TOLD_APART / max(1, comparisons), np.array(list(refused.values()), float)
    found: dict[str, Any] = {"comparisons": comparisons, "measures": measures, "columns": {}}
    for column, own in of_read.items():
        films = of_judged[column]
        found["columns"][column] = {
            name: _group(table.errors, inside, flags, own == name, films == name, level) for name in names[column]
        }
    return found


def _group(
    errors: np.ndarray, inside: np.ndarray | None, flags: np.ndarray, own: np.ndarray, films: np.ndarray, level: float
) -> dict[str, Any]:
    columns = {
        "bias": (errors[own], errors[~own]),
        "mad": (np.abs(errors[own]), np.abs(errors[~own])),
        "refused": (flags[films], flags[~films]),
    }
    if inside is not None:
        columns["coverage"] = (inside[own].astype(float), inside[~own].astype(float))
    shares = {name for name, unit in MEASURES.items() if unit == "%"}
    return {
        "n": int(own.sum()),
        **{name: _share(a) if name in shares else _mean(a, name) for name, (a, _) in columns.items()},
        "difference": {
            name: (share_difference if name in shares else mean_difference)(a, b, level)
            for name, (a, b) in columns.items()
        },
    }


def mean_difference(first: np.ndarray, second: np.ndarray, level: float) -> Measured:
    """The difference of two means, first minus second, with Welch's interval."""
    if not len(first) or not len(second):
        return alone()
    value = float(first.mean() - second.mean())
    if min(len(first), len(second)) < 2:
        return alone(value)
    parts = [float(of.var(ddof=1)) / len(of) for of in (first, second)]
    if not sum(parts):
        return {"value": value, "low": value, "high": value}
    freedom = sum(parts) ** 2 / sum(p**2 / (len(of) - 1) for p, of in zip(parts, (first, second), strict=True))
    reach = float(stats.t.ppf(0.5 + level / 2, freedom)) * math.sqrt(sum(parts))
    return {"value": value, "low": value - reach, "high": value + reach}


def share_difference(first: np.ndarray, second: np.ndarray, level: float) -> Measured:
    """The difference of two shares in percent, first minus second, with Newcombe's hybrid score interval (method 10;
    Stat Med 1998;17:873-890)."""
    if not len(first) or not len(second):
        return alone()
    a, b = (_wilson(of, level) for of in (first, second))
    value = a["value"] - b["value"]
    low = value - math.hypot(a["value"] - a["low"], b["high"] - b["value"])
    high = value + math.hypot(a["high"] - a["value"], b["value"] - b["low"])
    return {"value": value, "low": low, "high": high}


def sentences(found: Mapping[str, Any]) -> list[str]:
    """What the numbers show, and what so many films cannot show."""
    said = []
    for column, groups in found["columns"].items():
        if len(groups) < 2:
            said.append(f"{column}: one group only, nothing to compare.")
            continue
        shown = [
            _told_apart(name, key, of["difference"][key]) for name, of in groups.items() for key in found["measures"]
        ]
        differences = [sentence for sentence in shown if sentence]
        said.append(
            f"{column}: {'; '.join(differences) if differences else 'no difference that these films can show'}."
        )
        reach = [_reach(of["difference"]["mad"]) for of in groups.values()]
        known = [one for one in reach if one is not None]
        if known:
            most = number(max(known))
            size = most if number(min(known)) == most else f"{number(min(known))} to {most}"
            said.append(
                f"{column}: differences in MAD below {size} months, by group, cannot be told from chance with so many "
                "films."
            )
        small = [f"{name} ({of['n']})" for name, of in groups.items() if of["n"] < SMALL]
        if small:
            said.append(f"{column}: little can be said of {', '.join(small)}: fewer than {SMALL} films.")
    said.append(f"Intervals of differences are corrected for the {found['comparisons']} that are looked at.")
    return said


def page(found: Mapping[str, Any]) -> str:
    """The section of a report."""
    parts, measures = [html.heading("Groups of films"), html.bullets(sentences(found))], found["measures"]
    caption = f"{COVERAGE} {REFUSED}" if "coverage" in measures else REFUSED
    for column, groups in found["columns"].items():
        header = (column, "films", *(f"{name if name != 'mad' else 'MAD'}\n{MEASURES[name]}" for name in measures))
        own = [(name, f"{of['n']:,}", *(_cell(of[key], key) for key in measures)) for name, of in groups.items()]
        rows = [
            (name, f"{of['n']:,}", *(_cell(of["difference"][key], key) for key in measures))
            for name, of in groups.items()
        ]
        parts.append(html.table(f"{caption} Below each value its 95 % interval.", header, own))
        if len(groups) > 1:
            parts.append(html.table("Difference from all other films; intervals corrected.", header, rows))
    return "".join(parts)


def _told_apart(name: str, key: str, of: Measured) -> str:
    if of["low"] is None or of["low"] <= 0 <= of["high"]:
        return ""
    what = "MAD" if key == "mad" else key
    return f"{name} differs in {what} by {_cell(of, key).replace(chr(10), ' (')}) {MEASURES[key]}"


def _reach(of: Measured) -> float | None:
    return None if of["low"] is None else (of["high"] - of["low"]) / 2


def _cell(of: Measured, key: str) -> str:
    digits = 2 if MEASURES[key] == "months" else 1
    signed = key == "bias" or (of["low"] is not None and of["low"] < 0)
    return f"{number(of['value'], digits, signed=signed)}\n{interval(of, digits, signed=signed)}"


def _mean(values: np.ndarray, name: str) -> Measured:
    return mean(values, skewed=name == "mad") if len(values) else alone()


def _share(values: np.ndarray) -> Measured:
    return _wilson(values, 0.95) if len(values) else alone()


def _wilson(values: np.ndarray, level: float) -> Measured:
    """A share of n films in percent with Wilson's score interval."""
    found = stats.binomtest(int(values.sum()), len(values)).proportion_ci(level, method="wilson")
    return {"value": 100 * float(values.mean()), "low": 100 * float(found.low), "high": 100 * float(found.high)}


def _inside(table: Predictions, predictor: Predictor) -> np.ndarray | None:
    """Whether each label lies in the model's 90 % interval."""
    if not predictor.factors or table.expected_errors is None:
        return None
    return np.abs(table.errors) <= of_films(predictor.factors, table.sexes)[LEVEL] * table.expected_errors
