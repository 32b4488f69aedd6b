"""Robustness: how far readings move when a film is turned, mirrored, cropped or degraded and the hand is the same.

boneage robustness MODEL --data DIR --out OUT
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from .. import result_folder
from ..data.dataset import Sample
from ..data.pipeline import each_film
from ..errors import BadTable
from ..files import json_bytes, text_bytes
from ..progress import Advance
from ..reading.predictor import Predictor
from ..table import harmless
from ..types import DISCLAIMER, Failure
from . import html, metrics, plots
from .changes import CHANGES, Change, in_every_form
from .wording import interval, number

MARKER, TABLE, PLOT, PAGE = "robustness.json", "robustness.csv", "robustness.png", "report.html"
FILES = (MARKER, TABLE, PLOT, PAGE)


@dataclass(frozen=True)
class _Film:
    """The readings of a film, unchanged and after each change; arrays [1 + changes].

    Attributes:
        sample: the film.
        months: bone ages, float64.
        lost: whether no hand was found.
        warned: whether a flag warns of the film or refuses it.
    """

    sample: Sample
    months: np.ndarray
    lost: np.ndarray
    warned: np.ndarray


def robustness(
    predictor: Predictor,
    samples: Sequence[Sample],
    out: str | Path,
    *,
    split: str,
    changes: Sequence[Change] = CHANGES,
    progress: Advance | None = None,
) -> dict[str, Any]:
    """Read every film unchanged and changed, write the report folder ``out`` and return the content of `MARKER`.

    Films that cannot be read or have no label are left out and listed.

    Raises:
        CannotWrite: if ``out`` holds anything but an earlier result, which is replaced.
        BadTable: if no film is left.
    """
    out = Path(out)
    result_folder.check(out, FILES, MARKER)
    films, failures = _read_all(predictor, samples, changes, progress)
    if not films:
        raise BadTable(f"not one of {len(samples)} films of split {split!r} could be read")
    labels = np.array([film.sample.months for film in films], np.float64)
    months, lost, warned = (  # each [films, 1 + changes]
        np.array([getattr(film, name) for film in films]) for name in ("months", "lost", "warned")
    )
    found = {
        "n": len(films),
        "split": split,
        "model": predictor.name,
        "weights_sha256": predictor.weights_sha256,
        "version": version("boneage"),
        "mae": metrics.summary(labels, months[:, 0])["mae"],
        "hand_not_found": int(lost[:, 0].sum()),
        "warned": int(warned[:, 0].sum()),
        "changes": [_row(change, labels, months, lost, warned, 1 + at) for at, change in enumerate(changes)],
        "failures": [asdict(failure) for failure in failures],
        "interval": metrics.INTERVAL,
        "disclaimer": DISCLAIMER,
    }
    picture = plots.shifts([change.name for change in changes], months[:, 1:] - months[:, :1])
    files = {
        MARKER: json_bytes(found),
        TABLE: _csv(films, changes),
        PLOT: picture,
        PAGE: text_bytes(_page(found, picture)),
    }
    result_folder.write(out, files)
    return found


def _read_all(
    predictor: Predictor, samples: Sequence[Sample], changes: Sequence[Change], progress: Advance | None
) -> tuple[list[_Film], list[Failure]]:
    """The readings of all films in every form, without their pixels; and the failures."""
    films: list[_Film] = []
    failures: list[Failure] = []
    work = partial(in_every_form, spec=predictor.spec, changes=changes)
    for sample, film in zip(samples, each_film(work, samples, cost=1 + len(changes)), strict=True):
        if isinstance(film, Failure):
            failures.append(film)
        else:
            ages = predictor.months(film.pixels, [film.sex] * len(film.pixels))
            films.append(_Film(sample, ages, film.lost, film.warned))
        if progress:
            progress()
    return films, failures


def _row(
    change: Change, labels: np.ndarray, months: np.ndarray, lost: np.ndarray, warned: np.ndarray, at: int
) -> dict[str, Any]:
    """One change in numbers: shifts of the reading in months, and the change of the MAE."""
    shift = months[:, at] - months[:, 0]
    unwarned = np.abs(shift)[~warned[:, at]]
    return {
        "kind": change.kind,
        "strength": change.strength,
        "mean_shift": float(shift.mean()),
        "mean_absolute_shift": float(np.abs(shift).mean()),
        "p99_absolute_shift": float(np.percentile(np.abs(shift), 99)),
        "largest_shift": float(np.abs(shift).max()),
        "largest_shift_unwarned": float(unwarned.max(initial=0.0)),
        "mae": float(np.abs(months[:, at] - labels).mean()),
        "mae_change": metrics.paired(labels, months[:, 0], months[:, at])["mae"],
        "hand_not_found": int(lost[:, at].sum()),
        "warned": int(warned[:, at].sum()),
    }


def _csv(films: Sequence[_Film], changes: Sequence[Change]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "label", "as it is", *(change.name for change in changes)])
    for film in films:
        writer.writerow([harmless(film.sample.id), film.sample.months, *(f"{age:.2f}" for age in film.months)])
    return text.getvalue().encode()


def _page(found: dict[str, Any], picture: bytes) -> str:
    rows = [
        (
            row["kind"],
            row["strength"],
            number(row["mean_shift"], 2, signed=True),
            number(row["mean_absolute_shift"], 2),
            number(row["p99_absolute_shift"]),
            number(row["largest_shift"]),
            number(row["largest_shift_unwarned"]),
            f"{number(row['mae_change']['value'], 2, signed=True)}\n{interval(row['mae_change'], 2, signed=True)}",
            str(row["hand_not_found"]),
            str(row["warned"]),
        )
        for row in found["changes"]
    ]
    shifts = ("mean shift", "mean absolute", "99th percentile", "largest", "without a warning")
    header = ("change", "", *shifts, "change of the MAE", "lost", "warned")
    caption = (
        "For each change: the shift of the reading in months, the largest also among films without a warning, the "
    )
    caption += "change of the MAE with its 95 % interval, the films on which no whole hand was found, and those that "
    caption += f"a flag warns of or refuses (unchanged: {found['warned']})."
    lead = f"{found['n']:,} films of split {found['split']}, weights {found['weights_sha256'][:12]}"
    said = "Median, central 80 % and central 98 % of the films; n = " + f"{found['n']:,}."
    body = [
        html.figure(1, picture, "Shift of the reading.", said, "The table below has the same in numbers."),
        html.table(caption, header, rows, words=2),
        html.facts({key: found[key] for key in ("model", "weights_sha256", "split", "version")}),
    ]
    return html.page(f"What {found['model']} does when the film changes", lead, body)
