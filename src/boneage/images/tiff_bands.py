"""A TIFF that is too large to be decoded whole: cut into small TIFFs of some strips or rows of tiles, each shrunk."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .tiff import Page

_WIDTH, _HEIGHT, _COMPRESSION, _ROWS_PER_STRIP, _PLANAR = 256, 257, 259, 278, 284
_STRIPS, _TILES = (273, 279), (324, 325)  # where they lie, and how long they are
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
_KEPT = (256, 258, 259, 262, 266, 277, 278, 284, 317, 320, 322, 323, 338, 339, 347, 530, 531, 532)
_TYPES = {1: "B", 3: "H", 4: "I", 5: "II", 7: "B", 10: "ii", 16: "Q"}
_ENOUGH = 2**21  # pixels of a band
_MOST = 2**27  # pixels of a strip or row of tiles that are decoded at once
_MOST_VALUES = 2**20


@dataclass(frozen=True)
class _Directory:
    """The directory of one page: the values of its tags, and which types they have."""

    order: str
    values: dict[int, tuple[int, ...]]
    types: dict[int, int]

    def first(self, tag: int, default: int) -> int:
        """The first value of a tag."""
        return (self.values.get(tag) or (default,))[0]


def shrunk(data: bytes, page: Page, scale: int) -> Image.Image | None:
    """A page with its sides divided by ``scale``, each pixel the mean of those that it stands for.

    None for pages that cannot be cut, or whose numbers have no mean as Pillow knows them.
    """
    if page.sample_format != 1 or page.bits not in (1, 2, 4, 8, 16):
        return None
    directory = _directory(data, page)
    pieces = _pieces(data, directory) if directory and directory.first(_PLANAR, 1) == 1 else None
    if not directory or pieces is None:
        return None
    bands = [_mean(band, scale) for band in _bands(data, directory, *pieces, scale)]
    return Image.fromarray(np.concatenate(bands))


def _mean(band: bytes, scale: int) -> np.ndarray:
    from PIL import TiffImagePlugin  # here: the program starts faster without it

    with io.BytesIO(band) as stream, TiffImagePlugin.TiffImageFile(stream, "") as image:
        image.load()
        if image.mode.startswith("I;16"):
            deep = Image.fromarray(np.asarray(image).astype(np.int32))
            return np.asarray(deep.reduce(scale)).astype(np.uint16)
        plain = image if image.mode in ("L", "RGB", "RGBA") else image.convert("L" if image.mode == "1" else "RGB")
        return np.asarray(Image.Image.reduce(plain, scale))


def _pieces(data: bytes, directory: _Directory) -> tuple[int, int, list[tuple[int, int]]] | None:
    """The rows of a strip or tile, how many of them lie side by side, and the place and length of each."""
    width, height = directory.first(_WIDTH, 0), directory.first(_HEIGHT, 0)
    is_tiled = _TILES[0] in directory.values
    where, lengths = (directory.values.get(tag, ()) for tag in (_TILES if is_tiled else _STRIPS))
    if is_tiled:
        rows = directory.first(_TILE_HEIGHT, 0)
        across = -(-width // max(1, directory.first(_TILE_WIDTH, width)))
    else:
        rows, across = min(directory.first(_ROWS_PER_STRIP, height), height), 1
        if len(where) == 1 and directory.first(_COMPRESSION, 1) == 1:  # any rows of it are a strip
            bits = sum(directory.values.get(258, (1,))) if directory.first(277, 1) > 1 else directory.first(258, 1)
            line, rows = -(-width * bits // 8), 8
            tops = range(0, height, rows)
            where = tuple(where[0] + top * line for top in tops)
            lengths = tuple(min(rows, height - top) * line for top in tops)
    found = list(zip(where, lengths, strict=False))
    is_whole = rows > 0 and len(found) >= across * -(-height // max(rows, 1))
    fits = rows * width <= _MOST and all(at + length <= len(data) for at, length in found)
    return (rows, across, found) if is_whole and fits else None


def _bands(
    data: bytes, directory: _Directory, rows: int, across: int, pieces: list[tuple[int, int]], scale: int
) -> Iterator[bytes]:
    """Small TIFFs one below the other, each of a number of rows that ``scale`` divides, but the last."""
    width, height = directory.first(_WIDTH, 0), directory.first(_HEIGHT, 0)
    several = scale // int(np.gcd(rows, scale))
    several *= max(1, _ENOUGH // (rows * several * width))
    for start in range(0, -(-height // rows), several):
        some = pieces[start * across : (start + several) * across]
        yield _file(data, directory, min(rows * several, height - start * rows), rows, some)


def _file(data: bytes, directory: _Directory, height: int, rows: int, pieces: list[tuple[int, int]]) -> bytes:
    """A TIFF of these strips or tiles."""
    values = {tag: directory.values[tag] for tag in _KEPT if tag in directory.values}
    places, lengths = _TILES if _TILES[0] in directory.values else _STRIPS
    values |= {_HEIGHT: (height,), places: (0,) * len(pieces), lengths: tuple(length for _, length in pieces)}
    if places == _STRIPS[0]:
        values[_ROWS_PER_STRIP] = (rows,)
    types = directory.types | dict.fromkeys((_HEIGHT, _ROWS_PER_STRIP, places, lengths), 4)
    size = 8 + 2 + 12 * len(values) + 4 + sum(len(_packed(directory.order, types[tag], v)) for tag, v in values.items())
    at = [size]
    for _, length in pieces:
        at.append(at[-1] + length)
    values[places] = tuple(at[:-1])
    entries, tail, beyond = b"", b"", 8 + 2 + 12 * len(values) + 4
    for tag, numbers in sorted(values.items()):
        packed = _packed(directory.order, types[tag], numbers)
        count = len(numbers) // len(_TYPES[types[tag]])
        entries += struct.pack(directory.order + "HHI", tag, types[tag], count)
        if len(packed) <= 4:
            entries += packed.ljust(4, b"\0")
        else:
            entries += struct.pack(directory.order + "I", beyond + len(tail))
        tail += packed
    head = (b"II*\0" if directory.order == "<" else b"MM\0*") + struct.pack(directory.order + "IH", 8, len(values))
    strips = b"".join(data[place : place + length] for place, length in pieces)
    return head + entries + bytes(4) + tail + strips


def _packed(order: str, kind: int, numbers: tuple[int, ...]) -> bytes:
    letter = _TYPES[kind][0]
    return struct.pack(f"{order}{len(numbers)}{letter}", *numbers)


def _directory(data: bytes, page: Page) -> _Directory | None:
    """The directory of a page; None for one that is damaged, or of tags that are longer than any should be."""
    order, is_big = "<" if data[:1] == b"I" else ">", data[2:4] in (b"+\0", b"\0+")
    values: dict[int, tuple[int, ...]] = {}
    types: dict[int, int] = {}
    try:
        (entries,) = struct.unpack_from(order + ("Q" if is_big else "H"), data, page.offset)
        for number in range(min(entries, 4096)):
            place = page.offset + (8 + 20 * number if is_big else 2 + 12 * number)
            tag, kind, count = struct.unpack_from(order + ("HHQ" if is_big else "HHI"), data, place)
            if tag not in (*_KEPT, _HEIGHT, *_STRIPS, *_TILES) or kind not in _TYPES:
                continue
            letters = f"{count * len(_TYPES[kind])}{_TYPES[kind][0]}"
            if count > _MOST_VALUES:
                return None
            at = place + (12 if is_big else 8)
            if struct.calcsize(order + letters) > (8 if is_big else 4):
                (at,) = struct.unpack_from(order + ("Q" if is_big else "I"), data, at)
            values[tag], types[tag] = struct.unpack_from(order + letters, data, at), 4 if kind == 16 else kind
    except struct.error:
        return None
    return _Directory(order, values, types)
