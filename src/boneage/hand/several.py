"""Two hands in one picture: bilateral films, and films laid side by side or one below the other.

The locator always gives one hand, be it one of two or a blend of both. So what the found hand leaves free is looked at
too, and where the found hand is odd, each side of the film. Two are told apart only where each part holds a certain
hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ..config import PrepareConfig
from ..types import Radiograph
from . import landmarks
from .prepare import Findings, analyse, seen_at_first

SPEC = PrepareConfig(size=160, hand=True, channels=1)

# Chosen on pairs made of validation films and on films of one hand: see benchmarks/two_hands.py.
ROOM = 0.3  # of the film's side: what a hand leaves free beside it may hold another from here on
PLAIN = 0.045  # misfit: 99.5 % of films of one hand lie below; a blend of two hands lies above
SEEN = 0.38  # of a hand's landmarks: with a second hand a strip has more, without one nine strips in ten have less
PLACES = (0.5, 0.4, 0.6)  # of the film's side: where two films may meet
UNLIKE = 2.5  # times as long: the hands of two films put together differ by less
SMALLEST = 24  # pixels: a part of a film with a shorter side is not looked at

NAMES = {1: ("left", "right"), 0: ("upper", "lower")}  # of the two parts, by the axis along which they lie
PARTS = (*NAMES[1], *NAMES[0])


@dataclass(frozen=True)
class Seam:
    """Where a film of two hands is divided: across ``axis`` (0: rows, 1: columns), at ``at`` of its side."""

    axis: int
    at: float


def seam(pixels: np.ndarray, found: Findings | None = None) -> Seam | None:
    """Where to divide a film that shows two hands; None for one hand or none.

    Args:
        pixels: float32 [H, W] in [0, 1].
        found: what `analyse` found on it with ``spec.hand``, to save doing it again.
    """
    found = found if found and found.hand else analyse(pixels, SPEC)
    assert found.hand is not None, "SPEC asks for it"
    if not (found.hand.is_certain and found.hand.misfit < PLAIN):
        height, width = pixels.shape
        return next(_halves(pixels, (1, 0) if width >= height else (0, 1)), None)
    strip = _largest_strip(_points(found))
    if strip.free < ROOM or seen_at_first(np.ascontiguousarray(strip.of(pixels)), SPEC) < SEEN:
        return None
    return _beside(pixels, _points(found), strip) or next(_halves(pixels, (strip.axis,), PLACES[:1]), None)


def parts(film: Radiograph, where: Seam) -> tuple[Radiograph, Radiograph]:
    """The two films on either side of a seam, each named by its place in the picture.

    The side that the file names is that of neither: it may be one of them, or mean both.
    """
    count = round(where.at * film.pixels.shape[where.axis])
    pieces = np.split(film.pixels, [count], axis=where.axis)
    first, second = (
        replace(film, pixels=np.ascontiguousarray(piece), part=name, laterality=None)
        for piece, name in zip(pieces, NAMES[where.axis], strict=True)
    )
    return first, second


@dataclass(frozen=True, order=True)
class _Strip:
    """What a hand leaves free on one side: ``free`` of the film's side along ``axis``, before the hand or after it."""

    free: float
    axis: int
    is_after: bool

    @property
    def edge(self) -> float:
        return 1 - self.free if self.is_after else self.free

    def of(self, pixels: np.ndarray) -> np.ndarray:
        return np.split(pixels, [round(self.edge * pixels.shape[self.axis])], axis=self.axis)[int(self.is_after)]

    def middle(self, points: np.ndarray) -> float:
        """Half way between the hand and another one with these landmarks (fractions of the strip)."""
        places = np.clip(points[:, 1 - self.axis], 0, 1)
        near = self.edge + self.free * float(places.min()) if self.is_after else self.free * float(places.max())
        return (self.edge + near) / 2


def _largest_strip(points: np.ndarray) -> _Strip:
    low, high = np.clip(points.min(axis=0), 0, 1), np.clip(points.max(axis=0), 0, 1)
    return max(_Strip(float(free[n]), 1 - n, after) for free, after in ((low, False), (1 - high, True)) for n in (0, 1))


def _beside(pixels: np.ndarray, points: np.ndarray, strip: _Strip) -> Seam | None:
    """The seam between a hand with these landmarks (fractions of the film) and one in the strip beside it."""
    beside = strip.of(pixels)
    other = _hand_of(beside)
    if other is None:
        return None
    lengths = landmarks.length(points * pixels.shape[::-1]), landmarks.length(_points(other) * beside.shape[::-1])
    if max(lengths) > UNLIKE * min(lengths):
        return None
    return Seam(strip.axis, strip.middle(_points(other)))


def _halves(pixels: np.ndarray, axes: tuple[int, ...], places: tuple[float, ...] = PLACES) -> Iterator[Seam]:
    """The places along these axes, in this order, at which the film falls into two parts that hold a hand each."""
    for axis in axes:
        for at in places:
            pieces = np.split(pixels, [round(at * pixels.shape[axis])], axis=axis)
            if all(_hand_of(piece) is not None for piece in pieces):
                yield Seam(axis, at)


def _hand_of(pixels: np.ndarray) -> Findings | None:
    """What was found on a part of a film if it holds a certain hand, else None."""
    if min(pixels.shape) < SMALLEST:
        return None
    found = analyse(np.ascontiguousarray(pixels), SPEC)
    return found if found.frame is not None else None


def _points(found: Findings) -> np.ndarray:
    """The landmarks [21, 2] in fractions of the film."""
    assert found.hand is not None
    top, bottom, left, right = found.box
    return found.hand.points * [right - left, bottom - top] + [left, top]
