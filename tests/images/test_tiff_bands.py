"""A TIFF above the limit is shrunk strip by strip or tile by tile, whatever it is cut into."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from picture_files import saved
from PIL import Image

from boneage.errors import UnreadableImage
from boneage.images import tiff_bands
from boneage.images.read import read

HEIGHT, WIDTH = 211, 170
DRAWN = np.random.default_rng(0).integers(0, 256, (HEIGHT // 4 + 1, WIDTH // 4 + 1), np.uint8)
GREY = np.kron(DRAWN, np.ones((4, 4), np.uint8))[:HEIGHT, :WIDTH]
COLOUR = np.dstack([GREY, GREY // 2, 255 - GREY])
DEEP = GREY.astype(np.uint16) * 257
HALF = HEIGHT * WIDTH // 3  # a limit that needs a scale of 2
NOTE = f"{WIDTH} x {HEIGHT} pixels are more than the limit: it is read at 1/2 of its sides"


@pytest.fixture(autouse=True)
def small_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands so small that each of these films has several."""
    monkeypatch.setattr(tiff_bands, "_ENOUGH", 16 * WIDTH)


def halved(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).reduce(2))


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "packbits"])
@pytest.mark.parametrize("strips", [{}, {"tiffinfo": {278: 7}}, {"tiffinfo": {278: 16}}])
@pytest.mark.parametrize("array", [GREY, COLOUR, DEEP, GREY > 100], ids=["grey", "colour", "deep", "bits"])
def test_strips(array: np.ndarray, strips: dict[str, dict[int, int]], compression: str | None) -> None:
    file = saved(Image.fromarray(array), "TIFF", compression=compression, **strips)
    film = read(file, max_pixels=HALF)
    assert film.notes == (NOTE,)
    np.testing.assert_allclose(film.pixels, halved(read(file).pixels), atol=0.003)


def test_a_jpeg_within() -> None:
    file = saved(Image.fromarray(COLOUR), "TIFF", compression="tiff_jpeg", tiffinfo={278: 16})
    film = read(file, max_pixels=HALF)
    assert film.notes == (NOTE,)
    np.testing.assert_allclose(film.pixels, halved(read(file).pixels), atol=0.003)


def tiled(order: str = "<", *, big: bool = False, side: int = 48, planes: int = 1) -> bytes:
    """The grey film in square tiles."""
    down, across = -(-HEIGHT // side), -(-WIDTH // side)
    whole = np.pad(GREY, ((0, down * side - HEIGHT), (0, across * side - WIDTH)), mode="edge")
    tiles = [
        whole[y : y + side, x : x + side].tobytes()
        for y in range(0, whole.shape[0], side)
        for x in range(0, whole.shape[1], side)
    ]
    head = 16 if big else 8
    places = [head + number * side * side for number in range(len(tiles))]
    lists = head + len(tiles) * side * side
    values = [
        (256, WIDTH),
        (257, HEIGHT),
        (258, 8),
        (259, 1),
        (262, 1),
        (277, 1),
        (284, planes),
        (322, side),
        (323, side),
    ]
    word, count = ("Q", 16) if big else ("I", 4)
    size = struct.calcsize(order + word)
    entries = [(tag, 4, 1, value) for tag, value in values]
    entries += [(324, count, len(tiles), lists), (325, count, len(tiles), lists + size * len(tiles))]
    packed = b"".join(
        struct.pack(f"{order}HH{word}", tag, kind, n)
        + (struct.pack(order + "I", value).ljust(size, b"\0") if n == 1 else struct.pack(order + word, value))
        for tag, kind, n, value in entries
    )
    at = lists + 2 * size * len(tiles)
    mark = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    start = mark + (struct.pack(order + "HHQ", 8, 0, at) if big else struct.pack(order + "I", at))
    table = struct.pack(f"{order}{2 * len(tiles)}{word}", *places, *[side * side] * len(tiles))
    directory = struct.pack(order + ("Q" if big else "H"), len(entries)) + packed + bytes(size)
    return start + b"".join(tiles) + table + directory


@pytest.mark.parametrize(("order", "big"), [("<", False), (">", False), ("<", True)])
def test_tiles(order: str, big: bool) -> None:
    file = tiled(order, big=big)
    np.testing.assert_array_equal(read(file).pixels, GREY / np.float32(255))
    film = read(file, max_pixels=HALF)
    assert film.notes == (NOTE,)
    np.testing.assert_allclose(film.pixels, halved(read(file).pixels), atol=0.003)


def test_it_stands_as_its_orientation_says() -> None:
    file = saved(Image.fromarray(GREY), "TIFF", tiffinfo={274: 6})
    film = read(file, max_pixels=HALF)
    assert film.pixels.shape == (WIDTH // 2, -(-HEIGHT // 2))
    np.testing.assert_allclose(film.pixels, np.rot90(halved(GREY / np.float32(255)), -1), atol=0.003)


@pytest.mark.parametrize(
    "file",
    [
        saved(Image.fromarray(DEEP.astype(np.int32)), "TIFF"),
        tiled(planes=2),
        tiled().replace(struct.pack("<HHI", 324, 4, 20), struct.pack("<HHI", 324, 4, 2**21)),
        tiled().replace(struct.pack("<HHI", 325, 4, 20), struct.pack("<HHI", 325, 4, 3)),
        saved(Image.fromarray(GREY), "TIFF", compression="tiff_lzw", tiffinfo={278: 7})[:60],
    ],
    ids=["numbers of 32 bits", "planes", "a list without end", "a list too short", "cut short"],
)
def test_what_cannot_be_cut_is_refused(file: bytes) -> None:
    with pytest.raises(UnreadableImage, match=r"more than the limit|damaged|truncated"):
        read(file, max_pixels=HALF)


def test_a_strip_that_is_too_large_to_be_decoded_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_bands, "_MOST", HEIGHT * WIDTH - 1)
    file = saved(Image.fromarray(GREY), "TIFF", compression="tiff_lzw", tiffinfo={278: HEIGHT})
    with pytest.raises(UnreadableImage, match="more than the limit"):
        read(file, max_pixels=HALF)
