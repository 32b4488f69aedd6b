"""Find copies of films: files equal byte for byte, and films exported again, cropped, turned a little or mirrored.

Two films of one hand in one pose are taken for copies too, which is right: a split must not part them either.

    thumbnails → the nearest few of each by their coarse pictures → aligned small → aligned closely → pairs

The settings were chosen on the 11,901 RSNA films and on films made from them (see ``docs/data.md``).
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from ..config import PrepareConfig
from ..progress import progress
from ..types import Failure
from .dataset import Sample
from .pipeline import each_film, prepared

SPEC = PrepareConfig(  # of the thumbnails, whatever the default for networks: what follows was measured with it
    size=96, fit="squash", hand=False, low=2.0, high=96.0, headroom=1.3
)
COARSE, SMALL = 16, 32  # pixels: the pictures all films are compared by, and those of a first alignment
NEIGHBOURS = 8  # of each film, and of its mirror image, are looked at
WORTH_A_LOOK = 0.92  # correlation of the small pictures' detail: 2 % of films exported again lie below
SAME = 0.85  # likeness: different real hands reach 0.81, 2 % of films exported again lie below 0.87

_FLOOR = 8.0  # grey levels: weaker detail counts for little
_ONTO = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_BLOCK = 256  # films compared with all others at a time


@dataclass(frozen=True)
class Pair:
    """Two films, by id, that show the same, perhaps ``mirrored``; ``score``: their likeness, at most 1."""

    first: str
    second: str
    score: float
    mirrored: bool


class Joined:
    """Ids that belong together, directly or through others: a union–find structure."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._above = {name: name for name in ids}

    def root(self, name: str) -> str:
        """The id that stands for all that are joined with this one: the first of them in alphabetical order."""
        while (above := self._above[name]) != name:
            self._above[name] = self._above[above]
            name = above
        return name

    def join(self, first: str, second: str) -> None:
        """Join two ids, and with them all that each is joined with."""
        low, high = sorted((self.root(first), self.root(second)))
        self._above[high] = low

    def join_equal(self, keys: Mapping[str, Hashable]) -> None:
        """Join the ids whose keys are equal. ``keys`` by id; unknown ids are left out."""
        first: dict[Hashable, str] = {}
        for name, key in keys.items():
            if name in self._above:
                self.join(name, first.setdefault(key, name))

    def groups(self) -> list[list[str]]:
        """All ids in lists of those that are joined."""
        groups: dict[str, list[str]] = defaultdict(list)
        for name in self._above:
            groups[self.root(name)].append(name)
        return list(groups.values())


def groups(samples: Sequence[Sample], thumbnails: Mapping[str, np.ndarray]) -> dict[str, int]:
    """A number for each film that has copies, the same for all of them: equal files and `pairs` of ``thumbnails``."""
    joined = Joined(sample.id for sample in samples)
    joined.join_equal(exact(samples))
    for pair in pairs(thumbnails):
        joined.join(pair.first, pair.second)
    return _numbered(joined.groups())


def exact(samples: Iterable[Sample]) -> dict[str, int]:
    """A number for each film whose file equals another's, the same for all. Only files of equal length are read."""
    lengths: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        with contextlib.suppress(OSError):
            lengths[os.path.getsize(sample.path or "")].append(sample)
    contents: dict[bytes, list[str]] = defaultdict(list)
    for films in lengths.values():
        for sample in films if len(films) > 1 else ():
            with contextlib.suppress(OSError), open(sample.path or "", "rb") as file:
                contents[hashlib.file_digest(file, "sha256").digest()].append(sample.id)
    return _numbered(contents.values())


def thumbnails(samples: Sequence[Sample]) -> dict[str, np.ndarray]:
    """Thumbnails uint8 [96, 96] by id, of all films that can be read."""
    films = each_film(partial(prepared, spec=SPEC), samples)
    return stored(samples, (film if isinstance(film, Failure) else film.pixels for film in films))


def stored(samples: Sequence[Sample], films: Iterable[np.ndarray | Failure]) -> dict[str, np.ndarray]:
    """The thumbnails of ``samples`` by id, without those that failed.

    They are kept in one piece of memory: small arrays kept among large passing ones would take ten times as much.
    """
    ids: list[str] = []
    block = np.empty((len(samples), SPEC.size, SPEC.size), np.uint8)
    with progress("reading films", len(samples), "films") as advance:
        for sample, film in zip(samples, films, strict=True):
            if not isinstance(film, Failure):
                block[len(ids)] = film
                ids.append(sample.id)
            advance()
    return dict(zip(ids, block, strict=False))


def pairs(thumbnails: Mapping[str, np.ndarray], least: float = SAME) -> list[Pair]:
    """The pairs of films that show the same, the most alike first.

    Args:
        thumbnails: uint8 [96, 96] by id, prepared with `SPEC`.
        least: the smallest likeness of a pair.
    """
    ids, films = list(thumbnails), list(thumbnails.values())
    small = [_detail(_shrunk(film, SMALL)) for film in films]
    found = []
    candidates = list(_candidates(films))
    with progress("comparing films", len(candidates), "pairs") as advance:
        for first, second, mirrored in candidates:
            turn = slice(None, None, -1 if mirrored else 1)
            alike, warp = _aligned(small[first], small[second][:, turn], np.eye(2, 3, dtype=np.float32))
            if alike >= WORTH_A_LOOK:
                score = _score(films[first], films[second][:, turn], warp)
                if score >= least:
                    found.append(Pair(ids[first], ids[second], round(score, 3), mirrored))
            advance()
    best: dict[tuple[str, str], Pair] = {}
    for pair in sorted(found, key=lambda pair: (-pair.score, pair.first, pair.second)):
        best.setdefault((pair.first, pair.second), pair)
    return list(best.values())


def _candidates(films: Sequence[np.ndarray]) -> Iterator[tuple[int, int, bool]]:
    """The numbers of two films and whether one is mirrored: each film with the `NEIGHBOURS` nearest to it."""
    if len(films) < 2:
        return
    coarse = np.stack([np.sqrt(_shrunk(film, COARSE) + np.float32(4)) for film in films])
    flat = _unit(coarse)
    for mirrored, others in ((False, flat), (True, _unit(coarse[:, :, ::-1]))):
        near: set[tuple[int, int]] = set()
        for start in range(0, len(flat), _BLOCK):
            likeness = flat[start : start + _BLOCK] @ others.T
            rows = np.arange(len(likeness))
            likeness[rows, start + rows] = -2  # itself
            count = min(NEIGHBOURS, len(flat) - 1)
            best = np.argpartition(likeness, -count, axis=1)[:, -count:]
            near |= {(min(a, b), max(a, b)) for a, row in enumerate(best.tolist(), start) for b in row}
        yield from ((first, second, mirrored) for first, second in sorted(near))


def _unit(pictures: np.ndarray) -> np.ndarray:
    """Pictures [n, side, side] as rows [n, side²] of mean 0 and length 1: products of rows are correlations."""
    flat = pictures.reshape(len(pictures), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


def _shrunk(film: np.ndarray, side: int) -> np.ndarray:
    return cv2.resize(film, (side, side), interpolation=cv2.INTER_AREA)


def _detail(film: np.ndarray) -> np.ndarray:
    """A picture less its blurred self, divided by the local contrast, so that faint and strong films compare."""
    sigma = 2.0 if len(film) == SMALL else 1.7
    film = film.astype(np.float32)
    fine = film - cv2.GaussianBlur(film, (0, 0), sigma)
    return fine / (np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 2 * sigma)) + _FLOOR)


def _aligned(first: np.ndarray, second: np.ndarray, start: np.ndarray) -> tuple[float, np.ndarray]:
    """The largest correlation of two pictures and the affine map [2, 3] of ``second`` onto ``first`` that gives it.

    By the enhanced correlation coefficient (Evangelidis & Psarakis 2008), from the map ``start`` on; 0 and ``start``
    if that does not converge.
    """
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 1e-3)
    with contextlib.suppress(cv2.error):
        second = np.ascontiguousarray(second)
        return cv2.findTransformECC(first, second, start.copy(), cv2.MOTION_AFFINE, stop, None, 3)  # type: ignore[call-overload]
    return 0.0, start


def _score(first: np.ndarray, second: np.ndarray, warp: np.ndarray) -> float:
    """The likeness of two thumbnails: the correlation of their detail, aligned from the map ``warp`` of the small ones.

    The rim does not count and bright pixels count more: films in equal frames differ only in the hand.
    """
    second = np.ascontiguousarray(second)
    one, other = _detail(first), _detail(second)
    _, warp = _aligned(one, other, warp * np.array([1, 1, SPEC.size / SMALL], np.float32))
    other, second = (cv2.warpAffine(film, warp, first.shape, flags=_ONTO) for film in (other, second))
    bright = np.minimum(cv2.GaussianBlur(first, (0, 0), 2), cv2.GaussianBlur(second, (0, 0), 2)) + 0.25
    inner = slice(SPEC.size // 12, -(SPEC.size // 12))
    return _correlation(one[inner, inner], other[inner, inner], bright[inner, inner])


def _correlation(one: np.ndarray, other: np.ndarray, weight: np.ndarray) -> float:
    one, other = (values - np.average(values, weights=weight) for values in (one, other))
    product, *squares = (float((weight * values).sum()) for values in (one * other, one * one, other * other))
    return product / max(math.sqrt(squares[0] * squares[1]), 1e-6)


def _numbered(groups: Iterable[Sequence[str]]) -> dict[str, int]:
    several = [group for group in groups if len(group) > 1]
    return {name: number for number, group in enumerate(several) for name in group}
