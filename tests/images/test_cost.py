"""Which files are plainly cheap to decode."""

from __future__ import annotations

import gzip
import struct

import pytest
from dicom_files import TWELVE, compressed, dicom, written
from hands import hand
from picture_files import RGB, G, chunk, saved
from PIL import Image
from pydicom.uid import RLELossless

from boneage.images.cost import (
    LONGEST_EXIF,
    MOST_CHUNKS,
    MOST_ELEMENTS,
    MOST_ENTRIES,
    MOST_PAGES,
    MOST_SCANS,
    is_plainly_cheap,
)


def tiff(entries: int, pages: int) -> bytes:
    """Directories of so many empty entries each, one after the other."""
    length, data = 2 + 12 * entries + 4, b"II*\0\x08\0\0\0"
    for page in range(pages):
        following = 8 + (page + 1) * length if page + 1 < pages else 0
        data += entries.to_bytes(2, "little") + bytes(12 * entries) + following.to_bytes(4, "little")
    return data


def syntax(uid: bytes) -> bytes:
    """The element that names the transfer syntax, of one length for all."""
    return b"\x02\0\x10\0UI\x18\0" + uid.ljust(24, b"\0")


def empty_items(count: int) -> bytes:
    return b"\xfe\xff\0\xe0\0\0\0\0" * count


EXPLICIT = b"\x02\0\x10\0UI\x14\0" + b"1.2.840.10008.1.2.1\0"
DEFLATED, BIG_ENDIAN = syntax(b"1.2.840.10008.1.2.1.99"), syntax(b"1.2.840.10008.1.2.2")
JPEG = syntax(b"1.2.840.10008.1.2.4.50")
LARGE = struct.pack("<HHIIHHIHH", 256, 4, 1, 60000, 257, 3, 1, 60000, 0)
IMAGE = b"\xe0\x7f\x10\0OW"
OVERLAY = b"\0\x60\0\x30OW\0\0" + (4 * MOST_ELEMENTS).to_bytes(4, "little") + b"\xfe\xff\0\xe0" * MOST_ELEMENTS
LUT = b"\x28\0\0\x30SQ\0\0" + (8 * MOST_ELEMENTS).to_bytes(4, "little")
CHEAP = {
    "png": hand(),
    "jpeg": saved(RGB, "JPEG"),
    "progressive jpeg": saved(RGB, "JPEG", progressive=True),
    "tiff": saved(G, "TIFF"),
    "webp": saved(RGB, "WebP"),
    "dicom": written(dicom(TWELVE)),
    "implicit dicom": written(dicom(TWELVE), "1.2.840.10008.1.2"),
    "compressed dicom": compressed(dicom(TWELVE), RLELossless),
    "dicom with overlays": written(dicom(TWELVE)).replace(IMAGE, OVERLAY + IMAGE),
    "scans of other dicom": written(dicom(TWELVE)) + b"\xff\xda" * (MOST_SCANS + 1),
    "bmp": saved(G, "BMP"),
    "avif": saved(G, "AVIF"),
    "png with exif": hand()[:33] + chunk(b"eXIf", bytes(100)) + hand()[33:],
    "webp with exif": saved(RGB, "WebP", exif=Image.Exif().tobytes()),
    "png cut short": hand()[:100],
    "text": b"Dear reader,",
    "nothing": b"",
    "tiff pages": tiff(12, 8),
}
DEAR = {
    "gzip": gzip.compress(hand()),
    "scans": saved(RGB, "JPEG") + b"\xff\xda" * MOST_SCANS,
    "chunks": hand()[:33] + chunk(b"tEXt", b"") * MOST_CHUNKS + hand()[33:],
    "items": written(dicom(TWELVE)) + empty_items(MOST_ELEMENTS),
    "items before the image": written(dicom(TWELVE)).replace(IMAGE, empty_items(MOST_ELEMENTS) + IMAGE),
    "items in a sequence that is read": written(dicom(TWELVE)).replace(IMAGE, LUT + empty_items(MOST_ELEMENTS) + IMAGE),
    "deflated": written(dicom(TWELVE)).replace(EXPLICIT, DEFLATED),
    "big-endian": written(dicom(TWELVE)).replace(EXPLICIT, BIG_ENDIAN),
    "no header but zeros": bytes(128) + b"DICM" + bytes(2**20),
    "scans within dicom": written(dicom(TWELVE)).replace(EXPLICIT, JPEG) + b"\xff\xda" * (MOST_SCANS + 1),
    "png with long exif": hand()[:33] + chunk(b"eXIf", bytes(LONGEST_EXIF + 1)) + hand()[33:],
    "webp with long exif": b"RIFF\0\0\0\0WEBPEXIF" + (LONGEST_EXIF + 1).to_bytes(4, "little"),
    "avif with exif": saved(G, "AVIF", exif=Image.Exif().tobytes()),
    "bmp by runs": saved(G, "BMP")[:30] + b"\1" + saved(G, "BMP")[31:],
    "long values": b"II*\0\x08\0\0\0" + b"\1\0" + struct.pack("<HHII", 273, 4, 2**21, 0) + bytes(4),
    "a tiff above the limit": b"II*\0\x08\0\0\0\2\0" + LARGE + bytes(4),
    "a jpeg above the limit": b"\xff\xd8\xff\xc0\0\x0b\x08" + struct.pack(">HHB", 60000, 60000, 1) + bytes(9),
    "a head cut short": b"II*\0\x08\0",
    "entries": tiff(MOST_ENTRIES + 1, 1),
    "pages": tiff(1, MOST_PAGES + 1),
    "pages in a circle": b"II*\0\x08\0\0\0" + bytes(2) + b"\x08\0\0\0",
    "large tiff": b"II+\0\x08\0\0\0" + bytes(8),
}


@pytest.mark.parametrize("name", CHEAP)
def test_ordinary_files_are_plainly_cheap(name: str) -> None:
    assert is_plainly_cheap(CHEAP[name])


@pytest.mark.parametrize("name", DEAR)
def test_files_that_may_cost_much_are_not(name: str) -> None:
    assert not is_plainly_cheap(DEAR[name])
