"""What the readers of pictures and of DICOM share: limits, the grey of a colour, and text that a file dictates."""

from __future__ import annotations

import numpy as np

from ..errors import UnreadableImage

MAX_PIXELS = 64_000_000
MAX_BYTES = 256 * 2**20
MIN_SIDE = 16


def check_size(width: int, height: int, max_pixels: int) -> None:
    """UnreadableImage unless both sides have 16 pixels and the area at most ``max_pixels``."""
    if min(width, height) < MIN_SIDE:
        raise UnreadableImage(f"{width} x {height} pixels is too small (each side needs at least {MIN_SIDE})")
    if width * height > max_pixels:
        raise UnreadableImage(f"{width} x {height} pixels is more than the limit of {max_pixels:,}")


def luminance(colour: np.ndarray) -> np.ndarray:
    """ITU-R BT.601 luma, float32 [height, width], of [height, width, 3 or more] in the same units."""
    grey = colour[..., 0] * np.float32(0.299)
    grey += colour[..., 1] * np.float32(0.587)
    grey += colour[..., 2] * np.float32(0.114)
    return grey


def printable(text: str, length: int) -> str:
    """``text`` on one line, without control characters and cut to ``length``: it may come from the file itself."""
    line = " ".join(text.split())[:length]
    return "".join(letter if letter.isprintable() else "?" for letter in line)
