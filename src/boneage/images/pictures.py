"""Decode ordinary pictures (PNG, JPEG, TIFF, WebP, AVIF, BMP) to grey levels."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from importlib import import_module

import numpy as np
from PIL import Image, ImageChops, ImageFile

from ..errors import UnreadableImage
from .grey import is_narrow, unit, white_level
from .pixels import check_size, luminance
from .silence import unprinted
from .tiff import Page, largest

_PLUGINS = {  # Pillow's reader per format, called by name so that no other format is ever tried
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "WebP": ("WebPImagePlugin", "WebPImageFile"),
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
}
_PRINTING = ("PNG", "TIFF")  # libtiff prints, and OpenCV, which decodes PNG of 16-bit colour
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


def decode_picture(data: bytes, kind: str, max_pixels: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Pixels and notes of any format but DICOM. On damaged files Pillow raises errors of any type: all are caught."""
    try:
        with unprinted() if kind in _PRINTING else contextlib.nullcontext():
            if kind == "TIFF":
                data, page, note = largest(data)
                return _decoded(data, kind, max_pixels, page, (note,) if note else ())
            return _decoded(data, kind, max_pixels, None, ())
    except UnreadableImage:
        raise
    except MemoryError as error:
        raise UnreadableImage(f"there is not enough memory for this {kind} image") from error
    except Exception as error:
        raise UnreadableImage(f"the {kind} image is {_damage(error)}") from error


def _decoded(
    data: bytes, kind: str, max_pixels: int, page: Page | None, notes: tuple[str, ...]
) -> tuple[np.ndarray, tuple[str, ...]]:
    try:
        opened = _open(data, kind)
    except SyntaxError:
        if page is None:
            raise
        check_size(page.width, page.height, max_pixels)
        pixels, more = _by_opencv(data, page)
        return pixels, notes + more
    with opened as image:
        notes += _shrunk(image, kind, max_pixels)
        check_size(*image.size, max_pixels)
        _check_cover(image, kind)
        image.load()
        frames = 1 if page else getattr(image, "n_frames", 1)
        if frames > 1:
            notes = (f"{frames} pages: only the first is read",)
        pixels, more = _grey(image, data, kind, page)
        upright = _UPRIGHT.get(_orientation(image), np.asarray)
        return np.ascontiguousarray(upright(pixels)), notes + more


def _open(data: bytes, kind: str) -> ImageFile.ImageFile:
    """Read the header. `Image.open` is not used: it warns of large images before their size can be checked."""
    module, factory = _PLUGINS[kind]
    try:
        plugin = import_module(f"PIL.{module}")
    except ImportError:
        raise UnreadableImage(f"it is {kind}, which the installed Pillow does not know") from None
    if not getattr(plugin, "SUPPORTED", True):
        raise UnreadableImage(f"it is {kind}, and the installed Pillow was built without {kind}")
    return getattr(plugin, factory)(io.BytesIO(data), "")


def _shrunk(image: ImageFile.ImageFile, kind: str, max_pixels: int) -> tuple[str, ...]:
    """Let a JPEG above the limit be decoded to a half, quarter or eighth of its sides, and say so.

    Not a progressive one: its decoder keeps the whole film in memory, whatever it gives.
    """
    width, height = image.size
    if kind != "JPEG" or width * height <= max_pixels or image.info.get("progressive"):
        return ()
    for scale in (2, 4, 8):
        if -(-width // scale) * -(-height // scale) <= max_pixels:
            image.draft(None, (width // scale, height // scale))
            return (f"{width} x {height} pixels are more than the limit: it is read at 1/{scale} of its sides",)
    return ()


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


def _grey(image: Image.Image, data: bytes, kind: str, page: Page | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """An image of any Pillow mode as float32 [height, width] in [0, 1], and notes on what was lost."""
    if image.mode in ("L", "1") and not image.has_transparency_data:
        values = page.values(np.asarray(image)) if page and image.mode == "L" else np.asarray(image)
        return values.astype(np.float32) / (255 if image.mode == "L" else 1), ()
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.asarray(image)
        return _deep(page.values(values) if page else values, image.info.get("transparency"), page)
    if kind == "JPEG" and image.mode == "CMYK" and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow takes every CMYK JPEG for Adobe's, which are stored inverted
    if kind == "PNG" and data[24] == 16:
        return _composite(_deep_colour(data))
    if page and page.bits == 16 and image.mode in ("RGB", "RGBA"):
        with contextlib.suppress(UnreadableImage):
            return _composite(_deep_colour(data)[..., : len(image.mode)])
    if image.mode == "La":
        image = image.convert("LA")
    notes = ("16-bit colour is read with 8 bits",) if page and page.bits > 8 else ()
    pixels, more = _composite(np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB")))
    return pixels, notes + more


def _deep_colour(data: bytes) -> np.ndarray:
    """A PNG or TIFF as uint16 RGB or RGBA, decoded by OpenCV: Pillow keeps only 8 bits of 16-bit colour."""
    import cv2

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16 or array.ndim != 3:
        raise UnreadableImage("it has 16-bit colour that does not decode")
    return array[..., [2, 1, 0, 3][: array.shape[2]]]


def _composite(colour: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """BT.601 luminance of an unsigned integer [height, width, 3 or 4] array, over black where it is transparent.

    Where everything is transparent, the alpha channel is ignored, as viewers do, and a note says so.
    """
    grey = luminance(colour) / np.float32(white_level(colour[..., :3]))
    notes: tuple[str, ...] = ()
    if colour.shape[2] == 4:
        alpha = colour[..., 3]
        if alpha.any():
            grey *= unit(alpha)
        else:
            notes = ("its alpha channel is zero everywhere and is ignored",)
    return np.clip(grey, 0, 1), notes


def _by_opencv(data: bytes, page: Page) -> tuple[np.ndarray, tuple[str, ...]]:
    """A TIFF of a kind that Pillow does not know, such as 64-bit floating point."""
    import cv2

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None:
        raise UnreadableImage("the TIFF image is damaged or not supported")
    if array.ndim == 3 and array.shape[2] >= 3 and array.dtype.kind == "u":
        return _composite(array[..., [2, 1, 0, 3][: array.shape[2]]])
    return _deep(array if array.ndim == 2 else array[..., 0], None, page)


def _deep(values: np.ndarray, transparent: object, page: Page | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Grey levels of more than 8 bits: unsigned ones by the bits in use, others by their range.

    No file says what is white of signed numbers, of 32 bits and of floating point: the last stay if within [0, 1].
    """
    notes: tuple[str, ...] = ()
    if isinstance(transparent, int):
        pixels = unit(np.where(values == transparent, 0, values))
    elif values.dtype.kind == "u" and values.dtype.itemsize <= 2 and not is_narrow(values):
        pixels = unit(values)
    else:
        pixels, notes = _by_range(values, keep_unit=values.dtype.kind == "f")
    return (1 - pixels if page and page.is_inverted else pixels), notes


def _by_range(values: np.ndarray, *, keep_unit: bool) -> tuple[np.ndarray, tuple[str, ...]]:
    """Any values as float32 in [0, 1], and notes. They are scaled by their range unless ``keep_unit`` and they fit."""
    notes: tuple[str, ...] = ()
    finite = np.isfinite(values)
    if not finite.any():
        raise UnreadableImage("no pixel is a finite number")
    if not finite.all():
        values = np.where(finite, values, values[finite].min())
        notes = ("pixels that are not finite numbers are set to the lowest value",)
    low, high = float(values.min()), float(values.max())
    if keep_unit and low >= 0 and high <= 1:
        return values.astype(np.float32), notes
    scaled = np.subtract(values, low, dtype=np.float64)
    scaled /= (high - low) or 1
    return scaled.astype(np.float32), (*notes, f"values {low:g} to {high:g} scaled by their range")
