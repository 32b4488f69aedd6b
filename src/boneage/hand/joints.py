"""The joints of a hand, each cut out along its own bone and set upright side by side: a montage of 4 × 4 cells.

What a reader of bone age looks at are the growth plates, and they take a tenth of the film. Here the wrist with its
carpals, radius and ulna fills four cells, and twelve joints one each, about twice as large as on the picture of the
whole hand. Each tile is cut by the landmarks alone, so spread or bent fingers leave it as it is.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from ..config import CELLS
from . import landmarks
from .landmarks import FINGERS, LANDMARKS
from .locate import Hand, locator

TALLER = 1.33  # the frame's height against its width, on the film: the median of the training films with landmarks
WRIST, JOINT = 0.5, 0.2  # sides of the tiles, of the hand's length
ABOVE = 0.05  # of the hand's length, towards the fingers: the middle of the wrist's tile from the wrist's landmark


class Tile(NamedTuple):
    """One tile: the landmark in its middle, the two between which it points upwards, its first row and column of cells
    and how many it takes along a side, its ``side`` on the hand and how far its middle lies ``above`` the landmark."""

    middle: str
    below: str
    beyond: str
    row: int
    column: int
    cells: int = 1
    side: float = JOINT
    above: float = 0.0

    def part(self, cell: int) -> tuple[slice, slice]:
        """Its rows and columns in a montage with cells of so many pixels."""
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


def places(hand: Hand) -> list[np.ndarray]:
    """For each of `TILES` the map [2, 3] from the unit square, which shows it upright, to fractions of the frame."""
    squeeze = np.array([1 / TALLER, 1.0])  # from fractions of the frame to lengths that are alike in both directions
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
    """Where the age is read, as fractions of the frame [18, 2]: six places on the wrist, and twelve joints."""
    within = [_ON_WRIST if tile.middle == "wrist" else _MIDDLE for tile in TILES]
    return np.concatenate([landmarks.apply(place, own) for place, own in zip(places(hand), within, strict=True)])


_ON_WRIST = np.array([(x, y) for y in (0.35, 0.65) for x in (0.25, 0.5, 0.75)])  # carpals, then radius and ulna
_MIDDLE = np.array([(0.5, 0.5)])


@cache
def _length() -> float:
    """The hand's, from the wrist to the tip of the middle finger, as the template has it."""
    return landmarks.length(locator().template / [TALLER, 1.0])
