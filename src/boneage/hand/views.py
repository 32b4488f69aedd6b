"""Test-time augmentation: views of one prepared film, over which a reading is averaged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from ..config import MOST_VIEWS

VIEWS = ((1.0, 0.0), (1.0, 8.0), (1.0, -8.0), (0.95, 0.0), (1.05, 0.0))  # side of what is shown, degrees clockwise
assert len(VIEWS) == MOST_VIEWS


class Part(NamedTuple):
    """A part of a prepared film that is turned about its own middle.

    Attributes:
        rows, columns: where it lies.
        mirrored: whether it goes on beyond its edges as its mirror image; else there is black.
    """

    rows: slice = slice(None)
    columns: slice = slice(None)
    mirrored: bool = False


def views(pixels: np.ndarray, count: int, parts: Sequence[Part] = (Part(),)) -> Iterator[np.ndarray]:
    """The first ``count`` of `VIEWS` of prepared films uint8 [N, H, W], one after the other, each uint8 [N, H, W]."""
    for side, degrees in VIEWS[:count]:
        yield pixels if (side, degrees) == (1.0, 0.0) else _viewed(pixels, side, degrees, parts)


def _viewed(pixels: np.ndarray, side: float, degrees: float, parts: Sequence[Part]) -> np.ndarray:
    seen = np.empty_like(pixels)
    for film, out in zip(pixels, seen, strict=True):
        for rows, columns, mirrored in parts:
            out[rows, columns] = _turned(film[rows, columns], side, degrees, mirrored)
    return seen


def _turned(film: np.ndarray, side: float, degrees: float, mirrored: bool) -> np.ndarray:
    middle = ((film.shape[1] - 1) / 2, (film.shape[0] - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, -degrees, 1 / side)
    beyond = cv2.BORDER_REFLECT if mirrored else cv2.BORDER_CONSTANT
    return cv2.warpAffine(film, matrix, film.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=beyond)
