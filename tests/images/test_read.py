"""The reader on ordinary pictures: one synthetic picture through every format, and everything that is not one."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from picture_files import (
    DEEP,
    DEEP_RGB,
    FORMATS,
    GREY,
    HEIGHT,
    LEVEL8,
    LEVEL16,
    PICTURE,
    RGB,
    WIDTH,
    G,
    chunk,
    png,
    saved,
    tiff,
)
from PIL import AvifImagePlugin, Image
from places import RSNA

from boneage.errors import UnreadableImage
from boneage.images.formats import SUFFIXES
from boneage.images.read import read
from boneage.types import Radiograph


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_shows_the_same_picture(name: str) -> None:
    build, tolerance = FORMATS[name]
    film = read(build())
    assert film.format.lower() == name.split("-")[0]
    assert film.source == "<bytes>"
    assert film.pixels.dtype == np.float32
    np.testing.assert_allclose(film.pixels, PICTURE, atol=tolerance)


def test_sixteen_bits_keep_neighbouring_levels_apart() -> None:
    ramp = np.arange(16 * 16, dtype=np.uint16).reshape(16, 16) + 30000
    ramp[0, 0] = 65535
    for data in (png(ramp, 16, 0), png(np.repeat(ramp[..., None], 3, axis=2), 16, 2), tiff(ramp)):
        np.testing.assert_array_equal(np.round(read(data).pixels * 65535), ramp)


def test_twelve_bit_tiff_is_scaled_by_4095() -> None:
    values = np.round(PICTURE * 4095).astype(np.uint16)
    first, second = values[:, 0::2], values[:, 1::2]
    triples = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=-1).astype(np.uint8)
    data = tiff(triples, bits=12, size=(HEIGHT, WIDTH))
    np.testing.assert_allclose(read(data).pixels, PICTURE, atol=0.5 / 4095 + 1e-6)


def deep_files(values: np.ndarray) -> list[bytes]:
    """Values of 16 bits as grey, colour and both with alpha, in PNG and TIFF."""
    colour, full = np.repeat(values[..., None], 3, axis=2), np.full_like(values, 65535)
    alpha = np.dstack([colour, full])
    return [
        png(values, 16, 0),
        tiff(values),
        png(colour, 16, 2),
        png(alpha, 16, 6),
        png(np.dstack([values, full]), 16, 4),
        cv2.imencode(".tiff", colour)[1].tobytes(),
    ]


@pytest.mark.parametrize("bits", [8, 10, 11, 12, 14, 16])
def test_the_range_of_grey_comes_from_the_pixels(bits: int) -> None:
    values = np.round(PICTURE * (2**bits - 1)).astype(np.uint16)
    for data in deep_files(values):
        film = read(data)
        np.testing.assert_allclose(film.pixels, values / (2**bits - 1), atol=1e-6)
        assert film.notes == ()


def test_a_dim_film_stays_dim() -> None:
    for share, seen in ((0.6, 0.6), (0.1, 0.1 * 65535 / 8191), (0.001, 66 / 255)):
        film = read(png(np.round(PICTURE * share * 65535).astype(np.uint16), 16, 0))
        assert film.pixels.max() == pytest.approx(seen, abs=0.002)
    assert read(saved(Image.fromarray(GREY // 10), "PNG")).pixels.max() == pytest.approx(25 / 255)
    assert read(png(np.zeros((20, 20), np.uint16), 16, 0)).pixels.max() == 0


def test_burnt_in_writing_does_not_set_the_range_of_grey() -> None:
    values = np.round(PICTURE * 4095).astype(np.uint16)
    values[:4, :9] = 65535
    expected = np.clip(values / 4095, 0, 1)
    for data in (png(values, 16, 0), tiff(values)):
        np.testing.assert_allclose(read(data).pixels, expected, atol=1e-6)


def test_an_offset_under_the_grey_levels_is_taken_off_and_noted() -> None:
    film = read(png(np.round(PICTURE * 4095).astype(np.uint16) + 32768, 16, 0))
    np.testing.assert_allclose(film.pixels, PICTURE, atol=1 / 4095)
    assert film.notes == ("values 32768 to 36863 scaled by their range",)


def test_an_alpha_of_zero_everywhere_is_ignored_and_noted() -> None:
    empty = Image.new("L", G.size, 0)
    for data in (
        saved(Image.merge("RGBA", (G, G, G, empty)), "PNG"),
        saved(Image.merge("LA", (G, empty)), "PNG"),
        saved(Image.merge("RGBA", (G, G, G, empty)), "TIFF"),
        saved(Image.merge("RGBA", (G, G, G, empty)), "WEBP", lossless=True, exact=True),
        png(np.dstack([DEEP_RGB, np.zeros_like(DEEP)]), 16, 6),
        png(np.dstack([DEEP, np.zeros_like(DEEP)]), 16, 4),
    ):
        film = read(data)
        np.testing.assert_allclose(film.pixels, PICTURE, atol=LEVEL8)
        assert film.notes == ("its alpha channel is zero everywhere and is ignored",)


def test_colour_becomes_its_luminance() -> None:
    image = Image.new("RGB", (20, 20), (200, 100, 50))
    expected = (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255
    np.testing.assert_allclose(read(saved(image, "PNG")).pixels, expected, atol=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        png(np.where(PICTURE > 0.5, DEEP, 7), 16, 0, chunk(b"tRNS", struct.pack(">H", 7))),
        png(np.where(PICTURE > 0.5, GREY, 7), 8, 0, chunk(b"tRNS", struct.pack(">H", 7))),
        png(
            np.where(PICTURE > 0.5, GREY, 7),
            8,
            3,
            chunk(b"PLTE", bytes(i for i in range(256) for _ in range(3)))
            + chunk(b"tRNS", bytes(0 if i == 7 else 255 for i in range(256))),
        ),
    ],
    ids=["grey-16", "grey-8", "palette"],
)
def test_a_transparent_level_is_black(data: bytes) -> None:
    np.testing.assert_allclose(read(data).pixels, np.where(PICTURE > 0.5, PICTURE, 0), atol=LEVEL8)


TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {  # what a camera of that orientation stores
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: np.rot90(a),
    7: lambda a: np.rot90(a, 2).T,
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize(("kind", "options"), [("JPEG", {"quality": 95}), ("PNG", {}), ("TIFF", {}), ("WEBP", {})])
def test_exif_orientation_is_applied(kind: str, options: dict[str, object], orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    stored = Image.fromarray(np.ascontiguousarray(TURNS[orientation](GREY)))
    film = read(saved(stored, kind, exif=exif, **options))
    np.testing.assert_allclose(film.pixels, PICTURE, atol=0.05)


def test_orientation_holds_for_sixteen_bit_colour() -> None:
    exif = Image.Exif()
    exif[274] = 6
    data = png(np.rot90(DEEP_RGB), 16, 2, chunk(b"eXIf", exif.tobytes()[6:]))
    np.testing.assert_allclose(read(data).pixels, PICTURE, atol=LEVEL16)


def test_exif_that_is_not_exif_is_passed_over() -> None:
    film = read(saved(Image.fromarray(GREY), "JPEG", quality=95, exif=b"Exif\0\0no such thing"))
    np.testing.assert_allclose(film.pixels, PICTURE, atol=0.02)


def test_the_largest_page_is_read_and_that_is_noted() -> None:
    small, smaller = Image.new("L", (20, 20)), Image.new("L", (9, 7))
    for pages, note in (
        ([G, small, smaller], "3 pages: only page 1, the largest, is read"),
        ([smaller, small, G], "3 pages: only page 3, the largest, is read"),
        ([small, Image.fromarray(DEEP)], "2 pages: only page 2, the largest, is read"),
        ([G, Image.fromarray(255 - GREY)], "2 pages: only page 1, the largest, is read"),
    ):
        film = read(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
        np.testing.assert_allclose(film.pixels, PICTURE, atol=LEVEL8)
        assert film.notes == (note,)


SAMPLES = {
    "signed bytes": (lambda: tiff((GREY.astype(int) - 128).astype(np.int8), sample=2), LEVEL8),
    "untyped 8": (lambda: tiff(GREY, sample=4), LEVEL8),
    "untyped 16": (lambda: tiff(DEEP, sample=4), LEVEL16),
    "half floats": (lambda: tiff(PICTURE.astype(np.float16), sample=3), 0.001),
    "half floats, big endian": (lambda: tiff(PICTURE.astype(np.float16), sample=3, order=">"), 0.001),
    "double floats": (lambda: tiff(PICTURE, sample=3), 1e-6),
    "unsigned 32": (lambda: tiff(np.round(PICTURE * 4e9).astype(np.uint32)), 1e-6),
    "unsigned 32, big endian": (lambda: tiff(np.round(PICTURE * 4e9).astype(np.uint32), order=">"), 1e-6),
    "16, big endian, white is zero": (lambda: tiff(65535 - DEEP, order=">", white_is_zero=True), LEVEL16),
    "12 of 16, white is zero": (
        lambda: tiff(4095 - np.round(PICTURE * 4095).astype(np.uint16), white_is_zero=True),
        1 / 4095,
    ),
    "signed 16, white is zero": (lambda: tiff(16000 - DEEP // 2, sample=2, white_is_zero=True), 4 / 65535),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_every_form_of_number_in_a_tiff(name: str) -> None:
    build, tolerance = SAMPLES[name]
    np.testing.assert_allclose(read(build()).pixels, PICTURE, atol=tolerance)


def test_floats_beyond_one_and_holes_are_noted() -> None:
    values = PICTURE.astype(np.float32) * 3
    values[3, 4] = np.nan
    film = read(tiff(values, sample=3))
    assert film.pixels[3, 4] == 0
    assert film.notes == (
        "pixels that are not finite numbers are set to the lowest value",
        "values 0 to 3 scaled by their range",
    )
    with pytest.raises(UnreadableImage, match="no pixel is a finite number"):
        read(tiff(np.full((20, 20), np.nan, np.float32), sample=3))


def test_a_constant_film_is_read() -> None:
    for data, level in [(saved(Image.new("L", (20, 16), 51), "PNG"), 0.2), (tiff(np.full((16, 16), 9, "i4")), 0.0)]:
        np.testing.assert_allclose(read(data).pixels, level, atol=1e-6)


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(saved(G, "BMP"))
    film = read(path)
    assert (film.format, film.source) == ("BMP", str(path))
    assert film.sha256 == read(path.read_bytes()).sha256
    assert ".png" in SUFFIXES
    assert ".dcm" in SUFFIXES


def test_a_film_packed_with_gzip_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "film.png.gz"
    path.write_bytes(gzip.compress(DEEP_PNG))
    film = read(path)
    assert film.format == "PNG"
    assert film.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    np.testing.assert_array_equal(film.pixels, read(DEEP_PNG).pixels)


def test_a_name_is_shown_as_it_can_be_printed(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage) as caught:
        read(os.fsdecode(os.fsencode(tmp_path / "a\n\x1b[31m") + b"\xff.png"))
    assert str(caught.value).endswith(r"a\n\x1b[31m\udcff.png: there is no such file")


@pytest.mark.parametrize(
    "data",
    [
        saved(G, "TIFF", compression="tiff_lzw")[:900] + bytes(900),
        saved(G, "TIFF", compression="jpeg").replace(b"\xff\xda", b"\xff\0"),
        png(DEEP_RGB, 16, 2)[:200] + bytes(20) + png(DEEP_RGB, 16, 2)[220:],
    ],
    ids=["lzw", "jpeg in tiff", "deep png"],
)
def test_libraries_print_nothing(data: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    reads_or_refuses(data)
    os.write(2, b"still there")
    assert capfd.readouterr().err == "still there"


# --- what is not a picture ------------------------------------------------------------------------------------------

PNG, DEEP_PNG = saved(G, "PNG"), png(DEEP, 16, 0)
HUGE_PNG = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)) + PNG[33:]
TALLER = (struct.pack("<HHII", 257, 4, 1, HEIGHT), struct.pack("<HHII", 257, 4, 1, 90000))
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "the file is empty"),
    "text": (b"id,boneage,male\n1,120,True\n", "not an image this program reads; it looks like text"),
    "latin text": ("größe".encode("latin-1") * 10, "looks like text"),
    "html": (b"\n<!DOCTYPE html><title>404</title>", "looks like an HTML or XML page"),
    "pdf": (b"%PDF-1.7\n", "looks like a PDF document"),
    "gif": (saved(G, "GIF"), "looks like a GIF"),
    "zip": (b"PK\3\4" + bytes(20), "looks like a ZIP archive"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "looks like a HEIC photo"),
    "film": (b"\0\0\0\x18ftypisom\0\0\0\0isomiso2", "looks like a film clip"),
    "noise": (bytes(range(200, 256)) + bytes(20), "looks like unknown binary data"),
    "small": (saved(Image.new("L", (15, 400)), "PNG"), "15 x 400 pixels is too small"),
    "huge": (HUGE_PNG, "60000 x 60000 pixels is more than the limit of 64,000,000"),
    "gzip of text": (gzip.compress(b"words"), "looks like gzip-compressed data"),
    "truncated gzip": (gzip.compress(DEEP_PNG)[:-100], "its gzip-compressed data is truncated"),
    "gzip bomb": (gzip.compress(PNG + bytes(2**28)), "it unpacks to more than the limit of 268,435,456 bytes"),
    "truncated png": (PNG[:-40], "truncated"),
    "truncated jpeg": (saved(RGB, "JPEG")[:-300], "truncated"),
    "truncated tiff": (tiff(GREY)[:-300], "truncated"),
    "tiff without strips": (saved(G, "TIFF").replace(*TALLER), "its strips do not cover it"),
    "truncated bmp": (saved(G, "BMP")[:-300], "truncated"),
    "truncated webp": (saved(RGB, "WEBP", lossless=True)[:-80], "the WebP image is damaged"),
    "truncated avif": (saved(G, "AVIF", speed=10)[:-80], "the AVIF image is truncated"),
    "bare magic": (b"\x89PNG\r\n\x1a\n", "the PNG image is"),
    "lying header": (PNG[:16] + struct.pack(">II", 500, 500) + PNG[24:], "the PNG image is"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    data, reason = REFUSED[name]
    path = tmp_path / "film.png"
    path.write_bytes(data)
    for source, word in ((path, str(path)), (data, "<bytes>")):
        with pytest.raises(UnreadableImage) as caught:
            read(source)
        assert str(caught.value).startswith(f"cannot read {word}: ")
        assert reason in str(caught.value)
        assert "\n" not in str(caught.value)


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="no such file"):
        read(tmp_path / "absent.png")
    with pytest.raises(UnreadableImage, match="a folder, not a file"):
        read(tmp_path)
    with pytest.raises(UnreadableImage, match="cannot be opened"):
        read("film\0.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UnreadableImage, match="not an ordinary file"):
        read(tmp_path / "pipe.png")


def test_limits_are_checked_before_anything_is_read_or_decoded(tmp_path: Path) -> None:
    sparse = tmp_path / "huge.png"
    with sparse.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(UnreadableImage, match="1,099,511,627,776 bytes is more than the limit"):
        read(sparse)
    with pytest.raises(UnreadableImage, match="more than the limit of 100"):
        read(PNG, max_bytes=100)
    with pytest.raises(UnreadableImage, match="38 x 53 pixels is more than the limit of 2,000"):
        read(PNG[:60], max_pixels=2000)  # the pixel data is not even there
    with pytest.raises(UnreadableImage, match="60000 x 60000 pixels is more than the limit"):
        read(tiff(GREY, size=(60000, 60000)))


def test_a_jpeg_above_the_limit_is_shrunk_while_it_is_decoded() -> None:
    large = Image.fromarray(GREY).resize((8 * WIDTH, 8 * HEIGHT), Image.Resampling.BICUBIC)
    for scale in (2, 4, 8):
        for image in (large, large.convert("RGB")):
            film = read(
                saved(image, "JPEG", quality=95, progressive=scale == 4),
                max_pixels=64 * WIDTH * HEIGHT // scale**2,
            )
            assert film.pixels.shape == (8 * HEIGHT // scale, 8 * WIDTH // scale)
            assert film.notes == (f"304 x 424 pixels are more than the limit: it is read at 1/{scale} of its sides",)
            small = np.asarray(large.reduce(scale)) / 255
            np.testing.assert_allclose(film.pixels, small, atol=0.03)
    with pytest.raises(UnreadableImage, match="304 x 424 pixels is more than the limit"):
        read(saved(large, "PNG"), max_pixels=100_000)
    with pytest.raises(UnreadableImage, match="304 x 424 pixels is more than the limit"):
        read(saved(large, "JPEG"), max_pixels=2000)


def test_pillow_without_avif_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(G, "AVIF", speed=10)
    monkeypatch.setattr(AvifImagePlugin, "SUPPORTED", False)
    with pytest.raises(UnreadableImage, match="the installed Pillow was built without AVIF"):
        read(data)
    monkeypatch.setitem(sys.modules, "PIL.AvifImagePlugin", None)
    with pytest.raises(UnreadableImage, match="AVIF, which the installed Pillow does not know"):
        read(data)


# --- process-wide state ---------------------------------------------------------------------------------------------


def with_broken_exif() -> bytes:
    """A JPEG whose EXIF makes Pillow warn."""
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + struct.pack("<HHII", 270, 2, 5000, 9000) + bytes(4)
    jpeg = saved(G, "JPEG", quality=95)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


def test_warnings_of_pillow_do_not_leak_from_any_thread() -> None:
    data = with_broken_exif()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning), Image.open(io.BytesIO(data)) as image:
            image.getexif()
        before = list(warnings.filters)
        gate = threading.Barrier(8)

        def one(_: int) -> Radiograph:
            gate.wait()
            return read(data)

        with ThreadPoolExecutor(8) as pool:
            films = list(pool.map(one, range(8)))
        assert warnings.filters == before
    for film in films:
        np.testing.assert_allclose(film.pixels, PICTURE, atol=0.02)


def test_pillow_keeps_its_settings() -> None:
    before = Image.MAX_IMAGE_PIXELS
    read(PNG)
    with pytest.raises(UnreadableImage):
        read(HUGE_PNG)
    assert before == Image.MAX_IMAGE_PIXELS


# --- properties -----------------------------------------------------------------------------------------------------

BUILT = [build() for build, _ in FORMATS.values()]
HEADS = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"II+\0", b"BM", b"RIFF\x40\0\0\0WEBPVP8 "]
HEADS += [b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", bytes(128) + b"DICM", b"\x08\0\x05\0CS\x0a\0ISO_IR 100"]


def reads_or_refuses(data: bytes) -> None:
    try:
        film = read(data)
    except UnreadableImage as error:
        message = str(error)
    else:
        message = "cannot read <bytes>: "
        assert np.isfinite(film.pixels).all()
        assert film.pixels.min() >= 0
        assert film.pixels.max() <= 1
    assert message.startswith("cannot read <bytes>: ")
    assert "\n" not in message


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(HEADS), st.binary(max_size=600))
def test_random_bytes_read_or_are_refused(head: bytes, tail: bytes) -> None:
    reads_or_refuses(head + tail)


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(BUILT), st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_reads_or_is_refused(data: bytes, share: float) -> None:
    reads_or_refuses(data[: int(share * len(data))])


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(BUILT), st.floats(0, 1, exclude_max=True), st.integers(1, 255))
@example(tiff(GREY), 0.02, 255)
def test_a_file_with_one_byte_changed_reads_or_is_refused(data: bytes, share: float, change: int) -> None:
    at = int(share * len(data))
    reads_or_refuses(data[:at] + bytes([data[at] ^ change]) + data[at + 1 :])


# --- the real films -------------------------------------------------------------------------------------------------


@pytest.mark.real
@pytest.mark.skipif(not RSNA.is_dir(), reason="the real radiographs are not here")
def test_the_real_films_read() -> None:
    originals = sorted((RSNA / "originals").glob("*.png"))
    squashed = sorted((RSNA / "images").glob("*.avif"))[::200]
    assert originals
    assert squashed
    for path in originals + squashed:
        film = read(path)
        assert min(film.pixels.shape) >= 299
        assert np.ptp(film.pixels) > 0.05
