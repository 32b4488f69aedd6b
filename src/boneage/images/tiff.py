"""The pages of a TIFF, read before Pillow sees it: the largest comes first, and in a form that Pillow knows."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _FORMAT = 256, 257, 258, 262, 277, 339
_TAGS = (_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _FORMAT)
_SIZES = {1: "B", 3: "H", 4: "I", 16: "Q"}  # field types of whole numbers
_UNSIGNED, _SIGNED, _FLOAT, _UNTYPED = 1, 2, 3, 4
_MOST_PAGES, _MOST_TAGS = 1000, 4096


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        offset: of its directory, in bytes.
        width, height: pixels.
        bits, samples: of a sample, and of a pixel.
        sample_format: 1 unsigned, 2 signed, 3 floating point, 4 untyped.
        is_inverted: whether its white is 0.
        places: where the values of `_PHOTOMETRIC` and `_FORMAT` lie, 0 for those that are absent or not in one word.
    """

    offset: int
    width: int
    height: int
    bits: int
    samples: int
    sample_format: int
    is_inverted: bool
    places: tuple[int, int]

    def values(self, array: np.ndarray) -> np.ndarray:
        """A grey page as Pillow gives it, [height, width], as the numbers that were stored."""
        if self.samples != 1:
            return array
        if self.sample_format == _SIGNED and self.bits == 8:
            return (array.view(np.int8).astype(np.int16) + 128).astype(np.uint8)
        if self.sample_format == _FLOAT and self.bits == 16:
            return array.view(array.dtype.str.replace("u", "f")).astype(np.float32)
        return array.view(np.uint32) if self.sample_format == _UNSIGNED and self.bits == 32 else array


def largest(data: bytes) -> tuple[bytes, Page | None, str]:
    """A TIFF whose first page is the largest, that page, and a note where there are several.

    Bytes that are unchanged, and no page, where the directories cannot be followed: Pillow then says what is wrong.
    """
    order, is_big = "<" if data[:1] == b"I" else ">", data[2:4] in (b"+\0", b"\0+")
    pages = list(_pages(data, order, is_big))
    if not pages:
        return data, None, ""
    number, page = max(enumerate(pages, 1), key=lambda item: (item[1].width * item[1].height, -item[0]))
    note = f"{len(pages)} pages: only page {number}, the largest, is read" if len(pages) > 1 else ""
    known = {
        place: value for place, value in zip(page.places, _known(page), strict=True) if place and value is not None
    }
    if number > 1 or known:
        changed = bytearray(data)
        struct.pack_into(order + ("Q" if is_big else "I"), changed, 8 if is_big else 4, page.offset)
        for place, value in known.items():
            struct.pack_into(order + "H", changed, place, value)
        data = bytes(changed)
    return data, page, note


def _known(page: Page) -> tuple[int | None, int | None]:
    """What to call a grey page so that Pillow knows it: photometric interpretation and sample format, None to keep."""
    if page.samples != 1:
        return None, None
    black_is_zero = 1 if page.is_inverted and page.bits > 8 else None
    if page.sample_format == _UNTYPED or (page.sample_format, page.bits) in ((_SIGNED, 8), (_FLOAT, 16)):
        return black_is_zero, _UNSIGNED
    return black_is_zero, _SIGNED if (page.sample_format, page.bits) == (_UNSIGNED, 32) else None


def _pages(data: bytes, order: str, is_big: bool) -> Iterator[Page]:
    """The pages that can be followed, each once."""
    head, count_size, entry_size = ("Q", 8, 20) if is_big else ("I", 2, 12)
    seen: set[int] = set()
    try:
        (offset,) = struct.unpack_from(order + head, data, 8 if is_big else 4)
        while offset and offset not in seen and len(seen) < _MOST_PAGES:
            seen.add(offset)
            (count,) = struct.unpack_from(order + ("Q" if is_big else "H"), data, offset)
            if count > _MOST_TAGS:
                return
            first = offset + count_size
            found = dict(_entries(data, order, is_big, range(first, first + count * entry_size, entry_size)))
            if _WIDTH in found and _HEIGHT in found:
                yield _page(offset, found)
            (offset,) = struct.unpack_from(order + head, data, first + count * entry_size)
    except struct.error:
        return


def _entries(data: bytes, order: str, is_big: bool, places: range) -> Iterator[tuple[int, tuple[int, int]]]:
    """The tags that matter: the first value of each, and where it lies if it is the only one and a word of 16 bits."""
    for place in places:
        tag, kind = struct.unpack_from(order + "HH", data, place)
        if tag in _TAGS and kind in _SIZES:
            (count,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, place + 4)
            at = place + (12 if is_big else 8)
            if count * struct.calcsize(_SIZES[kind]) > (8 if is_big else 4):
                (at,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, at)
            (value,) = struct.unpack_from(order + _SIZES[kind], data, at)
            yield tag, (value, at if count == 1 and kind == 3 else 0)


def _page(offset: int, found: dict[int, tuple[int, int]]) -> Page:
    bits, photometric = found.get(_BITS, (1, 0)), found.get(_PHOTOMETRIC, (1, 0))
    samples, sample_format = found.get(_SAMPLES, (1, 0)), found.get(_FORMAT, (_UNSIGNED, 0))
    return Page(
        offset,
        found[_WIDTH][0],
        found[_HEIGHT][0],
        bits[0],
        samples[0],
        sample_format[0],
        photometric[0] == 0,
        (photometric[1], sample_format[1]),
    )
