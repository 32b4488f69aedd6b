"""Films that are there twice: equal byte for byte, the same film exported again, or the same hand seen again."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .dataset import Sample
from .errors import UnreadableImage
from .read import read

SIDE = 128  # pixels: thumbnails
COARSE = 16  # pixels: the pictures all films are compared by
NEIGHBOURS = 4  # films looked at closely for each film
WORTH_A_LOOK = 0.7  # correlation of coarse pictures
_BLOCK = 1024


@dataclass(frozen=True)
class Pair:
    """Two films alike: ``first`` and ``second`` are row numbers, ``score`` the correlation of their aligned detail."""

    first: int
    second: int
    score: float


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """float [H, W] in [0, 1] to uint8 [128, 128]: without a black frame, stretched between its 1 % and 99 %."""
    film = pixels[_inside(pixels > pixels.min() + 0.02)]
    low, high = np.percentile(film, (1, 99))
    small = cv2.resize(film, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return (np.clip((small - low) / max(high - low, 1e-6), 0, 1) * 255).round().astype(np.uint8)


def _inside(bright: np.ndarray) -> tuple[slice, slice]:
    """The rows and columns between the first and last of which a fifth is bright; all if that leaves little."""
    spans = []
    for axis in (1, 0):
        kept = np.flatnonzero(bright.mean(axis=axis) > 0.2)
        enough = len(kept) and kept[-1] - kept[0] > bright.shape[1 - axis] / 8
        spans.append(slice(kept[0], kept[-1] + 1) if enough else slice(None))
    return spans[0], spans[1]


def coarse(thumbnails: np.ndarray) -> np.ndarray:
    small = np.stack([cv2.resize(film, (COARSE, COARSE), interpolation=cv2.INTER_AREA) for film in thumbnails])
    flat = np.stack([_detail(film, 2.0, 3.0) for film in small]).reshape(len(small), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _detail(film: np.ndarray, sigma: float, around: float) -> np.ndarray:
    """What differs from the surroundings, in units of the local contrast."""
    film = film.astype(np.float32)
    fine = film - cv2.GaussianBlur(film, (0, 0), sigma)
    return fine / (np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), around)) + 2.0)
