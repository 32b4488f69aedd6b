"""How far a film above the size limit is shrunk while it is decoded, where its format allows that."""

from __future__ import annotations

from typing import Any

SCALES = (2, 4, 8)  # by which JPEG decoders can divide the sides of a film
MOST_COEFFICIENTS = 400_000_000  # bytes that a decoder keeps of a progressive JPEG, whatever it gives


def scale_of(width: int, height: int, max_pixels: int) -> int:
    """By what to divide both sides so that ``max_pixels`` are left at most: 1 for nothing, 0 where no scale will do."""
    if width * height <= max_pixels:
        return 1
    return next((scale for scale in SCALES if -(-width // scale) * -(-height // scale) <= max_pixels), 0)


def noted(width: int, height: int, scale: int) -> str:
    """The note on a film that was shrunk."""
    return f"{width} x {height} pixels are more than the limit: it is read at 1/{scale} of its sides"


def fits_when_progressive(jpeg: Any) -> bool:
    """Whether the coefficients of a progressive JPEG fit into memory, an image of Pillow that is not yet loaded."""
    layers = [layer[1] * layer[2] for layer in jpeg.layer]
    share = sum(layers) / max(max(layers), 1)
    return jpeg.width * jpeg.height * share * 2 <= MOST_COEFFICIENTS
