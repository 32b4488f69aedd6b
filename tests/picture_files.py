"""One synthetic picture as bytes in every format, with how closely the format can show it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageChops

HEIGHT, WIDTH = 53, 38


def picture() -> np.ndarray:
    """A smooth float64 [53, 38] picture that reaches 0 and 1, with no symmetry that would hide a turned image."""
    y, x = np.mgrid[0 : 1 : HEIGHT * 1j, 0 : 1 : WIDTH * 1j]
    grey = np.exp(-8 * ((x - 0.3) ** 2 + (y - 0.4) ** 2)) + 0.4 * x + 0.2 * y
    return (grey - grey.min()) / np.ptp(grey)


PICTURE = picture()
GREY = np.round(PICTURE * 255).astype(np.uint8)
DEEP = np.round(PICTURE * 65535).astype(np.uint16)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(array: np.ndarray, bits: int, colour: int, extra: bytes = b"", interlace: bool = False) -> bytes:
    """A PNG written here, since Pillow writes neither interlaced ones nor 16-bit colour."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [array[y::dy, x::dx] for y, x, dy, dx in passes] if interlace else [array]
    raw = b"".join(b"\0" + packed(row, bits) for part in parts for row in part)
    head = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], bits, colour, 0, 0, interlace)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    )


def packed(row: np.ndarray, bits: int) -> bytes:
    if bits >= 8:
        return row.astype(f">u{bits // 8}").tobytes()
    return np.packbits((row[:, None] >> np.arange(bits)[::-1] & 1).astype(np.uint8)).tobytes()


def tiff(
    array: np.ndarray,
    *,
    order: str = "<",
    white_is_zero: bool = False,
    sample: int = 1,
    bits: int = 0,
    size: tuple[int, int] | None = None,
) -> bytes:
    """A grey TIFF of one strip written here: Pillow writes no white-is-zero, signed, 12-bit or lying one."""
    height, width = size or array.shape
    bits = bits or 8 * array.dtype.itemsize
    entries = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, int(not white_is_zero))]
    entries += [(273, 4, 200), (277, 3, 1), (278, 4, height), (279, 4, array.nbytes), (339, 3, sample)]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
    for tag, kind, value in entries:
        head += struct.pack(order + ("HHIHxx" if kind == 3 else "HHII"), tag, kind, 1, value)
    return head.ljust(200, b"\0") + array.astype(array.dtype.newbyteorder(order)).tobytes()


def few_grey(bits: int) -> np.ndarray:
    return np.round(PICTURE * (2**bits - 1)).astype(np.uint8)


def backward_palette() -> Image.Image:
    """The picture as palette indices that run backwards, so that the palette must be used."""
    image = Image.fromarray(255 - GREY)
    image.putpalette([255 - i for i in range(256) for _ in range(3)])
    return image


def transparent(image: Image.Image) -> Image.Image:
    """The picture as full white whose alpha is the picture: over black it is the picture."""
    white = Image.new("L", image.size, 255)
    return Image.merge("RGBA", (white, white, white, image))


def black_ink(values: np.ndarray) -> Image.Image:
    """CMYK with only black ink."""
    none = Image.new("L", (WIDTH, HEIGHT), 0)
    return Image.merge("CMYK", (none, none, none, Image.fromarray(255 - values)))


def without_adobe(jpeg: bytes) -> bytes:
    start = jpeg.index(b"\xff\xee")
    return jpeg[:start] + jpeg[start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big") :]


G, RGB = Image.fromarray(GREY), Image.fromarray(GREY).convert("RGB")
DEEP_RGB = np.repeat(DEEP[..., None], 3, axis=2)
DEEP_ALPHA = np.dstack([np.full_like(DEEP_RGB, 65535), DEEP])
LEVEL8, LEVEL16 = 0.5 / 255 + 1e-6, 0.5 / 65535 + 1e-6
FORMATS: dict[str, tuple[Callable[[], bytes], float]] = {
    "png-1": (lambda: png(few_grey(1), 1, 0), 0.5),
    "png-2": (lambda: png(few_grey(2), 2, 0), 1 / 6 + 1e-6),
    "png-4": (lambda: png(few_grey(4), 4, 0), 1 / 30 + 1e-6),
    "png-8": (lambda: saved(G, "PNG"), LEVEL8),
    "png-16": (lambda: png(DEEP, 16, 0), LEVEL16),
    "png-interlaced": (lambda: png(GREY, 8, 0, interlace=True), LEVEL8),
    "png-16-interlaced": (lambda: png(DEEP, 16, 0, interlace=True), LEVEL16),
    "png-palette": (lambda: saved(backward_palette(), "PNG"), LEVEL8),
    "png-rgb": (lambda: saved(RGB, "PNG"), LEVEL8),
    "png-rgba": (lambda: saved(transparent(G), "PNG"), LEVEL8),
    "png-la": (lambda: saved(transparent(G).convert("LA"), "PNG"), LEVEL8),
    "png-rgb-16": (lambda: png(DEEP_RGB, 16, 2), LEVEL16),
    "png-rgba-16": (lambda: png(DEEP_ALPHA, 16, 6), LEVEL16),
    "png-la-16": (lambda: png(DEEP_ALPHA[..., 2:], 16, 4), LEVEL16),
    "jpeg-grey": (lambda: saved(G, "JPEG", quality=95), 0.02),
    "jpeg-rgb": (lambda: saved(RGB, "JPEG", quality=95), 0.02),
    "jpeg-progressive": (lambda: saved(RGB, "JPEG", quality=95, progressive=True), 0.02),
    "jpeg-cmyk-adobe": (lambda: saved(black_ink(GREY), "JPEG", quality=95), 0.02),
    "jpeg-cmyk-plain": (
        lambda: without_adobe(saved(ImageChops.invert(black_ink(GREY)), "JPEG", quality=95)),
        0.02,
    ),
    "tiff-8": (lambda: saved(G, "TIFF"), LEVEL8),
    "tiff-8-lzw": (lambda: saved(G, "TIFF", compression="tiff_lzw"), LEVEL8),
    "tiff-8-white-is-zero": (lambda: tiff(255 - GREY, white_is_zero=True), LEVEL8),
    "tiff-16": (lambda: saved(Image.fromarray(DEEP), "TIFF", compression="tiff_deflate"), LEVEL16),
    "tiff-16-big-endian": (lambda: tiff(DEEP, order=">"), LEVEL16),
    "tiff-16-white-is-zero": (lambda: tiff(65535 - DEEP, white_is_zero=True), LEVEL16),
    "tiff-16-signed": (lambda: tiff(DEEP // 2 - 16000, sample=2), 4 / 65535),
    "tiff-int32": (lambda: tiff(DEEP.astype(np.int32) * 1000 - 7, sample=2), LEVEL16),
    "tiff-float": (lambda: tiff(PICTURE.astype(np.float32), sample=3), 1e-6),
    "tiff-float-white-is-zero": (lambda: tiff(1 - PICTURE.astype(np.float32), sample=3, white_is_zero=True), 1e-6),
    "tiff-float-wide": (lambda: tiff(PICTURE.astype(np.float32) * 4000 - 1000, sample=3), 1e-6),
    "tiff-rgb": (lambda: saved(RGB, "TIFF"), LEVEL8),
    "tiff-cmyk": (lambda: saved(black_ink(GREY), "TIFF"), LEVEL8),
    "webp-lossless": (lambda: saved(RGB, "WEBP", lossless=True), LEVEL8),
    "webp-alpha": (lambda: saved(transparent(G), "WEBP", lossless=True, exact=True), LEVEL8),
    "webp-lossy": (lambda: saved(RGB, "WEBP", quality=95), 0.04),
    "avif-grey": (lambda: saved(G, "AVIF", quality=95, speed=10), 0.03),
    "avif-rgb": (lambda: saved(RGB, "AVIF", quality=95, speed=10), 0.03),
    "bmp-8": (lambda: saved(G, "BMP"), LEVEL8),
    "bmp-rgb": (lambda: saved(RGB, "BMP"), LEVEL8),
}
