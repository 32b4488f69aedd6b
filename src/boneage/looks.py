"""Several looks at one prepared film, over which a reading is averaged: as it is, nearer, farther and turned."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

LOOKS = ((1.0, 0.0), (0.95, 0.0), (1.05, 0.0), (1.0, 8.0), (1.0, -8.0))  # side of what is seen, degrees clockwise


def looks(pixels: np.ndarray, count: int) -> Iterator[np.ndarray]:
    """The first ``count`` of `LOOKS` at prepared films uint8 [N, S, S], each uint8 [N, S, S]; black beyond the film."""
    for side, degrees in LOOKS[:count]:
        yield pixels if (side, degrees) == (1.0, 0.0) else _looked(pixels, side, degrees)


def _looked(pixels: np.ndarray, side: float, degrees: float) -> np.ndarray:
    middle = ((pixels.shape[2] - 1) / 2, (pixels.shape[1] - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, -degrees, 1 / side)
    turned = np.empty_like(pixels)
    for film, out in zip(pixels, turned, strict=True):
        out[:] = cv2.warpAffine(film, matrix, film.shape[::-1], flags=cv2.INTER_LINEAR)
    return turned
