"""Read a file as a `Radiograph`: PNG, JPEG, TIFF, WebP, AVIF, BMP or DICOM, recognised by its content.

A new format is its first bytes in `boneage.images.formats` and its reader in `_decode`.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable

from ..errors import UnreadableImage, shown
from ..types import Radiograph
from .formats import format_of, looks_like, unpacked
from .pictures import decode_picture
from .pixels import MAX_BYTES, MAX_PIXELS, printable
from .silence import hushed


def read(
    source: str | os.PathLike[str] | bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    whole_range: bool = False,
) -> Radiograph:
    """Read one film. Safe to call from several threads.

    The content decides the format, not the name; a film packed with gzip is unpacked. Colour becomes its ITU-R BT.601
    luminance, transparent pixels are laid on black and the EXIF orientation is applied.

    Args:
        source: a path, or the bytes of a file.
        max_pixels: the largest width times height, checked before anything is decoded.
        max_bytes: the largest length of the file.
        whole_range: for a viewer that has windows of its own: what a window in the file cuts off is there too, and the
            film's ``levels`` say where the window lies.

    Returns:
        The film, with pixels float32 [height, width] in [0, 1].

    Raises:
        UnreadableImage: one sentence with the file and the reason.
    """
    name = "<bytes>" if isinstance(source, bytes) else os.fspath(source)
    try:
        data = source if isinstance(source, bytes) else _file_bytes(name, max_bytes)
        _check_length(len(data), max_bytes)
        with hushed():
            return _decode(data, name, max_pixels, max_bytes, whole_range)
    except UnreadableImage as error:
        raise UnreadableImage(f"cannot read {shown(name)}: {printable(str(error), 300)}") from error.__cause__


def _file_bytes(path: str, max_bytes: int) -> bytes:
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableImage("it is a folder, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImage("it is not an ordinary file")
        _check_length(status.st_size, max_bytes)
        with open(path, "rb") as file:
            return file.read(max_bytes + 1)
    except FileNotFoundError:
        raise UnreadableImage("there is no such file") from None
    except (OSError, ValueError) as error:
        raise UnreadableImage(f"it cannot be opened ({getattr(error, 'strerror', None) or error})") from error


def _check_length(length: int, max_bytes: int) -> None:
    if length == 0:
        raise UnreadableImage("the file is empty")
    if length > max_bytes:
        raise UnreadableImage(f"{length:,} bytes is more than the limit of {max_bytes:,}")


def _decode(data: bytes, name: str, max_pixels: int, max_bytes: int, whole_range: bool) -> Radiograph:
    sha256 = hashlib.sha256(data).hexdigest()
    data = unpacked(data, max_bytes)
    kind = format_of(data)
    if kind is None:
        raise UnreadableImage(f"it is not an image this program reads; it looks like {looks_like(data)}")
    if kind == "DICOM":
        return _dicom_reader()(data, name, sha256, max_pixels=max_pixels, whole_range=whole_range)
    pixels, notes = decode_picture(data, kind, max_pixels)
    return Radiograph(pixels, source=name, sha256=sha256, format=kind, notes=notes)


def _dicom_reader() -> Callable[..., Radiograph]:
    """`read_dicom`, imported when it is needed: a machine that only trains may lack pydicom."""
    try:
        from .dicom import read_dicom
    except ModuleNotFoundError as error:
        raise UnreadableImage(f"it is DICOM, and {error.name} is not installed") from None
    return read_dicom
