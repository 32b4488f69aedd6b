"""Where the network looked: which parts of the film move the age most when they are blurred away together.

Occlusion (Zeiler and Fergus, arXiv:1311.2901), with soft patches filled by the film's own blurred surroundings, so
that no edge is made that is not there: one over each joint and six over the wrist, or a grid of them where no hand
was found. One patch alone moves little, since the bones of a hand tell the same age many times over; so the patches
that move it most are hidden, and the next of them asked again beside them: a greedy search in three rounds. The
network is asked as in any reading: no gradients, no torch; of several the first alone, which must do for the others,
and whether it does `benchmarks/explain.py` measures by all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from ..caption import captioned
from ..config import PrepareConfig
from ..hand import landmarks, quality
from ..hand.joints import TALLER, spots
from ..hand.landmarks import FINGERS, LANDMARKS, Points
from ..hand.locate import Hand
from ..hand.prepare import Findings, analyse, origins, render
from ..types import Radiograph, Sex

GRID = 6  # patches along a side of a grid
ROUNDS = (2, 2, 3)  # patches that are hidden in each
ASKED_AGAIN = 0.7  # of the patches of a round, those that moved the age most, in the next
FADE = 0.93  # the weight of a patch against that of the one before it
REST = 0.02  # the largest weight of a patch that is not hidden
REACH = 0.1  # of the side: the standard deviation of a patch
BLUR = 1 / 14  # of the side: the standard deviation of what fills it
CHANGED = 4  # grey levels: a patch that changes no pixel by more is background and is not asked about
SLIGHT = 0.1  # of the largest effect so far: a patch with less is not marked
BATCH = 16
LAYER = 512  # pixels: the longer side of a layer over a film
DRAWN = 320  # pixels a side: the grid on which the regions' outlines are found
SMOOTH = 9  # points of an outline that are averaged; every third is kept
ELSEWHERE = "elsewhere"


class BatchPredictor(Protocol):
    """What an explanation needs of a `boneage.reading.predictor.Predictor`."""

    @property
    def spec(self) -> PrepareConfig: ...
    def quick_prediction(self, pixels: np.ndarray, sexes: Sequence[Sex]) -> np.ndarray:
        """Bone ages float64 [N] in months of prepared pixels uint8 [N, H, W], at the least cost."""
        ...


@dataclass(frozen=True)
class Region:
    """A named part of a hand on a film.

    ``share``: of the heat, 1 in all. ``outlines``: closed lines, points [n, 2] in fractions of the film; a row of
    joints has several, what is elsewhere none.
    """

    name: str
    share: float
    outlines: tuple[Points, ...]


@dataclass(frozen=True)
class Layers:
    """What lies over a film: ``heat``, a PNG of the whole film, and the named ``regions``."""

    heat: bytes
    regions: tuple[Region, ...]


class Veiled:
    """A film of which parts can be hidden from the network.

    ``square``: uint8 [S, S], the hand in one piece, on which one says what to hide. ``picture``: uint8 [S, S], what the
    network sees; the square itself, or the hand's joints, each pixel from the place on the square, in pixels, that
    ``origins`` [S, S, 2] has for it.
    """

    def __init__(
        self, square: np.ndarray, picture: np.ndarray | None = None, origins: np.ndarray | None = None
    ) -> None:
        self.square, self.picture, self.origins = square, square if picture is None else picture, origins
        self._fill = self._carried(cv2.GaussianBlur(square, (0, 0), BLUR * len(square))).astype(np.float32)

    def hiding(self, where: np.ndarray) -> np.ndarray:
        """What the network sees, uint8 [S, S], with the square's surroundings blurred over it ``where`` (float [S, S]
        in [0, 1])."""
        return (self.picture + self._carried(where) * (self._fill - self.picture) + 0.5).astype(np.uint8)

    def _carried(self, square: np.ndarray) -> np.ndarray:
        if self.origins is None:
            return square
        x, y = self.origins[..., 0], self.origins[..., 1]
        return cv2.remap(square, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@dataclass(frozen=True)
class Explanation:
    """Where the network looked on one film.

    ``film``: as the network saw it, and as one piece. ``heat``: float32 [S, S] from 0 to 1, highest where blurring
    moves the age most, then where it moves it most beside that. ``points``: the hand's landmarks in fractions of the
    square; None where no hand was made out. ``place``: [2, 3], from fractions of the square to fractions of the film.
    """

    film: Veiled
    heat: np.ndarray
    points: Points | None
    place: np.ndarray

    @property
    def shares(self) -> dict[str, float] | None:
        """Of the heat by region (see `REGIONS`, and `ELSEWHERE`), in all 1; None without a hand or without heat."""
        return shares(self.heat, self.points) if self.points is not None and self.heat.any() else None

    @property
    def regions(self) -> tuple[Region, ...]:
        """The named regions on the film and what is elsewhere; none without a hand or without heat."""
        if self.points is None or (found := self.shares) is None:
            return ()
        of = regions(self.points, DRAWN)
        lines = {name: outlines(of == number) for number, name in enumerate(REGIONS)} | {ELSEWHERE: ()}
        on_film = {name: tuple(landmarks.apply(self.place, line) for line in lines[name]) for name in found}
        return tuple(Region(name, share, on_film[name]) for name, share in found.items())

    def overlay(self, words: str, side: int = 512) -> bytes:
        """The heat over the film, ``words`` below it, as PNG."""
        scaled = self.heat / max(float(self.heat.max()), 1e-6)
        heat = cv2.resize(scaled, (side, side), interpolation=cv2.INTER_LINEAR)[..., None]
        film = cv2.resize(self.film.square, (side, side), interpolation=cv2.INTER_LINEAR)
        colour = cv2.applyColorMap((heat[..., 0] * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
        share = 0.65 * np.sqrt(heat)
        mixed = (1 - share) * cv2.cvtColor(film, cv2.COLOR_GRAY2BGR) + share * colour
        return captioned(mixed.astype(np.uint8), words)

    def layer(self, width: int, height: int) -> bytes:
        """The heat alone, transparent where there is none, to lie over the whole film: a PNG of this size."""
        scaled = self.heat / max(float(self.heat.max()), 1e-6)
        matrix = np.array([width, height])[:, None] * self.place
        matrix[:, :2] /= len(scaled)
        matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # from the corners of pixels to their centres
        heat = cv2.warpAffine(scaled, matrix, (width, height), flags=cv2.INTER_LINEAR)
        colour = cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
        return bytes(cv2.imencode(".png", np.dstack([colour, (255 * np.sqrt(heat)).astype(np.uint8)]))[1])


def over_film(reader: BatchPredictor, film: Radiograph, sex: Sex) -> Layers:
    """Where the network looked, as layers over the whole film; the heat's longer side is 512 pixels at most."""
    height, width = film.pixels.shape
    scale = min(1.0, LAYER / max(height, width))
    found = explain(reader, film, sex)
    return Layers(found.layer(max(1, round(scale * width)), max(1, round(scale * height))), found.regions)


def explain(reader: BatchPredictor, film: Radiograph, sex: Sex) -> Explanation:
    """Where the network looked on a film, and the landmarks that name its parts."""
    found = analyse(film.pixels, reader.spec)
    seen, in_one = (render(film, found, spec) for spec in (reader.spec, reader.spec.in_one))
    veiled = Veiled(in_one, seen, origins(found, reader.spec))
    patches = _grid(len(in_one)) if found.hand is None or found.frame is None else _joints(found.hand, len(in_one))
    heat = occlusion(lambda pictures: reader.quick_prediction(pictures, [sex] * len(pictures)), veiled, patches)
    place = _place(film, found, reader.spec)
    return Explanation(veiled, heat, _points(film, found, place), place)


def occlusion(
    months: Callable[[np.ndarray], np.ndarray], film: Veiled, patches: np.ndarray | None = None
) -> np.ndarray:
    """The heat float32 [S, S] of a prepared film; ``months``: the ages of pictures uint8 [N, S, S]; ``patches``:
    float32 [P, S, S] in [0, 1], a grid of them unless given.

    Zero everywhere where no patch moves the age.
    """
    patches = _grid(len(film.square)) if patches is None else patches

    def ages(kept: np.ndarray, asked: list[int]) -> tuple[float, np.ndarray]:
        """Of the film with what is hidden already, and with each of these patches hidden beside that."""
        queue = [film.hiding(1 - kept * (1 - patch)) for patch in (nothing, *patches[asked])]
        answers = np.concatenate([months(np.stack(queue[at : at + BATCH])) for at in range(0, len(queue), BATCH)])
        return float(answers[0]), answers[1:]

    nothing = np.zeros_like(patches[0])
    left = [n for n, patch in enumerate(patches) if _differ(film.hiding(patch), film.picture)]
    kept, weights, weight = np.ones_like(patches[0]), np.zeros(len(patches), np.float32), 1.0
    whole = np.nan  # the age of the whole film: the first round hides nothing yet
    largest = 0.0
    for number, count in enumerate(ROUNDS):
        before, after = ages(kept, left)
        whole = whole if number else before
        shifts, effects = np.abs(after - whole), np.abs(after - before)
        largest = max(largest, effects.max(initial=0))
        does_count = effects > SLIGHT * largest
        if number == 0 and does_count.any():
            weights[left] = REST * does_count * shifts / shifts.max()
        order = np.argsort(-shifts, kind="stable")
        best = [left[at] for at in order if does_count[at]][:count]
        for chosen in best:
            weights[chosen], weight = weight, weight * FADE
            kept = kept * (1 - patches[chosen])
        left = [left[at] for at in sorted(order[: math.ceil(ASKED_AGAIN * len(left))]) if left[at] not in best]
    return (weights[:, None, None] * patches).max(axis=0)


def _differ(some: np.ndarray, others: np.ndarray) -> bool:
    return int(np.abs(some.astype(np.int16) - others).max()) > CHANGED


def shares(heat: np.ndarray, points: Points) -> dict[str, float]:
    """Each region's share of the heat; ``points`` [21, 2] in fractions of the square, upright or not."""
    of = regions(points, len(heat))
    total = max(float(heat.sum()), 1e-6)
    found = {name: float(heat[of == number].sum()) / total for number, name in enumerate(REGIONS)}
    return found | {ELSEWHERE: 1 - sum(found.values())}


def regions(points: Points, side: int) -> np.ndarray:
    """The region of each pixel as int [side, side]: its number in `REGIONS`, -1 elsewhere."""
    places = _Places(points)
    rows, columns = np.mgrid[:side, :side] + 0.5
    pixels = np.stack([columns, rows], axis=-1) / side
    nearest = np.full((side, side), 1.0)
    of = np.full((side, side), -1)
    for number, (centres, radius) in enumerate(places.all()):
        for centre in centres:
            distance = np.linalg.norm(pixels - centre, axis=-1) / radius
            of[distance < nearest] = number
            nearest = np.minimum(nearest, distance)
    return of


def outlines(mask: np.ndarray) -> tuple[Points, ...]:
    """The smoothed outlines of what is true in a mask [S, S], each [n, 2] in fractions of it."""
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    reach = SMOOTH // 2
    lines = []
    for line in (one[:, 0] for one in found if len(one) > 2 * SMOOTH):
        around = np.concatenate([line[-reach:], line, line[:reach]])
        smooth = np.lib.stride_tricks.sliding_window_view(around, SMOOTH, axis=0).mean(axis=-1)
        lines.append((smooth[::3] + 0.5) / len(mask))
    return tuple(lines)


@dataclass(frozen=True)
class _Places:
    """Where the regions lie, from the landmarks; lengths by the palm's, from the wrist to the middle knuckle."""

    points: Points

    def all(self) -> list[tuple[Points, float]]:
        """Centres [n, 2] and radius of each of `REGIONS`."""
        wrist, palm = self._at("wrist"), self._at("middle_finger1") - self._at("wrist")
        across, length = np.array([-palm[1], palm[0]]), float(np.linalg.norm(palm))
        carpals = np.array([wrist + 0.22 * palm, self._at("thumb1")])
        forearm = np.array([wrist - 0.15 * palm + side * across for side in (-0.2, 0.2)])
        joints = [self._joints(number) for number in (1, 2, 3)]
        radii = (0.27, 0.24, 0.17, 0.14, 0.12)
        return [(c, length * r) for c, r in zip((carpals, forearm, *joints), radii, strict=True)]

    def _at(self, name: str) -> Points:
        return self.points[LANDMARKS.index(name)]

    def _joints(self, number: int) -> Points:
        """The joints of one row; the thumb's are counted from its second landmark, and it has two."""
        thumb = [f"thumb{number + 1}"] if number < 3 else []
        return np.array([self._at(name) for name in (*thumb, *(f"{finger}{number}" for finger in FINGERS[1:]))])


REGIONS = ("carpals", "radius and ulna", "MCP", "PIP", "DIP")


def _place(film: Radiograph, found: Findings, spec: PrepareConfig) -> np.ndarray:
    """The map [2, 3] from fractions of the square to fractions of the film."""
    top, bottom, left, right = found.box
    corner, part = np.array([left, top]), np.array([right - left, bottom - top])
    if found.frame is not None:
        inner = found.frame
    else:
        sides = part * film.pixels.shape[::-1]
        side = {"squash": sides, "pad": sides.max(), "crop": sides.min()}[spec.fit]
        scale = np.diag(side / sides * np.ones(2))
        inner = np.column_stack([scale, 0.5 - scale.sum(axis=1) / 2])
    return np.column_stack([part[:, None] * inner[:, :2], part * inner[:, 2] + corner])


def _points(film: Radiograph, found: Findings, place: np.ndarray) -> Points | None:
    """The landmarks in fractions of the square; None where no hand was made out."""
    sure = found if found.frame is not None else analyse(film.pixels, quality.SPEC)
    if sure.hand is None or not sure.hand.is_certain:
        return None
    top, bottom, left, right = sure.box
    on_film = sure.hand.points * [right - left, bottom - top] + [left, top]
    return landmarks.apply(landmarks.invert(place), on_film)


def _grid(side: int) -> np.ndarray:
    """Patches float32 [CELLS², side, side] all over."""
    at = (np.arange(GRID) + 0.5) / GRID
    return _patches(side, np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2))


def _joints(hand: Hand, side: int) -> np.ndarray:
    """Patches float32 [18, side, side] over what tells the age, as round as the hand is on its film."""
    return _patches(side, spots(hand), TALLER)


def _patches(side: int, middles: np.ndarray, wider: float = 1.0) -> np.ndarray:
    """Gaussians that reach 1 at their middles, [P, 2] in fractions of the square."""
    at = (np.arange(side) + 0.5) / side
    x, y = (np.exp(-(((at - middles[:, [axis]]) / reach) ** 2) / 2) for axis, reach in ((0, wider * REACH), (1, REACH)))
    return (y[:, :, None] * x[:, None, :]).astype(np.float32)
