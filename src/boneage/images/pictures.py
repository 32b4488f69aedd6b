"""Decode ordinary pictures (PNG, JPEG, TIFF, WebP, AVIF, BMP) to grey levels."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from importlib import import_module

import numpy as np
from PIL import Image, ImageFile

from ..errors import UnreadableImage
from .content import Content
from .picture_levels import Levels, as_bytes, by_opencv, levels
from .pixels import check_size
from .shrinking import fits_when_progressive, noted, scale_of
from .silence import unprinted
from .tiff import Page, largest
from .tiff_bands import shrunk
from .webp import decode_still, still

_PLUGINS = {  # Pillow's reader per format, called by name so that no other format is ever tried
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "WebP": ("WebPImagePlugin", "WebPImageFile"),
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
}
_PRINTING = ("PNG", "TIFF", "WebP")  # libtiff prints, and OpenCV, which decodes WebP and PNG of 16-bit colour
_TIFF_HEIGHT, _ORIENTATION = 257, 274
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {  # EXIF orientation to what sets it upright
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).T,
    8: np.rot90,
}


def decode_picture(content: Content, kind: str, max_pixels: int) -> Levels:
    """Pixels and notes of any format but DICOM. On damaged files Pillow raises errors of any type: all are caught.

    The content is released once it is decoded.
    """
    try:
        with unprinted() if kind in _PRINTING else contextlib.nullcontext():
            if kind == "TIFF":
                content.data, page, note = largest(content.data)
                return _decoded(content, kind, max_pixels, page, (note,) if note else ())
            if kind == "WebP" and (head := still(content.data)):
                check_size(head.width, head.height, max_pixels)
                return _upright(decode_still(content), _orientation(head.described))
            return _decoded(content, kind, max_pixels, None, ())
    except UnreadableImage:
        raise
    except MemoryError as error:
        raise UnreadableImage(f"there is not enough memory for this {kind} image") from error
    except Exception as error:
        raise UnreadableImage(f"the {kind} image is {_damage(error)}") from error


def _decoded(content: Content, kind: str, max_pixels: int, page: Page | None, notes: tuple[str, ...]) -> Levels:
    try:
        stream = io.BytesIO(content.data)
        opened = _open(stream, kind)
    except SyntaxError:
        if page is None:
            raise
        check_size(page.width, page.height, max_pixels)
        pixels, more = by_opencv(content, page)
        return pixels, notes + more
    with stream, opened as image:
        notes += _shrunk(image, kind, max_pixels)
        if in_bands := _in_bands(image, content, page, max_pixels):
            return _upright(in_bands, _orientation(image), notes)
        check_size(*image.size, max_pixels)
        _check_cover(image, kind)
        tiles = list(image.tile)
        image.tile = [as_bytes(tile) for tile in tiles]
        image.load()
        frames = 1 if page else getattr(image, "n_frames", 1)
        if frames > 1:
            notes = (f"{frames} pages: only the first is read",)
        orientation = _orientation(image)
        stream.close()
        found = levels(image, content, kind, page, tiles)
        image.close()
    return _upright(found, orientation, notes)


def _upright(found: Levels, orientation: int, notes: tuple[str, ...] = ()) -> Levels:
    """The levels of a picture set upright, and all notes."""
    return np.ascontiguousarray(_UPRIGHT.get(orientation, np.asarray)(found[0])), notes + found[1]


def _open(stream: io.BytesIO, kind: str) -> ImageFile.ImageFile:
    """Read the header. `Image.open` is not used: it warns of large images before their size can be checked."""
    module, factory = _PLUGINS[kind]
    try:
        plugin = import_module(f"PIL.{module}")
    except ImportError:
        raise UnreadableImage(f"it is {kind}, which the installed Pillow does not know") from None
    if not getattr(plugin, "SUPPORTED", True):
        raise UnreadableImage(f"it is {kind}, and the installed Pillow was built without {kind}")
    return getattr(plugin, factory)(stream, "")


def _shrunk(image: ImageFile.ImageFile, kind: str, max_pixels: int) -> tuple[str, ...]:
    """Let a JPEG above the limit be decoded to a half, quarter or eighth of its sides, and say so."""
    scale = scale_of(*image.size, max_pixels)
    if kind != "JPEG" or scale < 2 or (image.info.get("progressive") and not fits_when_progressive(image)):
        return ()
    width, height = image.size
    image.draft(None, (width // scale, height // scale))
    return (noted(width, height, scale),)


def _in_bands(image: ImageFile.ImageFile, content: Content, page: Page | None, max_pixels: int) -> Levels | None:
    """A TIFF above the limit, shrunk strip by strip or tile by tile; None where it is not, or cannot be."""
    scale = scale_of(*image.size, max_pixels)
    small = shrunk(content.data, page, scale) if page and scale > 1 else None
    if small is None:
        return None
    check_size(*small.size, max_pixels)
    content.release()
    pixels, more = levels(small, content, "TIFF", page, ())
    return pixels, (noted(*image.size, scale), *more)


def _check_cover(image: ImageFile.ImageFile, kind: str) -> None:
    """Raise UnreadableImage for a TIFF whose strips do not cover it: Pillow would leave the rest black."""
    covered = max((extents[3] for _, extents, *_ in image.tile if extents), default=0)
    if kind == "TIFF" and covered < getattr(image, "tag_v2", {}).get(_TIFF_HEIGHT, 0):
        raise UnreadableImage("the TIFF image is truncated: its strips do not cover it")


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8; 1 where there is none or where the EXIF data is too damaged to tell."""
    with contextlib.suppress(Exception):
        return int(image.getexif().get(_ORIENTATION, 1))
    return 1


def _damage(error: Exception) -> str:
    """In a word, what a library's error means: its own words are for its programmers."""
    return "truncated" if "truncated" in str(error).lower() else "damaged or not supported"
