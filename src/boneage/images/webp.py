"""WebP of one picture, decoded by OpenCV into one array.

Pillow decodes every WebP as an animation, which keeps the canvas three times. Both use libwebp, and their pixels are
equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image

from ..errors import UnreadableImage
from .content import Content
from .picture_levels import Levels, of_bgr, with_opencv

_ANIMATED = 0x02  # a flag of the extended head
_IN_PILLOW = {b"EXIF": "exif", b"XMP ": "xmp"}  # chunks, and what Pillow calls them


@dataclass(frozen=True)
class Still:
    """What the head of a WebP of one picture says.

    Attributes:
        width, height: in pixels.
        about: its EXIF and XMP data, by Pillow's names.
    """

    width: int
    height: int
    about: dict[str, bytes]

    @property
    def described(self) -> Image.Image:
        """An empty picture with its EXIF and XMP data, to be asked for the orientation."""
        image = Image.new("L", (1, 1))
        for name, value in self.about.items():
            image.info[name] = value
        return image


def still(data: bytes) -> Still | None:
    """The head of a WebP; None for an animation, and for a file that begins otherwise than the format has it."""
    chunks = _chunks(data)
    first, at = next(iter(chunks.items()), (b"", 0))
    head = data[at : at + 10]
    if len(head) < 10 or (first == b"VP8X" and head[0] & _ANIMATED):
        return None
    about: dict[str, Any] = {}
    for name, key in _IN_PILLOW.items():
        if name in chunks:
            start = chunks[name]
            about[key] = data[start : start + int.from_bytes(data[start - 4 : start], "little")]
    if first == b"VP8X":
        return Still(1 + int.from_bytes(head[4:7], "little"), 1 + int.from_bytes(head[7:10], "little"), about)
    if first == b"VP8L" and head[0] == 0x2F:
        bits = int.from_bytes(head[1:5], "little")
        return Still(1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF), {})
    if first == b"VP8 " and head[3:6] == b"\x9d\x01\x2a":
        return Still(int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF, {})
    return None


def decode_still(content: Content) -> Levels:
    """The grey levels of a WebP of one picture, and notes; the content is released.

    Raises:
        UnreadableImage: for one that is damaged.
    """
    colours = with_opencv(content)
    if colours is None:
        raise UnreadableImage("the WebP image is damaged or not supported")
    return of_bgr(colours)


def _chunks(data: bytes) -> dict[bytes, int]:
    """Where the content of the first chunk begins, and of the first with EXIF and with XMP data, by their names."""
    found: dict[bytes, int] = {}
    at = 12
    while at + 8 <= len(data):
        name = data[at : at + 4]
        if not found or name in _IN_PILLOW:
            found.setdefault(name, at + 8)
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2
    return found
