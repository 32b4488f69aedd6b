"""Regions of the hand whose ages are told one by one: which bones each has, and where these lie on a montage of joints.

The montage (`boneage.hand.joints`) is cut into fifteen pieces: the carpals, the radius and ulna, and the bases of the
metacarpals out of the wrist's tile, and the twelve other tiles. A region is a set of pieces, and so is its rest: all
pieces that it does not have. A network that sees one piece at a time (`boneage.models.regional`) can then answer for
each set, and what is hidden has no part in the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from ..config import CELLS
from . import landmarks
from .joints import TILES, places
from .landmarks import FINGERS, Points
from .locate import Hand

WRIST = 2  # cells: the side of the wrist's tile, the first of the montage


@dataclass(frozen=True)
class Piece:
    """A piece of the montage.

    Attributes:
        name: of the tile's landmark, or of the bones.
        kind: pieces of one kind show bones that are alike.
        area: in cells of the montage: the weight of its features.
        top: its first row on the montage in cells.
        left: its first column in cells.
        outline: the corners (x, y) of what is shown, in fractions of the wrist's tile; empty: all of it.
    """

    name: str
    kind: str
    area: float
    top: float
    left: float
    outline: tuple[tuple[float, float], ...] = ()


# The lines follow the joints between the bones on films of the training split: the distal carpals end a quarter down
# the tile, and the joint of radius and carpals falls from the ulna's side to the thumb's, which lies on the right.
_DISTAL = ((0.08, 0.22), (0.68, 0.22), (0.80, 0.35))
_PROXIMAL = ((0.80, 0.495), (0.30, 0.59), (0.08, 0.62))
_BASES = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.42), (0.80, 0.42), (0.80, 0.35), (0.68, 0.22), (0.0, 0.22))
_FOREARM = ((0.0, 0.63), *_PROXIMAL[::-1], (1.0, 0.495), (1.0, 1.0), (0.0, 1.0))

CARPALS, FOREARM, BASES = "carpals", "radius and ulna", "metacarpal bases"
WRIST_PIECES = (  # each is one row of cells high, two wide, and shows nothing outside its outline
    Piece(CARPALS, CARPALS, 1.5, 0.32, 0.0, (*_DISTAL, *_PROXIMAL)),
    Piece(FOREARM, FOREARM, 1.5, 0.94, 0.0, _FOREARM),
    Piece(BASES, BASES, 1.0, 0.0, 0.0, _BASES),
)


def _kind(tile: str) -> str:
    """MCP, PIP or DIP by the number of a tile's landmark; the thumb has one joint fewer, so its first is the second."""
    finger, number = tile[:-1], int(tile[-1])
    return ("MCP", "PIP", "DIP")[number - 1 - (finger == "thumb")]


TILE_PIECES = tuple(Piece(t.middle, _kind(t.middle), 1.0, float(t.row), float(t.column)) for t in TILES[1:])
PIECES = (*WRIST_PIECES, *TILE_PIECES)
KINDS = tuple(dict.fromkeys(piece.kind for piece in PIECES))


@dataclass(frozen=True)
class BoneRegion:
    """A region whose age is told beside that of the whole hand.

    Attributes:
        key: its name in files and on the command line.
        name: for a person.
        pieces: the names of its pieces.
    """

    key: str
    name: str
    pieces: tuple[str, ...]

    @property
    def shown(self) -> np.ndarray:
        """Which of `PIECES` it has, bool [15]."""
        return np.array([piece.name in self.pieces for piece in PIECES])


def _ray(finger: str) -> tuple[str, ...]:
    return tuple(piece.name for piece in TILE_PIECES if piece.name.startswith(finger))


_SHORT = (BASES, *(piece.name for piece in TILE_PIECES))
_RAYS = zip(("I", "II", "III", "IV", "V"), FINGERS, strict=True)
REGIONS = (
    BoneRegion("carpals", "carpals", (CARPALS,)),
    BoneRegion("radius_ulna", "radius and ulna", (FOREARM,)),
    BoneRegion("short_bones", "metacarpals and phalanges", _SHORT),
    *(BoneRegion(f"ray_{n.lower()}", f"ray {n}", _ray(finger)) for n, finger in _RAYS),
    BoneRegion("radius_ulna_short", "radius, ulna and short bones", (FOREARM, *_SHORT)),
)
WHOLE = np.ones(len(PIECES), bool)


@cache
def questions() -> np.ndarray:
    """What a network is asked: bool [Q, 15], the whole hand, then each region and its rest, each set once."""
    asked = [WHOLE, *(set_ for region in REGIONS for set_ in (region.shown, ~region.shown))]
    return np.unique(np.array(asked), axis=0)[::-1].copy()  # the whole hand is the largest row


def question(shown: np.ndarray) -> int:
    """The number of a set of pieces, bool [15], in `questions`."""
    return int(np.flatnonzero((questions() == shown).all(axis=1))[0])


def outlines(hand: Hand) -> dict[str, Points]:
    """A closed line around each region that is one place, by its key, [n, 2] in fractions of the film in its box.

    A ray's goes around its joints. The short bones have none: they are all rays and what lies between.
    """
    wrist, *tiles = [landmarks.after(place, hand.frame) for place in places(hand)]
    corners = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
    own = {piece.name: landmarks.apply(wrist, np.array(piece.outline)) for piece in WRIST_PIECES}
    cut = {p.name: landmarks.apply(place, corners) for p, place in zip(TILE_PIECES, tiles, strict=True)}
    found = {}
    for region in REGIONS:
        if len(region.pieces) == 1:
            found[region.key] = own[region.pieces[0]]
        elif region.key.startswith("ray"):
            around = np.concatenate([cut[name] for name in region.pieces]).astype(np.float32)
            found[region.key] = cv2.convexHull(around)[:, 0].astype(float)
    return found


def masks(cell: int) -> np.ndarray:
    """Where each of `WRIST_PIECES` shows something, float32 [3, cell, 2 cell] of 0 and 1."""
    found = np.zeros((len(WRIST_PIECES), cell, WRIST * cell), np.float32)
    for mask, piece in zip(found, WRIST_PIECES, strict=True):
        corners = np.array(piece.outline) * WRIST * cell - [0, first_row(piece, cell)] - 0.5
        cv2.fillPoly(mask, [np.round(corners * 16).astype(np.int32)], 1.0, shift=4)
    return found


def first_row(piece: Piece, cell: int) -> int:
    """The first row of a piece in a montage with cells of so many pixels."""
    return round(piece.top * cell)


def single_cells() -> Sequence[int]:
    """The numbers of the cells of the montage that `TILE_PIECES` are, row by row."""
    return [int(piece.top) * CELLS + int(piece.left) for piece in TILE_PIECES]
