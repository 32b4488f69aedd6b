"""What all readers use: limits of size, the luminance of colours, and text from a file made safe to print."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..errors import UnreadableImage

MAX_PIXELS = 64_000_000  # width times height
MAX_BYTES = 256 * 2**20  # of a file
MIN_SIDE = 16  # pixels
BAND = 2**19  # pixels that are converted at once


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Raise UnreadableImage if a side is below `MIN_SIDE` or the area above ``max_pixels``."""
    if min(width, height) < MIN_SIDE:
        raise UnreadableImage(f"{width} x {height} pixels is too small (each side needs at least {MIN_SIDE})")
    if width * height > max_pixels:
        raise UnreadableImage(f"{width} x {height} pixels is more than the limit of {max_pixels:,}")


def bands(height: int, width: int) -> Iterator[slice]:
    """The rows of a film in bands of about `BAND` pixels: what is made of one on the way then takes little memory."""
    rows = max(1, BAND // max(width, 1))
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def converted(values: np.ndarray, work: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """What ``work`` makes of each pixel, float32 [height, width], a band at a time.

    Where a pixel of ``values`` has 4 bytes or more the result takes their place in memory, so nobody may use them any
    more. ``work`` gives a new array.

    Args:
        values: [height, width] or [height, width, samples].
        work: from a band of them to float32 [rows, width].
    """
    height, width = values.shape[:2]
    if values.flags.writeable and values.flags.c_contiguous and values.nbytes >= 4 * height * width:
        place = values.reshape(-1).view(np.uint8)[: 4 * height * width].view(np.float32).reshape(height, width)
    else:
        place = np.empty((height, width), np.float32)
    for rows in bands(height, width):  # never past what is still to be read
        place[rows] = work(values[rows])
    return place


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
