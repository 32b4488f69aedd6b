"""Films that are there twice: files equal byte for byte, and the same film exported, cropped or inverted again.

All films are compared as tiny pictures of local contrast (one matrix product), the likeliest pairs at small shifts,
and what is left is aligned and compared in detail. The thresholds were chosen by looking at the pairs found among the
11,901 RSNA films, where the most alike (two hands in equal black frames) reach 0.825, and at 600 of these films
changed on purpose: with new contrast, polarity and size, JPEG at 60 and up to 3 % cut off each side, 95 % stay above
0.85. Two exposures of one child do not: the chance likeness of two children is as great.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from .dataset import Sample
from .errors import UnreadableImage
from .read import read

SIDE = 128  # pixels: thumbnails
NEAR = 0.85  # correlation in detail from which two films are the same one
SAME = 0.995  # and from which they are the same picture, but for its file

_NEIGHBOURS = 3  # films looked at more closely for each film
_COARSE, _COARSE_ALIKE = 16, 0.8  # pixels, correlation: all films with all
_SHIFTED, _SHIFTED_ALIKE, _SHIFT = 24, 0.8, 1  # pixels, correlation, pixels each way: the neighbours
_ROUGH, _ROUGH_ALIKE = 48, 0.9  # pixels, correlation once aligned: what is left
_BLOCK = 1024  # films compared at once


@dataclass(frozen=True)
class Pair:
    """Two films, by row (``first`` < ``second``), and the correlation of their detail when aligned, up to 1."""

    first: int
    second: int
    score: float


class Joined:
    """Names in sets that can be joined; the root of a set is its smallest name."""

    def __init__(self, names: Iterable[str]) -> None:
        self._above = {name: name for name in names}

    def root(self, name: str) -> str:
        """The name that stands for the set."""
        while (above := self._above[name]) != name:
            self._above[name] = name = self._above[above]
        return name

    def join(self, one: str, other: str) -> None:
        """Make one set of the two that hold these names."""
        low, high = sorted((self.root(one), self.root(other)))
        self._above[high] = low

    def numbered(self) -> dict[str, int]:
        """A number for each set of two or more, by name; names alone are left out."""
        sets: dict[str, list[str]] = defaultdict(list)
        for name in self._above:
            sets[self.root(name)].append(name)
        several = [names for names in sets.values() if len(names) > 1]
        return {name: number for number, names in enumerate(several) for name in names}


def exact(samples: Iterable[Sample]) -> dict[str, int]:
    """Groups of films whose files are equal byte for byte: a group's number by id, only films that are in one."""
    of_one_length = _alike([sample for sample in samples if sample.path is not None], _length)
    of_one_content = [films for some in of_one_length for films in _alike(some, _sha256)]
    return {film.id: number for number, films in enumerate(of_one_content) for film in films}


def groups(samples: Sequence[Sample], thumbnails: np.ndarray) -> dict[str, int]:
    """Groups of films that are one and the same: equal files (`exact`) and near duplicates (`pairs`).

    ``thumbnails``: uint8 [N, 128, 128], row by row the samples. A group's number by id, only films that are in one.
    """
    joined = Joined(sample.id for sample in samples)
    for pair in pairs(thumbnails):
        joined.join(samples[pair.first].id, samples[pair.second].id)
    first: dict[int, str] = {}
    for name, number in exact(samples).items():
        joined.join(name, first.setdefault(number, name))
    return joined.numbered()


def thumbnails(samples: Iterable[Sample]) -> np.ndarray:
    """uint8 [N, 128, 128] of the samples' films; a film that is missing or unreadable is black, which is like none."""

    def one(sample: Sample) -> np.ndarray:
        try:
            return thumbnail(read(sample.path or "").pixels)
        except UnreadableImage:
            return np.zeros((SIDE, SIDE), np.uint8)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        films = list(pool.map(one, samples))
    return np.stack(films) if films else np.zeros((0, SIDE, SIDE), np.uint8)


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """A film of float32 [H, W] as uint8 [128, 128], its grey levels stretched between 1 % and 99 %."""
    small = cv2.resize(pixels, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    low, high = np.percentile(small, (1, 99))
    return (np.clip((small - low) / max(high - low, 1e-6), 0, 1) * 255).round().astype(np.uint8)


def pairs(thumbnails: np.ndarray) -> list[Pair]:
    """Every two films of uint8 [N, 128, 128] that are near duplicates, also when inverted, the most alike first."""
    found = _neighbours(_features(thumbnails, _COARSE))
    found = found[_shifted(_features(thumbnails, _SHIFTED), found) > _SHIFTED_ALIKE]
    scored = [Pair(int(a), int(b), score(thumbnails[a], thumbnails[b])) for a, b in found]
    return sorted((pair for pair in scored if pair.score > NEAR), key=lambda pair: -pair.score)


def score(one: np.ndarray, other: np.ndarray) -> float:
    """The correlation of two thumbnails' detail once aligned by an affine map; 0 where the rough look differs."""
    a, b = _detail(one, _ROUGH), _detail(other, _ROUGH)
    polarity = 1.0 if float((a * b).sum()) >= 0 else -1.0
    alike, warp = _aligned(a, polarity * b, np.eye(2, 3, dtype=np.float32))
    if alike < _ROUGH_ALIKE:
        return 0.0
    warp[:, 2] *= SIDE / _ROUGH
    _, warp = _aligned(_detail(one, SIDE), polarity * _detail(other, SIDE), warp)
    a, b = _detail(one, SIDE, 2.0), _detail(other, SIDE, 2.0)
    moved = cv2.warpAffine(b, warp, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    inner = slice(SIDE // 12, -SIDE // 12)
    return abs(float((_unit(a[None, inner, inner]) * _unit(moved[None, inner, inner])).sum()))


def _neighbours(features: np.ndarray) -> np.ndarray:
    """int [P, 2]: for each film of float [N, K, K] the few others most like it, each pair once, first < second."""
    flat = _unit(features)
    found: set[tuple[int, int]] = set()
    for start in range(0, len(flat), _BLOCK):
        alike = np.abs(flat[start : start + _BLOCK] @ flat.T)
        rows = np.arange(len(alike))
        alike[rows, start + rows] = 0
        for _ in range(_NEIGHBOURS):
            nearest = alike.argmax(axis=1)
            close = np.flatnonzero(alike[rows, nearest] > _COARSE_ALIKE)
            found |= {(min(pair), max(pair)) for pair in zip(start + close, nearest[close], strict=True)}
            alike[rows, nearest] = 0
    return np.array(sorted(found), dtype=np.intp).reshape(-1, 2)


def _shifted(features: np.ndarray, found: np.ndarray) -> np.ndarray:
    """float [P]: the best correlation of each pair of films of float [N, K, K] over all small shifts."""
    side = features.shape[1] - 2 * _SHIFT
    middle = slice(_SHIFT, _SHIFT + side)
    best = np.zeros(len(found))
    for part in np.array_split(np.arange(len(found)), len(found) // _BLOCK + 1):
        first, second = features[found[part, 0]], features[found[part, 1]]
        fixed = _unit(first[:, middle, middle])
        for y in range(2 * _SHIFT + 1):
            for x in range(2 * _SHIFT + 1):
                moved = _unit(second[:, y : y + side, x : x + side])
                best[part] = np.maximum(best[part], np.abs((fixed * moved).sum(axis=1)))
    return best


def _features(thumbnails: np.ndarray, side: int) -> np.ndarray:
    return np.stack([_detail(film, side, 2.0) for film in thumbnails]) if len(thumbnails) else np.zeros((0, side, side))


def _detail(film: np.ndarray, side: int, sigma: float = 3.0) -> np.ndarray:
    """The film at [side, side]: what differs from the surroundings, in units of the local contrast."""
    small = cv2.resize(film, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
    fine = small - cv2.GaussianBlur(small, (0, 0), sigma)
    return fine / (np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 2 * sigma)) + 2.0)


def _aligned(one: np.ndarray, other: np.ndarray, warp: np.ndarray) -> tuple[float, np.ndarray]:
    """The correlation reached and the affine map [2, 3] that lays ``other`` on ``one``; 0 where none is found."""
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 25, 1e-3)
    try:
        alike, warp = cv2.findTransformECC(one, other, warp, cv2.MOTION_AFFINE, stop, None, 3)  # type: ignore[call-overload]
    except cv2.error as error:
        if error.code != cv2.Error.StsNoConv:
            raise
        return 0.0, warp
    return alike, warp


def _unit(films: np.ndarray) -> np.ndarray:
    """float [N, K, K] as rows [N, K * K] of mean 0 and length 1: their product is the correlation."""
    flat = films.reshape(len(films), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _alike(films: Iterable[Sample], key: Callable[[Sample], Hashable]) -> list[list[Sample]]:
    """The films by equal key, only keys of two or more; a film whose file cannot be read has no key."""
    by_key: dict[Hashable, list[Sample]] = defaultdict(list)
    for film in films:
        try:
            by_key[key(film)].append(film)
        except OSError:
            continue
    return [same for same in by_key.values() if len(same) > 1]


def _length(sample: Sample) -> int:
    return os.stat(sample.path or "").st_size


def _sha256(sample: Sample) -> str:
    with open(sample.path or "", "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
