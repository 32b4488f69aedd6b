"""Whether the bytes of a file show that decoding them takes no longer, and no more memory, than their pixels need.

Only heads and directories are looked at, as far as a file that an ordinary program writes has them.
"""

from __future__ import annotations

import math
import struct
from typing import Literal

from .codestream import codestream
from .formats import format_of
from .pixels import MAX_PIXELS

MOST_SCANS = 32  # of a JPEG: a progressive one has about ten
MOST_CHUNKS = 20_000  # of a PNG: writers give each 8 kB or more of its data
LONGEST_EXIF = 2**16  # bytes of it, as in a JPEG
MOST_ELEMENTS = 5_000  # of a DICOM file, those in its sequences and the fragments of its image included
MOST_ENTRIES, MOST_PAGES = 512, 64  # of a TIFF's directories
LONGEST_ENTRIES = 2**22  # bytes of all their values
_GZIP, _SCAN = b"\x1f\x8b", b"\xff\xda"
_IMPLICIT, _UNFOLLOWED = b"1.2.840.10008.1.2", (b".1.2.1.99", b".1.2.2")  # transfer syntaxes: deflated, big-endian
_JPEG_IN_DICOM = tuple(b"1.2.840.10008.1.2.4.%d" % number for number in (50, 51, 57, 70))
_LONG = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_SYNTAX, _ITEM, _END = 0x00020010, 0xFFFEE000, 0xFFFEE0DD
_LUTS = (0x00283000, 0x00283010)  # sequences that are read whole
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_UNDEFINED = 0xFFFFFFFF
_SIDES = (256, 257)  # tags of a TIFF's width and height
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}


def is_plainly_cheap(data: bytes) -> bool:
    """Whether a file is an ordinary one by its structure, or no film."""
    if data[:2] == _GZIP:
        return False
    kind = format_of(data)
    try:
        if kind == "JPEG":
            found = codestream(data)
            return data.count(_SCAN) <= MOST_SCANS and not (found and found.rows * found.columns > MAX_PIXELS)
        if kind == "PNG":
            return _is_cheap_png(data)
        if kind == "DICOM":
            return _is_cheap_dicom(data)
        if kind == "TIFF":
            return _is_cheap_tiff(data)
        if kind == "WebP":
            at = data.find(b"EXIF", 12)
            return at < 0 or int.from_bytes(data[at + 4 : at + 8], "little") <= LONGEST_EXIF
        if kind == "AVIF":
            return b"Exif" not in data  # its length stands elsewhere
    except struct.error:  # it ends within its head
        return False
    return kind != "BMP" or data[30:34] in (b"\0\0\0\0", b"\3\0\0\0")  # others are decoded byte by byte


def _is_cheap_png(data: bytes) -> bool:
    at = 8
    for _ in range(MOST_CHUNKS):
        if at + 8 > len(data):
            return True
        length, name = struct.unpack_from(">I4s", data, at)
        if name == b"IEND" or (name == b"eXIf" and length > LONGEST_EXIF):
            return bool(name == b"IEND")
        at += 12 + length
    return False


# --- DICOM ----------------------------------------------------------------------------------------------------------


def _is_cheap_dicom(data: bytes) -> bool:
    """Whether a file has few elements, those of its sequences counted, and is neither deflated nor big-endian."""
    at = 132 if data[128:132] == b"DICM" else 0
    syntax, is_implicit, is_in_image = b"", None, False
    for _ in range(MOST_ELEMENTS):
        if at + 8 > len(data):
            return syntax not in _JPEG_IN_DICOM or data.count(_SCAN) <= MOST_SCANS
        group, element = struct.unpack_from("<HH", data, at)
        tag, letters = group << 16 | element, data[at + 4 : at + 6]
        if is_implicit is None and group != 2:
            is_implicit = not letters.isupper()
            if syntax.endswith(_UNFOLLOWED) or (syntax == _IMPLICIT and not is_implicit):
                return False
        head, length = _length(data, at, is_named=group != 0xFFFE and (group == 2 or not is_implicit))
        if tag == _SYNTAX:
            syntax = data[at + head : at + head + length].rstrip(b"\0 ")
        is_in_image = tag != _END and (is_in_image or (tag in _PIXELS and length == _UNDEFINED))
        is_entered = (tag == _ITEM and not is_in_image) or tag in _LUTS or (letters == b"SQ" and not is_implicit)
        at += head + (0 if is_entered or length == _UNDEFINED else length)
    return False


def _length(data: bytes, at: int, *, is_named: bool) -> tuple[int, int]:
    """The bytes before an element's value, and those of the value. ``is_named``: its value representation is there."""
    letters = data[at + 4 : at + 6]
    if not is_named or not letters.isupper():
        return 8, struct.unpack_from("<I", data, at + 4)[0]
    if letters in _LONG:
        return 12, struct.unpack_from("<I", data, at + 8)[0]
    return 8, struct.unpack_from("<H", data, at + 6)[0]


# --- TIFF -----------------------------------------------------------------------------------------------------------


def _is_cheap_tiff(data: bytes) -> bool:
    """Whether the directories of a TIFF are few and short; those of the form for large files are taken for dear."""
    order: Literal["<", ">"] = "<" if data[:2] == b"II" else ">"
    if struct.unpack_from(order + "H", data, 2)[0] != 42:
        return False
    (place,) = struct.unpack_from(order + "I", data, 4)
    total = 0
    for _ in range(MOST_PAGES):
        if not place:
            return True
        (entries,) = struct.unpack_from(order + "H", data, place)
        if entries > MOST_ENTRIES:
            return False
        sides: list[int] = []
        for at in range(place + 2, place + 2 + 12 * entries, 12):
            tag, kind, count = struct.unpack_from(order + "HHI", data, at)
            total += count * _TIFF_SIZES.get(kind, 8)
            if tag in _SIDES:
                sides += struct.unpack_from(order + ("H" if kind == 3 else "I"), data, at + 8)
        if total > LONGEST_ENTRIES or math.prod(sides) > MAX_PIXELS:
            return False
        (place,) = struct.unpack_from(order + "I", data, place + 2 + 12 * entries)
    return False
