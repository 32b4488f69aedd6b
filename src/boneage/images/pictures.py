"""Decode ordinary pictures (PNG, JPEG, TIFF, WebP, AVIF, BMP) to grey levels."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from importlib import import_module

import numpy as np
from PIL import Image, ImageChops, ImageFile

from ..errors import UnreadableImage
from .pixels import check_size, luminance
from .silence import unprinted

_PLUGINS = {  # Pillow's reader per format, called by name so that no other format is ever tried
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "WebP": ("WebPImagePlugin", "WebPImageFile"),
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
}
_PRINTING = ("PNG", "TIFF")  # libtiff prints, and OpenCV, which decodes PNG of 16-bit colour
_TIFF_HEIGHT, _TIFF_BITS, _TIFF_PHOTOMETRIC, _ORIENTATION = 257, 258, 262, 274
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
        with unprinted() if kind in _PRINTING else contextlib.nullcontext(), _open(data, kind) as image:
            check_size(*image.size, max_pixels)
            _check_cover(image, kind)
            image.load()
            frames = getattr(image, "n_frames", 1)
            notes = (f"{frames} pages: only the first is read",) if frames > 1 else ()
            pixels, more = _grey(image, data, kind)
            upright = _UPRIGHT.get(_orientation(image), np.asarray)
            return np.ascontiguousarray(upright(pixels)), notes + more
    except UnreadableImage:
        raise
    except MemoryError as error:
        raise UnreadableImage(f"there is not enough memory for this {kind} image") from error
    except Exception as error:
        raise UnreadableImage(f"the {kind} image is {_damage(error)}") from error


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
    text = str(error) or type(error).__name__
    return "truncated" if "truncated" in text.lower() else f"damaged or not supported ({text})"


def _grey(image: Image.Image, data: bytes, kind: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """An image of any Pillow mode as float32 [height, width] in [0, 1], and notes on what was lost."""
    if image.mode in ("L", "1") and not image.has_transparency_data:
        return np.asarray(image, dtype=np.float32) / (255 if image.mode == "L" else 1), ()
    if image.mode.startswith("I;16"):
        return _sixteen_bit(image), ()
    if image.mode in ("I", "F"):
        return _wide(image)
    if kind == "JPEG" and image.mode == "CMYK" and "adobe" not in image.info:
        image = ImageChops.invert(image)  # Pillow takes every CMYK JPEG for Adobe's, which are stored inverted
    if kind == "PNG" and data[24] == 16:
        return _composite(_deep_colour(data)), ()
    if image.mode == "La":
        image = image.convert("LA")
    deep = getattr(image, "tag_v2", {}).get(_TIFF_BITS, (8,))[0] > 8
    notes = ("16-bit colour is read with 8 bits",) if deep else ()
    return _composite(np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))), notes


def _deep_colour(data: bytes) -> np.ndarray:
    """A PNG as uint16 RGB or RGBA, decoded by OpenCV: Pillow keeps only 8 bits of 16-bit colour."""
    import cv2

    array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is None or array.dtype != np.uint16 or array.ndim != 3:
        raise UnreadableImage("the PNG image has 16-bit colour that does not decode")
    return array[..., [2, 1, 0, 3][: array.shape[2]]]


def _composite(colour: np.ndarray) -> np.ndarray:
    """BT.601 luminance of an unsigned integer [height, width, 3 or 4] array, over black where it is transparent."""
    top = np.float32(np.iinfo(colour.dtype).max)
    grey = luminance(colour) / top
    if colour.shape[2] == 4:
        grey *= colour[..., 3] / top
    return np.clip(grey, 0, 1)


def _sixteen_bit(image: Image.Image) -> np.ndarray:
    values = np.asarray(image).astype(np.float32)
    transparent = image.info.get("transparency")
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_TIFF_BITS, (16,))[0]
    pixels = np.clip(values / (2**bits - 1), 0, 1)
    if isinstance(transparent, int):
        pixels[values == transparent] = 0
    return 1 - pixels if tags.get(_TIFF_PHOTOMETRIC) == 0 else pixels


def _wide(image: Image.Image) -> tuple[np.ndarray, tuple[str, ...]]:
    """32-bit integers and floats, of which no file says what is white: floats in [0, 1] stay, others are scaled."""
    values = np.asarray(image)
    inverted = getattr(image, "tag_v2", {}).get(_TIFF_PHOTOMETRIC) == 0
    pixels, notes = _by_range(values, keep_unit=image.mode == "F")
    return (1 - pixels if inverted else pixels), notes


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
