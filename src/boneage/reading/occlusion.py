"""Occlusion maps: which parts of a film move the bone age most when they are blurred away together.

Occlusion (Zeiler and Fergus, arXiv:1311.2901) by soft patches, filled with the film's own blurred surroundings so that
they make no edges: one patch over each joint and six over the wrist, or a grid of them where no hand was found.

One patch alone moves the age little, since the bones of a hand carry the same information many times over. So the
search is greedy, in three rounds: the patches that move the age most stay hidden, and the others are tried again
beside them.

The network is run as in a reading, without gradients. Of an ensemble only the first member is asked, on smaller
pictures (`boneage.models.ensemble`); `benchmarks/explain.py` measures by the whole ensemble that this is enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from ..caption import captioned
from ..config import PrepareConfig
from ..hand import landmarks
from ..hand.joints import TALLER, spots
from ..hand.landmarks import Points
from ..hand.prepare import origins
from ..types import Radiograph, Sex
from .examination import Examination, examine
from .regions import ELSEWHERE, REGIONS, outlines, regions, shares

GRID = 6  # patches along a side of a grid
ROUNDS = (2, 2, 3)  # patches that are hidden after each round
ASKED_AGAIN = 0.7  # share of a round's patches that are tried in the next: those that moved the age most
FADE = 0.93  # the weight of a hidden patch against that of the one hidden before it
REST = 0.02  # the largest weight of a patch that is not hidden
REACH = 0.1  # of the side: the standard deviation of a patch
BLUR = 1 / 14  # of the side: the standard deviation of the blur that fills it
CHANGED = 4  # grey levels: a patch that changes no pixel by more lies on background and is not tried
SLIGHT = 0.1  # of the largest effect so far: a patch with less has no weight
BATCH = 20  # pictures the network is given at once: in the first round one for each joint, the wrist and the whole film
LAYER = 512  # pixels: the longer side of a layer over a film
DRAWN = 320  # pixels a side: the grid on which the regions' outlines are found

Months = Callable[[np.ndarray], np.ndarray]  # pictures uint8 [N, H, W] to bone ages [N]


class QuickPredictor(Protocol):
    """The part of a `boneage.reading.predictor.Predictor` that an occlusion map needs."""

    @property
    def spec(self) -> PrepareConfig: ...
    def quick_prediction(self, pixels: np.ndarray, sexes: Sequence[Sex]) -> np.ndarray:
        """Approximate bone ages float64 [N] in months of prepared pixels uint8 [N, H, W]."""
        ...


@dataclass(frozen=True)
class Region:
    """A named part of a hand on a film.

    Attributes:
        name: one of `boneage.reading.regions.REGIONS`, or `ELSEWHERE`.
        share: of the heat; those of all regions sum to 1.
        outlines: closed lines, points [n, 2] in fractions of the film. A row of joints may have several, `ELSEWHERE`
            has none.
    """

    name: str
    share: float
    outlines: tuple[Points, ...]


@dataclass(frozen=True)
class Layers:
    """A heat map to be laid over a film: ``heat``, a PNG that covers the whole film, and the named ``regions``."""

    heat: bytes
    regions: tuple[Region, ...]


class Veiled:
    """A film of which parts can be hidden from the network.

    What to hide is given on ``square``, the hand in one piece; it is hidden on ``picture``, which the network sees. The
    two differ for networks that see joints.

    Args:
        square: uint8 [S, S].
        picture: uint8 [S, S] or, with the square itself to the left, [S, 2 S]; the square if not given.
        origins: float32 of the picture's shape and [2], for each of its pixels the place (x, y) on the square in
            pixels; needed for a picture.
    """

    def __init__(
        self, square: np.ndarray, picture: np.ndarray | None = None, origins: np.ndarray | None = None
    ) -> None:
        self.square, self.picture = square, square if picture is None else picture
        side, fill = len(square), _blurred(square)
        if origins is None:
            self._views = [_View(square, fill)]
        else:
            start = self.picture.shape[1] - side
            montage = _View(self.picture[:, start:], fill, origins[:, start:])
            self._views = [_View(square, fill), montage] if start else [montage]

    def hiding(self, where: np.ndarray) -> np.ndarray:
        """The picture, uint8, with the blurred surroundings over it ``where`` (float32 [S, S] in [0, 1])."""
        return np.hstack([view.hiding(where) for view in self._views])


class _View:
    """A part of the picture, uint8 [S, S]; without ``origins`` it is the square itself."""

    def __init__(self, pixels: np.ndarray, fill: np.ndarray, origins: np.ndarray | None = None) -> None:
        self._origins = None if origins is None else np.ascontiguousarray(np.moveaxis(origins, 2, 0))
        self._pixels = pixels.astype(np.float32)
        self._difference = self._carried(fill) - self._pixels

    def hiding(self, where: np.ndarray) -> np.ndarray:
        """As `Veiled.hiding`, for this part."""
        hidden = self._carried(where) * self._difference
        hidden += self._pixels
        hidden += 0.5
        return hidden.astype(np.uint8)

    def _carried(self, square: np.ndarray) -> np.ndarray:
        """What lies on the square, as it lies on this part of the picture."""
        if self._origins is None:
            return square
        across, down = self._origins
        return cv2.remap(square, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@dataclass(frozen=True)
class Explanation:
    """The occlusion map of one film.

    Attributes:
        film: the square and the picture.
        heat: float32 [S, S] in [0, 1] on the square: highest where hiding moved the age most in the first round, less
            high where it moved it most in a later one.
        points: the landmarks in fractions of the square; None if no hand was found.
        place: the map [2, 3] from fractions of the square to fractions of the film.
    """

    film: Veiled
    heat: np.ndarray
    points: Points | None
    place: np.ndarray

    @property
    def shares(self) -> dict[str, float] | None:
        """The shares of the heat by region (see `boneage.reading.regions`); None without a hand or without heat."""
        return shares(self.heat, self.points) if self.points is not None and self.heat.any() else None

    @property
    def regions(self) -> tuple[Region, ...]:
        """The named regions on the film, with `ELSEWHERE`; none without a hand or without heat."""
        if self.points is None or (found := self.shares) is None:
            return ()
        of = regions(self.points, DRAWN)
        lines = {name: outlines(of == number) for number, name in enumerate(REGIONS)} | {ELSEWHERE: ()}
        on_film = {name: tuple(landmarks.apply(self.place, line) for line in lines[name]) for name in found}
        return tuple(Region(name, share, on_film[name]) for name, share in found.items())

    def overlay(self, words: str, side: int = 512) -> bytes:
        """A PNG of the square with the heat over it, ``side`` pixels wide, and the caption ``words`` below."""
        scaled = self.heat / max(float(self.heat.max()), 1e-6)
        heat = cv2.resize(scaled, (side, side), interpolation=cv2.INTER_LINEAR)[..., None]
        film = cv2.resize(self.film.square, (side, side), interpolation=cv2.INTER_LINEAR)
        colour = cv2.applyColorMap((heat[..., 0] * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
        share = 0.65 * np.sqrt(heat)
        mixed = (1 - share) * cv2.cvtColor(film, cv2.COLOR_GRAY2BGR) + share * colour
        return captioned(mixed.astype(np.uint8), words)

    def layer(self, width: int, height: int) -> bytes:
        """A PNG to lie over the whole film, of this many pixels: the heat, transparent where there is none."""
        scaled = self.heat / max(float(self.heat.max()), 1e-6)
        matrix = np.array([width, height])[:, None] * self.place
        matrix[:, :2] /= len(scaled)
        matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # from the corners of pixels to their centres
        heat = cv2.warpAffine(scaled, matrix, (width, height), flags=cv2.INTER_LINEAR)
        colour = cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
        return bytes(cv2.imencode(".png", np.dstack([colour, (255 * np.sqrt(heat)).astype(np.uint8)]))[1])


def over_film(predictor: QuickPredictor, film: Radiograph | Examination, sex: Sex) -> Layers:
    """The occlusion map as layers over the whole film; see `explain`. The heat has 512 pixels on its longer side."""
    found = explain(predictor, film, sex)
    radiograph = film.radiograph if isinstance(film, Examination) else film
    height, width = radiograph.pixels.shape
    scale = min(1.0, LAYER / max(height, width))
    return Layers(found.layer(max(1, round(scale * width)), max(1, round(scale * height))), found.regions)


def explain(predictor: QuickPredictor, film: Radiograph | Examination, sex: Sex) -> Explanation:
    """The occlusion map of a film.

    Args:
        predictor: the network that is asked.
        film: a film, or what a reading with the same ``spec`` has found on it, which saves finding it again.
        sex: the sex that is given to the network.
    """
    seen = film if isinstance(film, Examination) else examine(film, predictor.spec)
    veiled = Veiled(seen.square, seen.pixels, origins(seen.findings, seen.spec))
    patches = _patches_on(seen)
    heat = occlusion(lambda pictures: predictor.quick_prediction(pictures, [sex] * len(pictures)), veiled, patches)
    place = _place(seen)
    return Explanation(veiled, heat, _points(seen, place), place)


def occlusion(months: Months, film: Veiled, patches: np.ndarray | None = None) -> np.ndarray:
    """The heat float32 [S, S] of a prepared film; zero everywhere if no patch moves the age.

    Args:
        months: gives the bone ages of pictures.
        film: the film.
        patches: float32 [P, S, S] in [0, 1]; a grid of them if not given.
    """
    patches = _grid(len(film.square)) if patches is None else patches

    def hidden(kept: np.ndarray, tried: Iterable[int]) -> list[np.ndarray]:
        """For each of these patches the picture with it hidden beside those that are already."""
        return [film.hiding(1 - kept * (1 - patches[number])) for number in tried]

    kept = np.ones_like(patches[0])  # how much of each pixel is left: the product over hidden patches
    alone = hidden(kept, range(len(patches)))
    left = [number for number, picture in enumerate(alone) if _differ(picture, film.picture)]
    weights, weight = np.zeros(len(patches), np.float32), 1.0
    whole, largest = np.nan, 0.0
    for number, count in enumerate(ROUNDS):
        pictures = hidden(kept, left) if number else [alone[one] for one in left]
        before, *ages = _in_batches(months, [film.hiding(1 - kept), *pictures])
        after = np.array(ages)
        whole = whole if number else before  # nothing is hidden in the first round
        # Patches are ranked by the age's distance from the whole film's, so that hiding goes on in one direction; they
        # count only if they add to what is hidden already.
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


def _in_batches(months: Months, pictures: Sequence[np.ndarray]) -> list[float]:
    """The ages of any number of pictures, asked for a few at a time."""
    batches = (pictures[at : at + BATCH] for at in range(0, len(pictures), BATCH))
    return [age for batch in batches for age in months(np.stack(batch)).tolist()]


def _differ(some: np.ndarray, others: np.ndarray) -> bool:
    """Whether a pixel of two pictures uint8 differs by more than `CHANGED`."""
    return int(cv2.absdiff(some, others).max()) > CHANGED


def _blurred(square: np.ndarray) -> np.ndarray:
    """A square uint8 blurred by `BLUR`: what `cv2.GaussianBlur` gives, to the bit, in a fifth of the time.

    OpenCV blurs bytes with weights in 256ths, slowly where the kernel is wide. The weights are read off a blurred
    point; with them the same sums are whole numbers below 2**24, which float32 holds exactly.
    """
    deviation = BLUR * len(square)
    width = round(6 * deviation + 1) | 1
    point = np.zeros((1, 3 * width), np.uint8)
    point[0, point.size // 2] = 255
    weights = cv2.GaussianBlur(point, (width, 1), deviation)[0, width : 2 * width].astype(np.float32)
    sums = cv2.sepFilter2D(square.astype(np.float32), cv2.CV_32F, weights, weights)
    return ((sums.astype(np.int32) + 2**15) >> 16).astype(np.uint8)


def _place(seen: Examination) -> np.ndarray:
    """The map [2, 3] from fractions of the square to fractions of the film."""
    top, bottom, left, right = seen.findings.box
    corner, part = np.array([left, top]), np.array([right - left, bottom - top])
    if seen.hand is not None:
        inner = seen.hand.frame
    else:  # the whole film was fitted into the square
        sides = part * seen.radiograph.pixels.shape[::-1]
        side = {"squash": sides, "pad": sides.max(), "crop": sides.min()}[seen.spec.fit]
        scale = np.diag(side / sides * np.ones(2))
        inner = np.column_stack([scale, 0.5 - scale.sum(axis=1) / 2])
    return np.column_stack([part[:, None] * inner[:, :2], part * inner[:, 2] + corner])


def _points(seen: Examination, place: np.ndarray) -> Points | None:
    """The landmarks in fractions of the square; None if no hand is certain."""
    hand = seen.located.hand
    if hand is None or not hand.is_certain:
        return None
    top, bottom, left, right = seen.located.box
    on_film = hand.points * [right - left, bottom - top] + [left, top]
    return landmarks.apply(landmarks.invert(place), on_film)


def _patches_on(seen: Examination) -> np.ndarray:
    """Patches float32 [18, S, S] over the places that show the age, as round as the hand is on its film; or a grid."""
    if seen.hand is None:
        return _grid(seen.spec.size)
    return _patches(seen.spec.size, spots(seen.hand), TALLER)


def _grid(side: int) -> np.ndarray:
    """Patches float32 [GRID², side, side] that cover the square."""
    at = (np.arange(GRID) + 0.5) / GRID
    return _patches(side, np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2))


def _patches(side: int, middles: np.ndarray, wider: float = 1.0) -> np.ndarray:
    """Gaussians float32 [P, side, side] with a maximum of 1 at their middles, [P, 2] in fractions of the square."""
    at = (np.arange(side) + 0.5) / side
    x, y = (np.exp(-(((at - middles[:, [axis]]) / reach) ** 2) / 2) for axis, reach in ((0, wider * REACH), (1, REACH)))
    return y.astype(np.float32)[:, :, None] * x.astype(np.float32)[:, None, :]
