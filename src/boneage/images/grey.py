"""The range of grey of whole numbers comes from the pixels: a container of 16 bits may hold a film of 8 or 12."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

_DEPTHS = (8, 10, 11, 12, 13, 14, 15, 16)  # bits that detectors and programs give a grey level
_GAP = 4  # times the level below: a single level so far above all others is writing, not film


def unit(values: np.ndarray, white: int = 0) -> np.ndarray:
    """Unsigned integers of any shape as float32 in [0, 1], where ``white`` (else their `white_level`) is 1."""
    grey = values.astype(np.float32)
    grey /= np.float32(white or white_level(values))
    return np.minimum(grey, 1, out=grey)


def white_level(values: np.ndarray) -> int:
    """The largest number that the bits in use can hold: that of a tight container.

    So a dim film stays dim, but 12 bits in a container of 16 are not taken for a film that is nearly black. At least 8
    bits are in use, and bytes use them all. Writing that was burnt in with one far higher level does not count.
    """
    return white_level_of(lambda: [values])


def white_level_of(parts: Callable[[], Iterable[np.ndarray]]) -> int:
    """The `white_level` of all the values that ``parts`` gives, when called once or twice."""
    tops = [0 if part.dtype.itemsize == 1 else int(part.max()) for part in parts()]
    top = max(tops)
    bits = _depth(top)
    if bits > _DEPTHS[0]:
        below = max(int(np.max(part, initial=0, where=part < top)) for part in parts())
        if 0 < _GAP * below < top:
            bits = _depth(below)
    return 2**bits - 1


def _depth(level: int) -> int:
    return next((bits for bits in _DEPTHS if level < 2**bits), level.bit_length())


def is_narrow(values: np.ndarray) -> bool:
    """Whether the values lie far from 0 in a small part of the range, as where a scanner added an offset to them."""
    low, top = int(values.min()), int(values.max())
    return values.dtype.itemsize > 1 and low > top // 2 and 0 < top - low < top // 8
