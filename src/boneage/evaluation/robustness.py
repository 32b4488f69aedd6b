"""What a reading does when the film changes and the hand does not: every change a film meets in practice.

boneage robustness MODEL --data DIR --out OUT
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .. import result_folder
from ..data.dataset import NO_IMAGE, Sample
from ..errors import BadTable, BoneAgeError
from ..files import json_bytes, text_bytes
from ..hand.prepare import analyse, render
from ..images.read import read
from ..progress import Advance
from ..reading.predictor import Predictor
from ..types import DISCLAIMER, Severity, Sex
from . import html, metrics, plots
from .wording import interval, number

MARKER, TABLE, PLOT, PAGE = "robustness.json", "robustness.csv", "robustness.png", "report.html"
FILES = (MARKER, TABLE, PLOT, PAGE)
AHEAD = 16  # films prepared at a time

Pixels = np.ndarray  # float32 [H, W] in [0, 1]


@dataclass(frozen=True)
class Change:
    """One way to change a film, for people to read: ``rotation`` by ``15°``."""

    kind: str
    strength: str
    of: Callable[[Pixels], Pixels]

    @property
    def name(self) -> str:
        return f"{self.kind} {self.strength}".strip()


@dataclass(frozen=True)
class _Film:
    """A film read in every form: ``pixels`` uint8 [1 + changes, S, S], the film as it is first; ``lost``: no hand was
    found, ``warned``: the gate warns or refuses, bool [1 + changes]."""

    sample: Sample
    sex: Sex
    pixels: np.ndarray
    lost: np.ndarray
    warned: np.ndarray


def rotated(pixels: Pixels, degrees: float) -> Pixels:
    """Turned clockwise on a canvas that holds all of it, the new corners in the colour of the rim."""
    height, width = pixels.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    across, down = np.abs(matrix[:, :2]) @ [width, height]
    matrix[:, 2] += [(across - width) / 2, (down - height) / 2]
    return cv2.warpAffine(
        pixels, matrix, (round(across), round(down)), flags=cv2.INTER_LINEAR, borderValue=_rim(pixels)
    )


def resized(pixels: Pixels, longest: int) -> Pixels:
    """With another number of pixels and the same aspect."""
    scale = longest / max(pixels.shape)
    return _sized(pixels, pixels.shape[1] * scale, pixels.shape[0] * scale)


def stretched(pixels: Pixels, factor: float) -> Pixels:
    """Wider by a factor, or narrower."""
    return _sized(pixels, pixels.shape[1] * factor, pixels.shape[0])


def cropped(pixels: Pixels, share: float) -> Pixels:
    """Without so much of each side."""
    rows, columns = (round(side * share) for side in pixels.shape)
    return pixels[rows : pixels.shape[0] - rows, columns : pixels.shape[1] - columns]


def framed(pixels: Pixels, level: float) -> Pixels:
    """In a frame of one grey, a twelfth of the side wide."""
    width = max(pixels.shape) // 12
    return cv2.copyMakeBorder(pixels, width, width, width, width, cv2.BORDER_CONSTANT, value=level)


def marked(pixels: Pixels) -> Pixels:
    """With a bright side marker in the upper left corner."""
    side, plate = min(pixels.shape) / 299, np.zeros(pixels.shape, np.uint8)
    where, thick = (round(14 * side), round(44 * side)), max(1, round(6 * side))
    cv2.putText(plate, "L", where, cv2.FONT_HERSHEY_SIMPLEX, 1.3 * side, 255.0, thick, cv2.LINE_AA)
    return np.maximum(pixels, plate.astype(np.float32) / 255)


def lightened(pixels: Pixels, exponent: float) -> Pixels:
    """Of another gamma."""
    return np.power(pixels, np.float32(exponent))


def faint(pixels: Pixels, share: float) -> Pixels:
    """With a share of the contrast left, about mid-grey."""
    return (0.5 + (pixels - 0.5) * share).astype(np.float32)


def noisy(pixels: Pixels, deviation: float) -> Pixels:
    """With Gaussian noise, the same for films of one size."""
    noise = np.random.default_rng(0).normal(0, deviation, pixels.shape)
    return np.clip(pixels + noise, 0, 1).astype(np.float32)


def compressed(pixels: Pixels, quality: int) -> Pixels:
    """Through a JPEG file."""
    _, data = cv2.imencode(".jpg", (pixels * 255 + 0.5).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    film = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    assert film is not None, "what was encoded a line above"
    return film.astype(np.float32) / 255


def _sized(pixels: Pixels, width: float, height: float) -> Pixels:
    size = max(1, round(width)), max(1, round(height))
    shrinks = size[0] * size[1] < pixels.size
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC).clip(0, 1)


def _rim(pixels: Pixels) -> float:
    return float(np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])))


def _series(kind: str, change: Callable[..., Pixels], strengths: dict[str, float]) -> tuple[Change, ...]:
    return tuple(Change(kind, word, partial(_with, change, value)) for word, value in strengths.items())


def _with(change: Callable[..., Pixels], value: float, pixels: Pixels) -> Pixels:
    return change(pixels, value)


CHANGES: tuple[Change, ...] = (
    *_series("rotation", rotated, {f"{by:+d}\N{DEGREE SIGN}": by for by in (-90, -30, -15, 15, 30, 90, 180)}),
    Change("mirror", "", lambda pixels: np.ascontiguousarray(pixels[:, ::-1])),
    Change("inversion", "", lambda pixels: 1 - pixels),
    *_series("gamma", lightened, {"0.5": 0.5, "0.7": 0.7, "1.4": 1.4, "2": 2.0}),
    *_series("contrast", faint, {"50 %": 0.5, "20 %": 0.2}),
    *_series("resolution", resized, {f"{longest} px": longest for longest in (150, 220, 600, 1500)}),
    *_series("width", stretched, {f"\N{MULTIPLICATION SIGN} {by:g}": by for by in (0.7, 0.85, 1.2, 1.4)}),
    *_series("crop of each side", cropped, {"3 %": 0.03, "6 %": 0.06}),
    *_series("frame", framed, {"white": 1.0, "black": 0.0}),
    Change("marker", "", marked),
    *_series("noise", noisy, {"2 %": 0.02, "5 %": 0.05}),
    *_series("JPEG quality", compressed, {"50": 50, "20": 20}),
)


def robustness(
    predictor: Predictor,
    samples: Sequence[Sample],
    out: str | Path,
    *,
    split: str,
    changes: Sequence[Change] = CHANGES,
    progress: Advance | None = None,
) -> dict[str, Any]:
    """Read every film as it is and changed, write the report folder ``out`` and return the content of `MARKER`.

    Films that cannot be read or have no label are left out and listed. An earlier result at ``out`` is replaced,
    anything else refused (CannotWrite). Raises BadTable if no film is left.
    """
    out = Path(out)
    result_folder.check(out, FILES, MARKER)
    films, failures = _read_all(predictor, samples, changes, progress)
    if not films:
        raise BadTable(f"not one of {len(samples)} films of split {split!r} could be read")
    labels = np.array([film.sample.months for film, _ in films], np.float64)
    months = np.array([ages for _, ages in films])  # [films, 1 + changes]
    lost = np.array([film.lost for film, _ in films])
    warned = np.array([film.warned for film, _ in films])
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
        "failures": failures,
        "interval": metrics.INTERVAL,
        "disclaimer": DISCLAIMER,
    }
    picture = plots.shifts([change.name for change in changes], months[:, 1:] - months[:, :1])
    files = {
        MARKER: json_bytes(found),
        TABLE: _csv([film for film, _ in films], months, changes),
        PLOT: picture,
        PAGE: text_bytes(_page(found, picture)),
    }
    result_folder.write(out, files)
    return found


def _read_all(
    predictor: Predictor, samples: Sequence[Sample], changes: Sequence[Change], progress: Advance | None
) -> tuple[list[tuple[_Film, np.ndarray]], list[dict[str, str]]]:
    """The films with their readings, float64 [1 + changes] months, pixels let go; and what failed."""
    films: list[tuple[_Film, np.ndarray]] = []
    failures: list[dict[str, str]] = []
    for sample, result in _prepared(predictor, samples, changes):
        if isinstance(result, str):
            failures.append({"id": sample.id, "reason": result})
        else:
            ages = predictor.months(result.pixels, [result.sex] * len(result.pixels))
            films.append((replace(result, pixels=np.empty(0)), ages))
        if progress:
            progress()
    return films, failures


def _prepared(
    predictor: Predictor, samples: Sequence[Sample], changes: Sequence[Change]
) -> Iterator[tuple[Sample, _Film | str]]:
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start in range(0, len(samples), AHEAD):
            some = samples[start : start + AHEAD]
            yield from zip(some, pool.map(partial(_film, predictor=predictor, changes=changes), some), strict=True)


def _film(sample: Sample, predictor: Predictor, changes: Sequence[Change]) -> _Film | str:
    if sample.path is None or sample.months is None:
        return NO_IMAGE if sample.path is None else "the table has no bone age for it"
    try:
        film = read(sample.path)
    except BoneAgeError as error:
        return str(error)
    squares, lost, warned = [], [], []
    for pixels in (film.pixels, *(change.of(film.pixels) for change in changes)):
        changed = replace(film, pixels=np.ascontiguousarray(pixels, np.float32))
        seen = analyse(changed.pixels, predictor.spec)
        squares.append(render(changed, seen, predictor.spec))
        lost.append(predictor.spec.hand and seen.frame is None)
        warned.append(any(flag.severity is not Severity.NOTE for flag in predictor.flags(changed, seen)))
    sex = film.sex if sample.sex is Sex.UNKNOWN else sample.sex
    return _Film(sample, sex, np.stack(squares), np.array(lost), np.array(warned))


def _row(
    change: Change, labels: np.ndarray, months: np.ndarray, lost: np.ndarray, warned: np.ndarray, at: int
) -> dict[str, Any]:
    """One change in numbers: the shift of the reading in months, and what it does to the error."""
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


def _csv(films: Sequence[_Film], months: np.ndarray, changes: Sequence[Change]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "label", "as it is", *(change.name for change in changes)])
    for film, ages in zip(films, months, strict=True):
        writer.writerow([film.sample.id, film.sample.months, *(f"{age:.2f}" for age in ages)])
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
    header = ("change", "", *shifts, "MAE against as it is", "lost", "warned")
    caption = "Of each change: the shift of the reading in months, the largest also of films without a warning, the "
    caption += "change of the MAE with its 95 % interval, the films on which no whole hand was found, and those that "
    caption += f"the gate warns of or refuses (as they are: {found['warned']})."
    lead = f"{found['n']:,} films of split {found['split']}, weights {found['weights_sha256'][:12]}"
    said = "Median, central 80 % and central 98 % of the films; n = " + f"{found['n']:,}."
    body = [
        html.figure(1, picture, "Shift of the reading.", said, "The table below has the same in numbers."),
        html.table(caption, header, rows, words=2),
        html.facts({key: found[key] for key in ("model", "weights_sha256", "split", "version")}),
    ]
    return html.page(f"What {found['model']} does when the film changes", lead, body)
