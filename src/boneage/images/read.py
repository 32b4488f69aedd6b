"""Read a file as a `Radiograph`: PNG, JPEG, TIFF, WebP, AVIF, BMP or DICOM, recognised by its content.

A new format is its first bytes in `boneage.images.formats` and its reader in `decoded`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

from ..errors import UnreadableImage
from ..types import Radiograph
from .content import Content, content_of, name_of, naming
from .formats import format_of, looks_like, unpacked
from .pictures import decode_picture
from .pixels import MAX_BYTES, MAX_PIXELS
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
    name = name_of(source)
    with naming(name):
        return decoded(content_of(source, max_bytes), name, max_pixels, max_bytes, whole_range=whole_range)


def decoded(
    content: Content,
    name: str,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    *,
    whole_range: bool = False,
) -> Radiograph:
    """The film in the bytes of a file, which are released. Raises UnreadableImage with the reason alone."""
    if not content.data:
        raise UnreadableImage("the file is empty")
    sha256 = hashlib.sha256(content.data).hexdigest()
    content.data = unpacked(content.data, max_bytes)
    kind = format_of(content.data)
    if kind is None:
        raise UnreadableImage(f"it is not an image this program reads; it looks like {looks_like(content.data)}")
    with hushed():
        if kind == "DICOM":
            return _dicom_reader()(content, name, sha256, max_pixels=max_pixels, whole_range=whole_range)
        pixels, notes = decode_picture(content, kind, max_pixels)
        return Radiograph(pixels, source=name, sha256=sha256, format=kind, notes=notes)


def _dicom_reader() -> Callable[..., Radiograph]:
    """`read_dicom`, imported when it is needed: a machine that only trains may lack pydicom."""
    try:
        from .dicom import read_dicom
    except ModuleNotFoundError as error:
        raise UnreadableImage(f"it is DICOM, and {error.name} is not installed") from None
    return read_dicom
