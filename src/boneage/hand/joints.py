"""A montage of the hand's joints in 4 × 4 cells: the wrist in four of them, and twelve joints in one each.

Bone age shows at the growth plates, which cover a tenth of the film. Each tile of the montage is cut along its own bone
and stands upright, about twice as large as on a picture of the whole hand. It follows the landmarks alone, so that
spread or bent fingers look the same.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from ..config import CELLS
from . import landmarks
from .geometry import brought, coarser, side
from .landmarks import FINGERS, LANDMARKS
from .locate import Hand, locator

TALLER = 1.33  # the frame's height over its width on the film: the median of the training films with landmarks
WRIST, JOINT = 0.5, 0.2  # sides of the tiles, as fractions of the hand's length
ABOVE = 0.05  # of the hand's length: the middle of the wrist's tile lies so far towards the fingers from its landmark


class Tile(NamedTuple):
    """One tile of the montage.

    Attributes:
        middle: the landmark in its middle.
        below, beyond: the two landmarks that give its upward direction.
        row, column: its first cell.
        cells: how many cells it takes along a side.
        side: its side on the hand, as a fraction of the hand's length.
        above: how far its middle lies above the landmark, as a fraction of the hand's length.
    """

    middle: str
    below: str
    beyond: str
    row: int
    column: int
    cells: int = 1
    side: float = JOINT
    above: float = 0.0

    def part(self, cell: int) -> tuple[slice, slice]:
        """Its rows and columns in a montage whose cells are ``cell`` pixels wide."""
        row, column, side = self.row * cell, self.column * cell, self.cells * cell
        return slice(row, row + side), slice(column, column + side)


def _joint(finger: str, number: int, place: int) -> Tile:
    return Tile(f"{finger}{number}", f"{finger}{number - 1}", f"{finger}{number + 1}", *divmod(place, CELLS))


def _knuckle(finger: str, place: int) -> Tile:
    return Tile(f"{finger}1", f"{finger}1", f"{finger}2", *divmod(place, CELLS))


TILES = (
    Tile("wrist", "wrist", "middle_finger1", 0, 0, cells=2, side=WRIST, above=ABOVE),
    *(_knuckle(finger, place) for finger, place in zip(FINGERS[1:], (2, 3, 6, 7), strict=True)),  # MCP
    *(_joint(finger, 2, place) for finger, place in zip(FINGERS[1:], (8, 9, 10, 11), strict=True)),  # PIP
    *(_joint(finger, 3, place) for finger, place in (("middle_finger", 12), ("pinky_finger", 13))),  # DIP
    *(_joint("thumb", number, place) for number, place in ((2, 14), (3, 15))),
)


def montage(film: np.ndarray, hand: Hand, size: int, fill: float, finest: int) -> np.ndarray:
    """The tiles cut from a film float32 [H, W], as [size, size].

    Args:
        film: the film within its borders.
        hand: what was found on it.
        size: of the montage; a cell has a quarter of it on a side, in pixels.
        fill: the grey level beyond the film.
        finest: a film on which the hand's frame has a longer side, in pixels, is reduced to it; 0 for none.
    """
    square, cell = np.empty((size, size), np.float32), size // CELLS
    frames = [landmarks.after(place, hand.frame) for place in places(hand)]
    # Resized once for all tiles, as far as the joints allow; the wrist's tile, which is coarser, resizes it further.
    too_fine = side(hand.frame, film) / finest if finest else 1.0
    film = coarser(film, max(side(frames[-1], film) / cell, too_fine))
    for tile, frame in zip(TILES, frames, strict=True):
        rows, columns = tile.part(cell)
        square[rows, columns] = brought(film, frame, rows.stop - rows.start, fill)
    return square


def origins(hand: Hand, size: int) -> np.ndarray:
    """For each pixel of a montage its place (x, y) on the picture of the whole hand.

    float64 [size, size, 2], in pixels of that picture, which is [size, size] too.
    """
    found = np.empty((size, size, 2))
    for tile, place in zip(TILES, places(hand), strict=True):
        rows, columns = tile.part(size // CELLS)
        at = (np.arange(rows.stop - rows.start) + 0.5) / (rows.stop - rows.start)
        found[rows, columns] = np.stack(np.meshgrid(at, at), axis=-1) @ place[:, :2].T + place[:, 2]
    return found * size - 0.5


def places(hand: Hand) -> list[np.ndarray]:
    """For each of `TILES` the map [2, 3] from the unit square, which shows it upright, to fractions of the frame."""
    squeeze = np.array([1 / TALLER, 1.0])  # fractions of the frame to lengths, which are equal in both directions
    points = landmarks.apply(landmarks.invert(hand.frame), hand.points) * squeeze
    at = dict(zip(LANDMARKS, points, strict=True))
    found = []
    for tile in TILES:
        up = at[tile.beyond] - at[tile.below]
        up = up / max(float(np.linalg.norm(up)), 1e-6)
        right_and_down = np.array([[-up[1], -up[0]], [up[0], -up[1]]]) * tile.side * _length()
        corner = at[tile.middle] + tile.above * _length() * up - right_and_down.sum(axis=1) / 2
        found.append(np.column_stack([right_and_down, corner]) / squeeze[:, None])
    return found


def spots(hand: Hand) -> np.ndarray:
    """The places that show the bone age, as fractions of the frame [18, 2]: six on the wrist and one on each joint."""
    within = [_ON_WRIST if tile.middle == "wrist" else _MIDDLE for tile in TILES]
    return np.concatenate([landmarks.apply(place, own) for place, own in zip(places(hand), within, strict=True)])


_ON_WRIST = np.array([(x, y) for y in (0.35, 0.65) for x in (0.25, 0.5, 0.75)])  # carpals, then radius and ulna
_MIDDLE = np.array([(0.5, 0.5)])


@cache
def _length() -> float:
    """The hand's length, from the wrist to the tip of the middle finger, in the locator's template."""
    return landmarks.length(locator().template / [TALLER, 1.0])
