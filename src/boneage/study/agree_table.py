"""The numbers of `boneage agree` as tables: a row a number, and a row a film."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..table import harmless
from .consensus import Consensus
from .ratings import Ratings

COLUMNS = ("group", "part", "what", "a", "b", "n", "measure", "value", "low", "high")


def measures_csv(found: Mapping[str, Any]) -> str:
    """Every number of a report that has an interval, a row each."""
    return _text(COLUMNS, _rows(found))


def consensus_csv(ratings: Ratings, agreed: Consensus) -> str:
    """The consensus of each film and how many readers it is from: ``id,consensus,readers``."""
    months = ("" if np.isnan(at) else f"{at:.2f}" for at in agreed.months)
    return _text(("id", "consensus", "readers"), zip(ratings.ids, months, agreed.counts.tolist(), strict=True))


def _text(header: Sequence[str], rows: Iterator[Sequence[Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def _rows(found: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    yield from _reliability(("all", "all"), found["reliability"])
    for what in ("against_consensus", "against_others"):
        reference = what.removeprefix("against_")
        for name, of in found[what].items():
            yield from _compared(("all", "all", what, reference, name), of)
    for pair in found["pairs"]:
        yield from _compared(("all", "all", "pair", pair["a"], pair["b"]), pair["found"])
    for pair in found["repeated"]:
        for end in ("lower", "upper"):
            yield (*("all", "all", "repeated", pair["a"], pair["b"], pair["n"]), f"{end} limit", *_numbers(pair[end]))
    for name, of in found["interchangeability"].items():
        for measure in ("with_program", "between_readers", "difference", "gamma") if of else ():
            yield ("all", "all", "interchangeability", "readers", name, of["n"], measure, *_numbers(of[measure]))
    for kind, parts in found["groups"].items():
        for part, of in parts.items():
            yield from _reliability((kind, part), of["reliability"])
            for name, against in of["against_consensus"].items():
                yield from _compared((kind, part, "against_consensus", "consensus", name), against)


def _reliability(where: tuple[str, str], found: Mapping[str, Any]) -> Iterator[Sequence[Any]]:
    measures = {**found["icc"], "Krippendorff's alpha": found["alpha"]}
    for name, of in measures.items():
        yield (*where, "reliability", "", "", found["films"], name, *_numbers(of))


def _compared(where: tuple[str, ...], found: Mapping[str, Any] | None) -> Iterator[Sequence[Any]]:
    if not found:
        return
    limits = found["limits"]
    measures = {name: found[name] for name in ("bias", "mad", "rmse", "proportional_bias")}
    measures |= {"lower limit": limits["lower"], "upper limit": limits["upper"]}
    for name, of in measures.items():
        yield (*where, found["n"], name, *_numbers(of))


def _numbers(found: Mapping[str, Any]) -> Iterator[Any]:
    return (found[end] for end in ("value", "low", "high"))
