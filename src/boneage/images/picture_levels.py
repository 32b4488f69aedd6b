"""A decoded picture of any kind as grey levels: its values, or the luminance of its colours, over black.

It works on bands of rows, and lets go of each form of a picture before it makes the next: the largest films do not fit
into memory twice.
"""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageChops

from ..errors import UnreadableImage
from .content import Content
from .grey import is_narrow, unit, white_level_of
from .pixels import bands, converted, luminance
from .tiff import Page

Levels = tuple[np.ndarray, tuple[str, ...]]
_OTHER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}  # of two orders of bytes
_DEEP_PAIRS = "LA;16B"  # what Pillow calls 16-bit grey and alpha of a PNG
_NO_ALPHA = ("its alpha channel is zero everywhere and is ignored",)


def levels(image: Image.Image, content: Content, kind: str, page: Page | None, tiles: Sequence[Any]) -> Levels:
    """An image of any Pillow mode as float32 [height, width] in [0, 1], and notes on what was lost.

    Args:
        image: loaded.
        content: of its file, for what Pillow does not decode, or empty; it is released.
        kind: its format.
        page: of a TIFF, the one that is read.
        tiles: of the image, as Pillow had them before `as_bytes`.
    """
    if any(tile.args == _DEEP_PAIRS for tile in tiles):
        content.release()
        return _over_black(lambda rows: _pairs(image, rows), image.height, image.width)
    if image.mode in ("L", "1") and not image.has_transparency_data:
        content.release()
        white = np.float32(255 if image.mode == "L" else 1)
        values = _values(image, page if image.mode == "L" else None)
        return converted(values, lambda band: band.astype(np.float32) / white), ()
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        content.release()
        transparent = image.info.get("transparency")
        return _deep(_values(image, page), transparent, page)
    lower = [_lower(tile) for tile in tiles]
    if lower and all(lower) and "transparency" not in image.info:
        return _of_deep_colours(image, content, lower)
    if kind == "PNG" and content.data[24] == 16:
        image.close()
        return of_bgr(_deep_colour(content))
    if page and page.bits == 16 and content.data and image.mode in ("RGB", "RGBA"):
        with contextlib.suppress(UnreadableImage):
            colours = _deep_colour(content)
            image.close()
            return of_bgr(colours[..., : len(image.mode)])
    content.release()
    pixels, more = _of_colours(image, kind)
    return pixels, (("16-bit colour is read with 8 bits",) if page and page.bits > 8 else ()) + more


def as_bytes(tile: Any) -> Any:
    """A tile of 16-bit grey and alpha as if its four bytes were red, green, blue and alpha; any other as it is.

    Pillow has no mode for them and keeps the upper bytes alone.
    """
    return tile._replace(args="RGBA") if tile.args == _DEEP_PAIRS else tile


def _pairs(image: Image.Image, rows: slice) -> np.ndarray:
    """Some rows of a picture that was loaded with `as_bytes`, as uint16 colours with alpha."""
    band = np.asarray(image.crop((0, rows.start, image.width, rows.stop)))
    return band.view(">u2")[..., [0, 0, 0, 1]].astype(np.uint16)


def by_opencv(content: Content, page: Page) -> Levels:
    """A TIFF of a kind that Pillow does not know, such as 64-bit floating point."""
    array = with_opencv(content)
    if array is None:
        raise UnreadableImage("the TIFF image is damaged or not supported")
    if array.ndim == 3 and array.shape[2] >= 3 and array.dtype.kind == "u":
        return of_bgr(array)
    return _deep(array if array.ndim == 2 else array[..., 0], None, page)


def _values(image: Image.Image, page: Page | None) -> np.ndarray:
    """The numbers of a picture, [height, width] or [height, width, samples]; the picture is closed."""
    first = np.asarray(image.crop((0, 0, 1, 1)))
    values = np.empty((image.height, image.width, *first.shape[2:]), first.dtype)
    for rows in bands(image.height, image.width):
        values[rows] = np.asarray(image.crop((0, rows.start, image.width, rows.stop)))
    image.close()
    return page.values(values) if page else values


def _of_colours(image: Image.Image, kind: str) -> Levels:
    """The luminance of colours of 8 bits, and of pictures with a palette or transparency."""
    mode = "RGBA" if image.has_transparency_data else "RGB"
    is_plain_cmyk = kind == "JPEG" and image.mode == "CMYK" and "adobe" not in image.info

    def colours(rows: slice) -> np.ndarray:
        band = image.crop((0, rows.start, image.width, rows.stop))
        if is_plain_cmyk:  # Pillow takes every CMYK JPEG for Adobe's, which are stored inverted
            band = ImageChops.invert(band)
        if band.mode == "La":
            band = band.convert("LA")
        return np.asarray(band if band.mode == mode else band.convert(mode))

    return _over_black(colours, image.height, image.width)


def _of_deep_colours(image: Any, content: Content, lower: Sequence[Any]) -> Levels:
    """The luminance of colours of 16 bits.

    Pillow keeps the upper byte of each two, so it decodes the file again as if the lower one came first. OpenCV keeps
    both, with twice the memory.
    """
    upper, kind = _values(image, None), type(image)
    with io.BytesIO(content.data) as stream, kind(stream, "") as again:
        again.tile = list(lower)
        again.load()
        content.release()
        stream.close()

        def colours(rows: slice) -> np.ndarray:
            low = np.asarray(again.crop((0, rows.start, again.width, rows.stop)))
            return upper[rows].astype(np.uint16) << 8 | low

        return _over_black(colours, again.height, again.width)


def _lower(tile: Any) -> Any:
    """A tile of 16-bit colour with its bytes taken in the other order; None for any other."""
    raw, *others = (tile.args,) if isinstance(tile.args, str) else tile.args
    mode, _, order = raw.partition(";16")
    if mode not in ("RGB", "RGBA") or order not in _OTHER:
        return None
    swapped = f"{mode};16{_OTHER[order]}"
    return tile._replace(args=(swapped, *others) if others else swapped)


def of_bgr(colours: np.ndarray) -> Levels:
    """The luminance of unsigned colours [height, width, 3 or 4] in OpenCV's order: blue, green, red and alpha."""
    order = [2, 1, 0, 3][: colours.shape[2]]
    return _over_black(lambda rows: colours[rows][..., order], *colours.shape[:2])


def _deep_colour(content: Content) -> np.ndarray:
    """A PNG or TIFF as uint16 BGR, or BGRA where it has an alpha channel, decoded by OpenCV."""
    array = with_opencv(content)
    if array is None or array.dtype != np.uint16 or array.ndim != 3:
        raise UnreadableImage("it has 16-bit colour that does not decode")
    return array


def with_opencv(content: Content) -> np.ndarray | None:
    """What OpenCV makes of a file; the content is released where it decodes."""
    import cv2

    array = cv2.imdecode(np.frombuffer(content.data, np.uint8), cv2.IMREAD_UNCHANGED)
    if array is not None:
        content.release()
    return array


def _over_black(colours: Callable[[slice], np.ndarray], height: int, width: int) -> Levels:
    """BT.601 luminance of unsigned RGB or RGBA, over black where it is transparent.

    Where everything is transparent, the alpha channel is ignored, as viewers do, and a note says so.

    Args:
        colours: [rows, width, 3 or 4] of some rows of the picture.
        height, width: of the picture.
    """
    every = list(bands(height, width))
    has_alpha = colours(every[0]).shape[2] == 4
    is_seen = has_alpha and any(colours(rows)[..., 3].any() for rows in every)
    white = white_level_of(lambda: (colours(rows)[..., :3] for rows in every))
    opaque = white_level_of(lambda: (colours(rows)[..., 3] for rows in every)) if is_seen else 0
    pixels = np.empty((height, width), np.float32)
    for rows in every:
        band = colours(rows)
        grey = luminance(band)
        grey /= np.float32(white)
        if is_seen:
            grey *= unit(band[..., 3], opaque)
        np.clip(grey, 0, 1, out=pixels[rows])
    return pixels, _NO_ALPHA if has_alpha and not is_seen else ()


def _deep(values: np.ndarray, transparent: object, page: Page | None) -> Levels:
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
    if page and page.is_inverted:
        np.subtract(1, pixels, out=pixels)
    return pixels, notes


def _by_range(values: np.ndarray, *, keep_unit: bool) -> Levels:
    """Any values as float32 in [0, 1], and notes. They are scaled by their range unless ``keep_unit`` and they fit."""
    notes: tuple[str, ...] = ()
    finite = np.isfinite(values)
    if not finite.any():
        raise UnreadableImage("no pixel is a finite number")
    if not finite.all():
        lowest = np.min(values, initial=np.inf, where=finite)
        values = values if values.flags.writeable else values.copy()
        np.copyto(values, lowest, where=~finite)
        notes = ("pixels that are not finite numbers are set to the lowest value",)
    del finite
    low, high = float(values.min()), float(values.max())
    if keep_unit and low >= 0 and high <= 1:
        return converted(values, lambda band: band.astype(np.float32)), notes

    def scaled(band: np.ndarray) -> np.ndarray:
        span = np.subtract(band, low, dtype=np.float64)
        span /= (high - low) or 1
        return span.astype(np.float32)

    return converted(values, scaled), (*notes, f"values {low:g} to {high:g} scaled by their range")
