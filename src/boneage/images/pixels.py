"""What all readers use: limits of size, the luminance of colours, and text from a file made safe to print."""

from __future__ import annotations

import numpy as np

from ..errors import UnreadableImage

MAX_PIXELS = 64_000_000  # width times height
MAX_BYTES = 256 * 2**20  # of a file
MIN_SIDE = 16  # pixels


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise UnreadableImage if a side is below `MIN_SIDE` or the area above ``max_pixels``."""
    if min(width, height) < MIN_SIDE:
        raise UnreadableImage(f"{width} x {height} pixels is too small (each side needs at least {MIN_SIDE})")
    if width * height > max_pixels:
        raise UnreadableImage(f"{width} x {height} pixels is more than the limit of {max_pixels:,}")


def luminance(colour: np.ndarray) -> np.ndarray:
    """ITU-R BT.601 luminance float32 [height, width] of colours [height, width, 3 or more], in the same units."""
    grey = colour[..., 0] * np.float32(0.299)
    grey += colour[..., 1] * np.float32(0.587)
    grey += colour[..., 2] * np.float32(0.114)
    return grey


def printable(text: str, length: int) -> str:
    """Text from a file as one line of at most ``length`` characters, with ``?`` for those that cannot be printed."""
    line = " ".join(text.split())[:length]
    return "".join(letter if letter.isprintable() else "?" for letter in line)
