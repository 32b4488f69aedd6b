"""Films from files of unknown origin: what may cost much time or memory is decoded by a process that has little."""

from __future__ import annotations

import atexit
import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Literal

from ..errors import UnreadableImage, shown
from ..types import Radiograph
from . import read as plain
from .decoder_pool import DecoderLimits, DecoderPool
from .formats import format_of
from .pixels import MAX_BYTES

LIMITS = DecoderLimits(processes=1)
MOST_SCANS = 32  # of a JPEG: a progressive one has about ten
MOST_CHUNKS = 20_000  # of a PNG's data: writers give each 8 kB or more
MOST_ITEMS = 10_000  # of the sequences of a DICOM file
LONGEST_HEADER = 2**20  # bytes before the pixels of a DICOM file
MOST_ENTRIES, MOST_PAGES = 512, 64  # of a TIFF's directories
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_JPEG_IN_DICOM = tuple(b"1.2.840.10008.1.2.4.%d" % number for number in (50, 51, 57, 70))


def read(source: str | os.PathLike[str] | bytes) -> Radiograph:
    """Read one film as `boneage.read` does; files that are not plainly cheap with limits on time and memory.

    Raises:
        UnreadableImage: one sentence with the file and the reason.
    """
    data = source if isinstance(source, bytes) else _peeked(source)
    if is_plainly_cheap(data):
        return plain.read(source)
    name = "<bytes>" if isinstance(source, bytes) else os.fspath(source)
    try:
        return replace(_decoders().decode(data).radiograph, source=name)
    except UnreadableImage as error:
        raise UnreadableImage(f"cannot read {shown(name)}: {error}") from None


def is_plainly_cheap(data: bytes) -> bool:
    """Whether the bytes of a file show that decoding them takes no longer than their pixels need, or are no film."""
    kind = format_of(data)
    if data[:2] == b"\x1f\x8b":
        return False
    if kind == "JPEG":
        return data.count(b"\xff\xda") <= MOST_SCANS
    if kind == "PNG":
        return data.count(b"IDAT") <= MOST_CHUNKS
    if kind == "DICOM":
        return _is_cheap_dicom(data)
    return kind != "TIFF" or _is_cheap_tiff(data)


def _is_cheap_dicom(data: bytes) -> bool:
    head = data[:LONGEST_HEADER]
    if _DEFLATED in head or data.count(b"\xfe\xff\x00\xe0") > MOST_ITEMS:
        return False
    if any(syntax in head for syntax in _JPEG_IN_DICOM) and data.count(b"\xff\xda") > MOST_SCANS:
        return False
    pixels = max(head.find(b"\xe0\x7f\x10\x00"), head.find(b"\x7f\xe0\x00\x10"))
    return pixels >= 0 or len(data) < LONGEST_HEADER


def _is_cheap_tiff(data: bytes) -> bool:
    """Whether the directories of a TIFF are few and short; those of the form for large files are taken for dear."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    if int.from_bytes(data[2:4], order) != 42:
        return False
    place = int.from_bytes(data[4:8], order)
    for _ in range(MOST_PAGES):
        if not place:
            return True
        entries = int.from_bytes(data[place : place + 2], order)
        if entries > MOST_ENTRIES:
            return False
        place += 2 + 12 * entries
        place = int.from_bytes(data[place : place + 4], order)
    return False


def _peeked(path: str | os.PathLike[str]) -> bytes:
    """The bytes of an ordinary file within the limits; none of others, of which the plain `read` says what is wrong."""
    try:
        if Path(path).is_file() and os.stat(path).st_size <= MAX_BYTES:
            return Path(path).read_bytes()
    except (OSError, ValueError):
        pass
    return b""


@cache
def _decoders() -> DecoderPool:
    pool = DecoderPool(LIMITS)
    atexit.register(pool.close)
    return pool
