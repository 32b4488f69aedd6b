"""A film, or the part of it that was read, as pictures show it."""

from __future__ import annotations

import numpy as np

from .answers import Window

Place = tuple[float, float, float, float]


def part_of(pixels: np.ndarray, place: Place) -> np.ndarray:
    """The part of a film [H, W] at a place: left, top, right and bottom in fractions of the film."""
    height, width = pixels.shape
    left, top, right, bottom = place
    rows = slice(round(top * height), max(round(bottom * height), round(top * height) + 1))
    return pixels[rows, round(left * width) : max(round(right * width), round(left * width) + 1)]


def in_grey(pixels: np.ndarray, window: Window | None) -> np.ndarray:
    """Pixels in [0, 1] as uint8, in the grey levels that a reading used; without them over the whole range."""
    black, white = (window.black, window.white) if window else (0.0, 1.0)
    return np.rint(255 * np.clip((pixels - black) / (white - black or 1.0), 0, 1)).astype(np.uint8)
