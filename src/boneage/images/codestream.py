"""What a compressed frame says of itself: precision, components, colour and sign, whatever its DICOM header says."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_BASELINE = (0xC0, 0xC1, 0xC2)  # SOF: lossy, 8 bits (12 in SOF1)
_LOSSLESS, _JPEG_LS = 0xC3, 0xF7
_JFIF, _ADOBE, _START_OF_SCAN = 0xE0, 0xEE, 0xDA
_WITHOUT_LENGTH = (0x01, 0xFF, *range(0xD0, 0xD9))
JPEG_2000 = (  # transfer syntaxes, those of HTJ2K too
    *("1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201"),
    *("1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"),
)
_BY_CONTENT = {  # kind of a codestream to the transfer syntaxes that promise it, the first where none of them is named
    "jpeg": ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"),
    "lossless": ("1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.57"),
    "jpeg-ls": ("1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.80"),
    "jpeg 2000": JPEG_2000,
}


@dataclass(frozen=True)
class Codestream:
    """One compressed frame.

    Attributes:
        kind: ``jpeg``, ``lossless``, ``jpeg-ls`` or ``jpeg 2000``.
        rows, columns: pixels.
        samples: components of a pixel.
        precision: bits of a component.
        is_signed: None where the codestream does not say, as only JPEG 2000 does.
        is_rgb: whether its colour is said to be stored as RGB; None where it does not say.
        is_adobe: whether Adobe's marker says so, by which decoders turn the colour to RGB unasked.
    """

    kind: str
    rows: int
    columns: int
    samples: int
    precision: int
    is_signed: bool | None = None
    is_rgb: bool | None = None
    is_adobe: bool = False

    def syntax(self, promised: str) -> str:
        """The transfer syntax to decode it by: the one that the header promises, if the codestream is of its kind."""
        fitting = _BY_CONTENT[self.kind]
        if self.kind == "jpeg" and self.precision > 8:
            return fitting[1]
        return promised if promised in fitting else fitting[0]


def codestream(frame: bytes) -> Codestream | None:
    """What a JPEG, JPEG-LS or JPEG 2000 codestream says of itself; None for others and for damaged ones."""
    try:
        if frame[:4] == b"\xff\x4f\xff\x51":
            return _jpeg_2000(frame)
        return _jpeg(frame) if frame[:2] == b"\xff\xd8" else None
    except (struct.error, IndexError):
        return None


def _jpeg_2000(frame: bytes) -> Codestream:
    """From the segment SIZ (ITU-T T.800 A.5.1), which comes first."""
    right, bottom, left, top = struct.unpack_from(">4I", frame, 8)
    samples, depth = struct.unpack_from(">HB", frame, 40)
    return Codestream("jpeg 2000", bottom - top, right - left, samples, (depth & 0x7F) + 1, bool(depth & 0x80))


def _jpeg(frame: bytes) -> Codestream | None:
    """From the segments before the first scan (ITU-T T.81 B.2.2)."""
    found, is_rgb, is_adobe, at = None, None, False, 2
    while at + 4 <= len(frame):
        marker, length = frame[at + 1], struct.unpack_from(">H", frame, at + 2)[0]
        if frame[at] != 0xFF or marker == _START_OF_SCAN:
            break
        if marker in _WITHOUT_LENGTH:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == _JFIF and frame[at + 4 : at + 8] == b"JFIF" and is_rgb is None:
            is_rgb = False
        if marker == _ADOBE and frame[at + 4 : at + 9] == b"Adobe":
            is_rgb, is_adobe = frame[at + 15] == 0, True
        kind = "jpeg" if marker in _BASELINE else {_LOSSLESS: "lossless", _JPEG_LS: "jpeg-ls"}.get(marker)
        if kind:
            found = (kind, *struct.unpack_from(">BHHB", frame, at + 4), frame[at + 10 : at + 19 : 3])
        at += 2 + length
    if found is None:
        return None
    kind, precision, rows, columns, samples, names = found
    return Codestream(kind, rows, columns, samples, precision, None, True if names == b"RGB" else is_rgb, is_adobe)
