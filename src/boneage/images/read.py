"""Read a file as a `Radiograph`: PNG, JPEG, TIFF, WebP, AVIF, BMP or DICOM, recognised by its content.

A new format is its first bytes in `format_of` and its reader in `_decode`.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import stat
import threading
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, cast

import numpy as np
from PIL import Image, ImageChops, ImageFile

from ..errors import UnreadableImage
from ..types import Radiograph
from .pixels import MAX_BYTES, MAX_PIXELS, check_size, luminance, printable

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".avif", ".bmp", ".dib", ".dcm", ".dicom"}
)

_PLUGINS = {  # Pillow's reader per format, called by name so that no other format is ever tried
    "PNG": ("PngImagePlugin", "PngImageFile"),
    "JPEG": ("JpegImagePlugin", "JpegImageFile"),
    "TIFF": ("TiffImagePlugin", "TiffImageFile"),
    "WebP": ("WebPImagePlugin", "WebPImageFile"),
    "AVIF": ("AvifImagePlugin", "AvifImageFile"),
    "BMP": ("BmpImagePlugin", "BmpImageFile"),
}
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    *((head, "TIFF") for head in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    (b"BM", "BMP"),
)
_FOREIGN = (
    (b"GIF8", "a GIF"),
    (b"%PDF", "a PDF document"),
    (b"PK\3\4", "a ZIP archive"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"\0\0\0\x0cjP  ", "a bare JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a bare JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"8BPS", "a Photoshop document"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"SQLite", "a database"),
)
_AVIF_BRANDS = (b"avif", b"avis")
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


def read(
    source: str | os.PathLike[str] | bytes, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES
) -> Radiograph:
    """Read one film. Safe to call from several threads.

    The content decides the format, not the name. Colour becomes its ITU-R BT.601 luminance, transparent pixels are laid
    on black and the EXIF orientation is applied.

    Args:
        source: a path, or the bytes of a file.
        max_pixels: the largest width times height, checked before anything is decoded.
        max_bytes: the largest length of the file.

    Returns:
        The film, with pixels float32 [height, width] in [0, 1].

    Raises:
        UnreadableImage: one sentence with the file and the reason.
    """
    name = "<bytes>" if isinstance(source, bytes) else os.fspath(source)
    try:
        data = source if isinstance(source, bytes) else _file_bytes(name, max_bytes)
        _check_length(len(data), max_bytes)
        with _hushed():
            return _decode(data, name, max_pixels)
    except UnreadableImage as error:
        raise UnreadableImage(f"cannot read {name}: {printable(str(error), 300)}") from error.__cause__


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


def _decode(data: bytes, name: str, max_pixels: int) -> Radiograph:
    kind = format_of(data)
    if kind is None:
        raise UnreadableImage(f"it is not an image this program reads; it looks like {_looks_like(data)}")
    sha256 = hashlib.sha256(data).hexdigest()
    if kind == "DICOM":
        return _dicom_reader()(data, name, sha256, max_pixels=max_pixels)
    pixels, notes = _decode_picture(data, kind, max_pixels)
    return Radiograph(pixels, source=name, sha256=sha256, format=kind, notes=notes)


def _dicom_reader() -> Callable[..., Radiograph]:
    """`read_dicom`, imported when it is needed: a machine that only trains may lack pydicom."""
    try:
        from .dicom import read_dicom
    except ModuleNotFoundError as error:
        raise UnreadableImage(f"it is DICOM, and {error.name} is not installed") from None
    return read_dicom


def is_film(path: str | os.PathLike[str]) -> bool:
    """Whether a file in a folder is taken for a film: it has one of `SUFFIXES`, or it is DICOM by its content."""
    name = os.path.basename(path)
    if os.path.splitext(name)[1].lower() in SUFFIXES:
        return True
    if name == "DICOMDIR":  # a list of files
        return False
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


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


def _looks_like(data: bytes) -> str:
    for head, words in _FOREIGN:
        if data.startswith(head):
            return words
    if data[4:8] == b"ftyp":
        return "a HEIC photo" if data[8:11] in (b"hei", b"hev", b"mif") else "a film clip"
    start = data[:4096].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start[:1] == b"<":
        return "an HTML or XML page"
    legible = sum(byte >= 32 or byte in b"\r\n\t" for byte in start)
    return "text" if legible == len(start) else "unknown binary data"


def _decode_picture(data: bytes, kind: str, max_pixels: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Pixels and notes of any format but DICOM. On damaged files Pillow raises errors of any type: all are caught."""
    try:
        with _open(data, kind) as image:
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


_HUSH = threading.Lock()
_readers = 0


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep Pillow and pydicom from warning and logging while any thread reads: they may quote a header's values.

    `warnings.catch_warnings` swaps the process's filters and so is not safe in threads; this adds one filter that names
    only those two packages, and one to pydicom's logger, and takes both away with the last reader.
    """
    global _readers
    log = logging.getLogger("pydicom")
    with _HUSH:
        _readers += 1
        warnings.filterwarnings("ignore", module=r"(PIL|pydicom)\.")
        hush = warnings.filters[0]
        log.addFilter(_nothing)
    try:
        yield
    finally:
        with _HUSH, contextlib.suppress(ValueError):
            _readers -= 1
            if not _readers:
                log.removeFilter(_nothing)
                cast(list[Any], warnings.filters).remove(hush)


def _nothing(record: logging.LogRecord) -> bool:
    """A filter that lets no record through."""
    del record
    return False
