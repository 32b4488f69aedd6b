"""Cutting, resizing and warping of films: arrays float32 [H, W] in, arrays float32 out, grey levels untouched.

A box gives four ends as fractions of a film's sides. A frame is an affine map [2, 3] from the unit square to fractions
of a film: the square it spans on the film is what it cuts out, upright.
"""

from __future__ import annotations

import cv2
import numpy as np

Box = tuple[float, float, float, float]  # top, bottom, left, right as fractions of the sides
WHOLE: Box = (0.0, 1.0, 0.0, 1.0)


def cut(pixels: np.ndarray, box: Box) -> np.ndarray:
    """The part of [H, W] pixels within a box, as a view of at least one row and one column."""
    height, width = pixels.shape
    top, bottom, left, right = box
    rows = slice(round(top * height), max(round(bottom * height), round(top * height) + 1))
    columns = slice(round(left * width), max(round(right * width), round(left * width) + 1))
    return pixels[rows, columns]


def within(outer: Box, inner: Box) -> Box:
    """The box ``inner``, given as fractions of the box ``outer``, as fractions of the film."""
    (top, bottom, left, right), (above, below, before, behind) = outer, inner
    height, width = bottom - top, right - left
    return top + above * height, top + below * height, left + before * width, left + behind * width


def middle(film: np.ndarray, margin: float) -> np.ndarray:
    """The film without ``margin`` (a fraction of the side) on each of its four sides."""
    height, width = film.shape
    rows, columns = int(height * margin), int(width * margin)
    return film[rows : height - rows, columns : width - columns]


def fit(film: np.ndarray, size: int, how: str, fill: float) -> np.ndarray:
    """A whole film [H, W] as a square [size, size].

    ``how``: ``squash`` scales each side on its own; ``pad`` keeps the aspect and fills the shorter side with the grey
    level ``fill``; ``crop`` keeps the aspect and cuts the ends of the longer side.
    """
    if how == "squash":
        return resize(film, size, size)
    height, width = film.shape
    if how == "crop":
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        return resize(film[top : top + side, left : left + side], size, size)
    side = max(height, width)
    tall, wide = max(1, round(height * size / side)), max(1, round(width * size / side))
    scaled = resize(film, wide, tall)
    top, left = (size - tall) // 2, (size - wide) // 2
    square = np.full((size, size), fill, np.float32)
    square[top : top + tall, left : left + wide] = scaled
    return square


def brought(film: np.ndarray, frame: np.ndarray, size: int, fill: float) -> np.ndarray:
    """The part of a film [H, W] that a frame [2, 3] spans, upright, as [size, size]; ``fill`` beyond the film."""
    return warped(*aligned(film, frame, size), size, fill)


def aligned(film: np.ndarray, frame: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A film and the map [2, 3] from the pixels of a square of ``size`` to its pixels, ready for `warped`.

    A film finer than the square is resized first, so that one of its pixels covers one of the square: bilinear sampling
    reads four pixels only and would skip the others.
    """
    matrix = np.array(film.shape[::-1])[:, None] * frame
    matrix[:, :2] /= size
    coarse = side(frame, film) / size  # film pixels to a side of one of the square's
    if coarse > 1:
        film = coarser(film, coarse)
        matrix = matrix / coarse
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5  # from the corners of pixels to their centres
    return film, matrix


def warped(film: np.ndarray, matrix: np.ndarray, size: int, fill: float) -> np.ndarray:
    """A square [size, size] sampled from a film by the map [2, 3] from its pixels to the film's."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(film, matrix, (size, size), flags=how, borderMode=cv2.BORDER_CONSTANT, borderValue=fill)


def side(frame: np.ndarray, film: np.ndarray) -> float:
    """The side, in pixels of a film [H, W], of the square that a frame [2, 3] spans on it."""
    return float(np.sqrt(abs(np.linalg.det(frame[:, :2])) * film.size))


def coarser(film: np.ndarray, times: float) -> np.ndarray:
    """The film with pixels ``times`` as large; unchanged where that is 1 or less."""
    return shrink(film, max(1, round(max(film.shape) / max(times, 1.0))))


def shrink(pixels: np.ndarray, longest: int) -> np.ndarray:
    """The film with a longer side of ``longest`` pixels; unchanged where it has no more."""
    scale = min(1.0, longest / max(pixels.shape))
    height, width = (max(1, round(length * scale)) for length in pixels.shape)
    return resize(pixels, width, height)


def resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """The film as [height, width]: by the mean over areas where it shrinks, bilinear where it grows."""
    shrinks = width * height < pixels.size
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
