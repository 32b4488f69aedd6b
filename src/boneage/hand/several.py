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
from .prepare import Findings, analyse

SPEC = PrepareConfig(size=160, hand=True, channels=1)

# Chosen on 120 pairs made of validation films and on 200 films of one hand: see benchmarks/two_hands.py for all.
ROOM = 0.3  # of the film's side: what a hand leaves free beside it may hold another from here on
PLAIN = 0.045  # misfit: 99.5 % of films of one hand lie below; a blend of two hands lies above
PLACES = (0.5, 0.4, 0.6)  # of the film's side: where two films may meet
UNLIKE = 2.5  # times as long: the hands of two films put together differ by less
SMALLEST = 24  # pixels: a part of a film with a shorter side is not looked at

NAMES = {1: ("left", "right"), 0: ("upper", "lower")}  # of the two parts, by the axis along which they lie


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
    if found.hand.is_certain and found.hand.misfit < PLAIN:
        return _beside(pixels, _points(found))
    return next(_halves(pixels), None)


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


def _beside(pixels: np.ndarray, points: np.ndarray) -> Seam | None:
    """The seam between a hand with these landmarks (fractions of the film) and one in the largest strip beside it."""
    low, high = np.clip(points.min(axis=0), 0, 1), np.clip(points.max(axis=0), 0, 1)
    sides = np.array(pixels.shape[::-1])
    strips = [(float(low[n]), 1 - n, False) for n in (0, 1)] + [(float(1 - high[n]), 1 - n, True) for n in (0, 1)]
    free, axis, is_after = max(strips)
    if free < ROOM:
        return None
    count = round((1 - free if is_after else free) * pixels.shape[axis])
    before, after = np.split(pixels, [count], axis=axis)
    strip = after if is_after else before
    other = _hand_of(strip)
    if other is None:
        return None
    lengths = landmarks.length(points * sides), landmarks.length(_points(other) * strip.shape[::-1])
    if max(lengths) > UNLIKE * min(lengths):
        return None
    return Seam(axis, _between(1 - free if is_after else free, _points(other)[:, 1 - axis], free, is_after))


def _between(edge: float, places: np.ndarray, free: float, is_after: bool) -> float:
    """The middle between the first hand's edge and the second hand, whose landmarks have these places in the strip."""
    if is_after:
        return (edge + edge + free * float(np.clip(places.min(), 0, 1))) / 2
    return (edge + free * float(np.clip(places.max(), 0, 1))) / 2


def _halves(pixels: np.ndarray) -> Iterator[Seam]:
    """The places at which the film falls into two that hold a hand each; the longer side is divided first."""
    height, width = pixels.shape
    for axis in (1, 0) if width >= height else (0, 1):
        for at in PLACES:
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
