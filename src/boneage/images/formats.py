"""What a file is, by its first bytes; which files of a folder are films; and gzip unpacked within limits."""

from __future__ import annotations

import os
import zlib

from ..errors import UnreadableImage
from .pixels import MAX_BYTES

SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".avif", ".bmp", ".dib", ".dcm", ".dicom")
)
PHOTOGRAPHS = frozenset((".heic", ".heif", ".hif"))  # no reader here, but a film may lie in one: it fails by name

_HEAD = 512  # bytes of a file that tell its format
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    *((head, "TIFF") for head in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    (b"BM", "BMP"),
)
_GZIP = b"\x1f\x8b"
_FOREIGN = (
    (b"GIF8", "a GIF"),
    (b"%PDF", "a PDF document"),
    (b"PK\3\4", "a ZIP archive"),
    (_GZIP, "gzip-compressed data"),
    (b"\0\0\0\x0cjP  ", "a bare JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a bare JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"8BPS", "a Photoshop document"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"SQLite", "a database"),
)
_AVIF_BRANDS = (b"avif", b"avis")
_HEIC = "a HEIC photo: save it as PNG or JPEG, for no decoder of its kind has a licence that boneage could pass on"


def format_of(data: bytes) -> str | None:
    """``PNG``, ``JPEG``, ``TIFF``, ``WebP``, ``AVIF``, ``BMP`` or ``DICOM`` by the first bytes; None for others."""
    if data[128:132] == b"DICM" or _is_bare_dicom(data):
        return "DICOM"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        brands = data[8 : min(int.from_bytes(data[:4], "big"), 256)]
        return "AVIF" if any(brand in brands for brand in _AVIF_BRANDS) else None
    return next((kind for head, kind in _MAGIC if data.startswith(head)), None)


def _is_bare_dicom(data: bytes) -> bool:
    """Whether the bytes start with an element of group 0002 or 0008, as DICOM without its preamble does."""
    if len(data) < 16 or data[:2] not in (b"\x02\0", b"\x08\0", b"\0\x08"):
        return False
    if data[4:6] in (b"UL", b"CS", b"UI", b"OB", b"SH", b"DA", b"LO"):  # explicit value representation
        return True
    return data[:2] == b"\x08\0" and data[3] == 0 and int.from_bytes(data[4:8], "little") < min(len(data), 256)


def looks_like(data: bytes) -> str:
    """What bytes of no known format may be, in words."""
    for head, words in _FOREIGN:
        if data.startswith(head):
            return words
    if data[4:8] == b"ftyp":
        return _HEIC if data[8:11] in (b"hei", b"hev", b"mif", b"msf") else "a film clip"
    start = data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start[:1] == b"<":
        return "an HTML or XML page"
    legible = sum(byte >= 32 or byte in b"\r\n\t" for byte in start)
    return "text" if legible == len(start) else "unknown binary data"


# --- gzip -----------------------------------------------------------------------------------------------------------


def unpacked(data: bytes, max_bytes: int = MAX_BYTES) -> bytes:
    """The film within gzip-compressed bytes, as of a ``.dcm.gz``; other bytes unchanged, also where no film is within.

    Raises:
        UnreadableImage: if the film is cut short or damaged, or longer than ``max_bytes``.
    """
    if not data.startswith(_GZIP) or format_of(_first(data)) is None:
        return data
    stream = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        plain = stream.decompress(data, max_bytes + 1)
    except zlib.error:
        raise UnreadableImage("its gzip-compressed data is damaged") from None
    if len(plain) > max_bytes:
        raise UnreadableImage(f"it unpacks to more than the limit of {max_bytes:,} bytes")
    if not stream.eof:
        raise UnreadableImage("its gzip-compressed data is truncated")
    return plain


def _first(data: bytes) -> bytes:
    """The first bytes of gzip-compressed data, none where it is damaged."""
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(data[: 4 * _HEAD], _HEAD)
    except zlib.error:
        return b""


# --- names ----------------------------------------------------------------------------------------------------------


def ending(name: str | os.PathLike[str]) -> str:
    """A file's ending in small letters, ``.dcm.gz`` as one; empty for a name such as ``IM0001`` or ``1.2.840.7``."""
    stem, last = os.path.splitext(os.path.basename(name).lower())
    if last == ".gz":
        return os.path.splitext(stem)[1] + last
    return last if last.strip(".0123456789") else ""


def without_ending(name: str) -> str:
    """A name or path without the ending of a film's format: ``a/7.png`` and ``a/7.dcm.gz`` are ``a/7``."""
    found = ending(name)
    return name[: -len(found)] if found and is_films(found) else name


def is_film(path: str | os.PathLike[str]) -> bool:
    """Whether an ordinary file is taken for a film: by its ending, else by its content.

    With an ending of its own that is no film's, only DICOM with its preamble is one; without, every format is. A file
    that cannot be looked into is one: then reading it says why.
    """
    found = ending(path)
    if is_films(found):
        return True
    if os.path.basename(path) == "DICOMDIR":  # a list of files
        return False
    try:
        with open(path, "rb") as file:
            head = file.read(4 * _HEAD)
    except (OSError, ValueError):
        return True
    if found.endswith(".gz"):
        return format_of(_first(head)) is not None
    return format_of(head) is not None if not found else head[128:132] == b"DICM"


def is_films(found: str) -> bool:
    """Whether an ending, as `ending` gives it, is a film's."""
    return found.removesuffix(".gz") in SUFFIXES or found in PHOTOGRAPHS
