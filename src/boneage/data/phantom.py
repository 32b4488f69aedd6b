"""Synthetic hand radiographs of a known bone age: for the demo, the tests and the pictures in the docs.

    bone age, sex → anatomy in mm → pose → attenuation on the film → exposure → bytes

The bones come from `boneage.data.phantom_anatomy`; here they are posed, lit and spoiled the way real films are.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..errors import BadConfig, CannotWrite
from ..files import final, sync_folder
from ..hand.landmarks import LANDMARKS
from ..types import Sex
from .landmark_table import LANDMARK_TABLE
from .phantom_anatomy import Anatomy, Pieces, grow

VERSION = 1  # of the films: the same version, seed and number give the same bytes
YOUNGEST, OLDEST = 6, 228  # months
SMALLEST = 32  # pixels
MARKER = "phantom.json"  # says of a folder that its films are synthetic

_SOFT, _BONE = 0.34, 0.40  # what the palm and a dense bone add to the film, of its full range
_SUBPIXEL = 4  # bits
_STROKES = {  # of side markers, in a unit box, y down
    "L": [(0, 0), (0, 1), (0.7, 1)],
    "R": [(0, 1), (0, 0), (0.7, 0.1), (0.7, 0.4), (0, 0.5), (0.7, 1)],
    "A": [(0, 1), (0.35, 0), (0.7, 1), (0.52, 0.6), (0.18, 0.6)],
    "J": [(0.6, 0), (0.6, 1), (0, 1), (0, 0.7)],
    "K": [(0, 0), (0, 1), (0, 0.5), (0.7, 0), (0, 0.5), (0.7, 1)],
    "M": [(0, 1), (0, 0), (0.35, 0.5), (0.7, 0), (0.7, 1)],
    "N": [(0, 1), (0, 0), (0.7, 1), (0.7, 0)],
    "S": [(0.7, 0), (0, 0.1), (0, 0.45), (0.7, 0.55), (0.7, 0.9), (0, 1)],
    "V": [(0, 0), (0.35, 1), (0.7, 0)],
}


@dataclass(frozen=True)
class Phantom:
    """One synthetic film.

    Attributes:
        pixels: uint8 [size, size].
        months: the bone age that it was drawn with.
        sex: female or male.
        landmarks: float [21, 2], (x, y) in pixels, named by `LANDMARKS`.
        handedness: ``left``, with the thumb to the right, or ``right``.
    """

    pixels: np.ndarray
    months: float
    sex: Sex
    landmarks: np.ndarray
    handedness: str


def draw(
    rng: np.random.Generator,
    *,
    months: float | None = None,
    sex: Sex | None = None,
    size: int = 256,
    plain: bool = False,
) -> Phantom:
    """Draw a synthetic film.

    Args:
        rng: decides all that is not given.
        months: the bone age; by default uniform from `YOUNGEST` to `OLDEST`.
        sex: by default either.
        size: the side of the square film in pixels.
        plain: leave out what varies between films: pose, exposure, frames and markers.

    Raises:
        ValueError: for an unknown sex, an age outside 1 to 240 months or a side below `SMALLEST`.
    """
    months = float(rng.uniform(YOUNGEST, OLDEST)) if months is None else float(months)
    sex = (Sex.FEMALE, Sex.MALE)[int(rng.integers(2))] if sex is None else sex
    if sex is Sex.UNKNOWN or not 1 <= months <= 240 or size < SMALLEST:
        raise ValueError(f"no synthetic hand of {months} months, {sex} sex and {size} pixels can be drawn")
    hand = grow(rng, months, sex, spread=1.0 if plain else float(rng.uniform(0.3, 1.3)))
    right = not plain and bool(rng.random() < 0.15)
    view = _view(rng, hand, months, size, right, plain)
    light = _attenuation(rng, hand, view, size)
    pixels = _bytes(290 * light) if plain else _develop(rng, _spoil(rng, light, "R" if right else "L"))
    return Phantom(pixels, months, sex, _apply(view, hand.joints), "right" if right else "left")


def write_folder(
    out: Path, n: int, seed: int, *, size: int = 256, on_progress: Callable[[int, int], None] | None = None
) -> Path:
    """Draw a data folder in the layout of the RSNA training set.

    It has the table, ``images/ID.png``, the landmarks and ``phantom.json``, which says that all is synthetic.

    Args:
        out: the folder to make; a failure leaves nothing of it.
        n: how many films.
        seed: film ``i`` depends on ``seed`` and ``i`` only.
        size: the side of the square films in pixels.
        on_progress: called after every film with how many are done, and ``n``.

    Returns:
        ``out``.

    Raises:
        CannotWrite: if ``out`` holds anything or cannot be written.
        BadConfig: for numbers that make no folder.
    """
    if n < 1 or seed < 0 or size < SMALLEST:
        raise BadConfig(
            f"phantoms need n of 1, seed of 0 and size of {SMALLEST} at least, found {n}, {seed} and {size}"
        )
    with _new_folder(Path(out)) as folder:
        (folder / "images").mkdir()
        labels, keypoints = [], []
        for number in range(1, n + 1):
            phantom = _numbered(seed, number, size)
            _, png = cv2.imencode(".png", phantom.pixels)
            (folder / "images" / f"{number}.png").write_bytes(png.tobytes())
            labels.append((number, round(phantom.months), phantom.sex is Sex.MALE))
            keypoints.append((number, *_box(phantom.landmarks, size), *phantom.landmarks.round(1).ravel()))
            if on_progress:
                on_progress(number, n)
        _write_table(folder / "boneage-training-dataset.csv", ("id", "boneage", "male"), labels)
        named = [f"{name}_{axis}" for name in LANDMARKS for axis in "xy"]
        _write_table(folder / LANDMARK_TABLE, ("id", "x", "y", "w", "h", *named), keypoints)
        about = {"about": "SYNTHETIC hands, of no person", "n": n, "seed": seed, "size": size, "version": VERSION}
        (folder / MARKER).write_text(json.dumps(about, indent=2) + "\n")
    return Path(out)


def _numbered(seed: int, number: int, size: int) -> Phantom:
    rng = np.random.default_rng([seed, number])
    return draw(rng, months=int(rng.integers(YOUNGEST, OLDEST + 1)), size=size)


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A temporary folder beside ``out``, links followed, that takes its place when the block ends well, else is
    removed."""
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise CannotWrite(f"{out} exists and is not an empty folder: name another one")
        target = final(out)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        temporary.mkdir(parents=True)
        try:
            yield temporary
            os.replace(temporary, target)
            sync_folder(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise CannotWrite(f"{out} cannot be written: {error.strerror or error}") from error


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _box(landmarks: np.ndarray, size: int) -> tuple[int, ...]:
    """The hand's box in whole pixels, x, y, width and height: the landmarks' and a margin."""
    margin = 0.08 * np.ptp(landmarks, axis=0).max()
    low = np.clip(landmarks.min(axis=0) - margin, 0, size).astype(int)
    high = np.clip(landmarks.max(axis=0) + margin, 0, size).astype(int)
    return tuple(int(value) for value in (*low, *(high - low)))


def _view(rng: np.random.Generator, hand: Anatomy, months: float, size: int, right: bool, plain: bool) -> np.ndarray:
    """The affine map [2, 3] from the hand's millimetres to the film's pixels. The hand fills nearly the same part of
    the film at every age, so that its size tells little."""
    turn, fill, place = 0.0, 0.70, np.array([0.5, 0.15])
    if not plain:
        turn = float(np.radians(rng.normal(0, 7)))
        fill = float(rng.uniform(0.60, 0.78) + 0.04 * months / OLDEST)
        place = rng.beta(2, 2, 2) * (1.0, 0.6)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = rotation @ np.diag([-1.0 if right else 1.0, -1.0])
    linear = linear * fill * size / float(np.ptp(hand.joints @ linear.T, axis=0).max())
    points = hand.joints @ linear.T
    margin = np.array([0.06, 0.05]) * size
    slack = size - np.ptp(points, axis=0) - 2 * margin
    return np.concatenate([linear, (margin + slack * place - points.min(axis=0))[:, None]], axis=1)


def _apply(view: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ view[:, :2].T + view[:, 2]


def _attenuation(rng: np.random.Generator, hand: Anatomy, view: np.ndarray, size: int) -> np.ndarray:
    """Soft tissue and bone on the film: float32 [size, size], 0 for air, about 1 for the densest bone."""
    per_mm = float(np.sqrt(abs(np.linalg.det(view[:, :2]))))
    soft = _soft_tissue(hand, view, size, per_mm)
    bone = _bones(hand.bones, view, size)
    grain = cv2.resize(rng.normal(1, 0.1, (size // 3, size // 3)).astype(np.float32), (size, size))
    bone = cv2.GaussianBlur(bone * grain, (0, 0), max(0.35 * per_mm, 0.4))
    return _SOFT * soft + _BONE * bone / (0.6 + 0.4 * bone)


def _soft_tissue(hand: Anatomy, view: np.ndarray, size: int, per_mm: float) -> np.ndarray:
    mask = np.zeros((size, size), np.uint8)
    for part in hand.skin:
        cv2.fillConvexPoly(mask, _fixed(_apply(view, part)), 255, cv2.LINE_8, _SUBPIXEL)
    mask = (cv2.GaussianBlur(mask, (0, 0), max(2.5 * per_mm, 0.5)) > 110).astype(np.uint8)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, 3) / per_mm
    thickness = 0.6 * _rounded(depth / 8) + 0.4 * _rounded(depth / 32)
    return cv2.GaussianBlur(thickness, (0, 0), max(0.9 * per_mm, 0.6))


def _rounded(depth: np.ndarray) -> np.ndarray:
    return np.sqrt(1 - (1 - np.minimum(depth, 1)) ** 2)


def _bones(bones: Pieces, view: np.ndarray, size: int) -> np.ndarray:
    outlines, marrows = _fixed(_apply(view, bones.outlines)), _fixed(_apply(view, bones.marrows))
    plates = np.zeros((2, size, size), np.uint8)
    for plate, outline, marrow, shell, core in zip(
        bones.plates, outlines, marrows, bones.shell, bones.core, strict=True
    ):
        cv2.fillPoly(plates[plate], [outline], round(160 * shell), cv2.LINE_AA, _SUBPIXEL)
        cv2.fillPoly(plates[plate], [marrow], round(160 * core), cv2.LINE_AA, _SUBPIXEL)
    return cv2.add(plates[0], plates[1], dtype=cv2.CV_32F) * np.float32(1 / 160)


def _fixed(points: np.ndarray) -> np.ndarray:
    return np.round(points * 2**_SUBPIXEL).astype(np.int32)


def _spoil(rng: np.random.Generator, light: np.ndarray, letter: str) -> np.ndarray:
    """What lies between a hand and a clean picture of it: scatter, unsharpness, a side marker, collimation."""
    size = len(light)
    across, down = np.meshgrid(*2 * [np.linspace(-0.5, 0.5, size, dtype=np.float32)])
    slope = rng.uniform(-0.08, 0.08, 2).astype(np.float32)
    glow = cv2.blur(light, (size // 6, size // 6)) * np.float32(rng.uniform(0, 0.25))
    film = light + glow + np.float32(rng.uniform(0.02, 0.12)) + slope[0] * across + slope[1] * down
    film = cv2.GaussianBlur(film, (0, 0), float(rng.uniform(0.2, 0.8)) * size / 256)
    if rng.random() < 0.8:
        _mark(rng, film, letter)
    if rng.random() < 0.2:
        film = _collimate(rng, film)
    return film


def _mark(rng: np.random.Generator, film: np.ndarray, letter: str) -> None:
    """The side's letter and initials, in place, at the emptiest of the spots along the edges."""
    size = len(film)
    spots = [(x, y) for x in (0.06, 0.80) for y in (0.08, 0.30, 0.55, 0.80)]
    cover = [
        film[int(y * size) : int((y + 0.16) * size), int(x * size) : int((x + 0.14) * size)].max() for x, y in spots
    ]
    spot = np.array(spots[int(np.argmin(cover + rng.normal(0, 0.03, len(spots))))]) * size
    turn = rng.normal(0, 0.25)
    frame = rng.uniform(0.7, 1.1) * size * np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    strokes = [np.array(_STROKES[letter]) * 0.065 + (0.03, 0.0)]
    names = rng.choice(list(_STROKES), int(rng.integers(0, 4)))
    strokes += [np.array(_STROKES[name]) * 0.035 + (0.042 * k, 0.09) for k, name in enumerate(names)]
    ink = np.zeros(film.shape, np.uint8)
    lines = [_fixed(stroke @ frame + spot) for stroke in strokes]
    cv2.polylines(ink, lines, False, 255, max(1, round(size / 110)), cv2.LINE_AA, _SUBPIXEL)
    np.maximum(film, ink * np.float32(rng.uniform(0.7, 1.3) / 255), out=film)


def _collimate(rng: np.random.Generator, film: np.ndarray) -> np.ndarray:
    """Only a slightly turned rectangle was exposed."""
    size = len(film)
    sides = (1 - rng.uniform(0.02, 0.10, 2)) * size
    box = cv2.boxPoints(((size / 2, size / 2), (float(sides[0]), float(sides[1])), float(rng.normal(0, 2))))
    field = np.zeros(film.shape, np.uint8)
    cv2.fillConvexPoly(field, _fixed(box), 255, cv2.LINE_AA, _SUBPIXEL)
    inside = field * np.float32(1 / 255)
    return film * inside + np.float32(rng.uniform(-0.1, 0.02)) * (1 - inside)


def _develop(rng: np.random.Generator, film: np.ndarray) -> np.ndarray:
    """Exposure, noise, frame and, on a few films, the wrong polarity; uint8."""
    span = 255 * float(np.clip(rng.uniform(0.1, 1.3), 30 / 255, 1))
    black = float(rng.uniform(0, 0.7)) * (255 - span)
    tones = np.clip(film * np.float32(rng.uniform(0.75, 1.05)), 0, 1) ** np.float32(np.exp(rng.uniform(-0.35, 0.35)))
    noise = rng.standard_normal(film.shape, np.float32) * np.float32(rng.uniform(0.003, 0.02) * span)
    pixels = _bytes(black + span * tones + noise)
    if rng.random() < 0.25:
        _frame(rng, pixels)
    return 255 - pixels if rng.random() < 0.02 else pixels


def _frame(rng: np.random.Generator, pixels: np.ndarray) -> None:
    """A white or black border along some sides, in place."""
    level = 255 if rng.random() < 0.5 else 0
    top, bottom, left, right = (rng.uniform(0, 0.05, 4) * (rng.random(4) < 0.6) * len(pixels)).astype(int)
    pixels[:top] = pixels[len(pixels) - bottom :] = level
    pixels[:, :left] = pixels[:, len(pixels) - right :] = level


def _bytes(film: np.ndarray) -> np.ndarray:
    return np.clip(film + 0.5, 0, 255).astype(np.uint8)
