"""Grey levels of large pictures: the same in bands of rows as in one piece, and with little memory beside them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from picture_files import DEEP_RGB, FORMATS, RGB, G, png, saved
from PIL import Image

from boneage.images import pixels
from boneage.images.content import Content
from boneage.images.pictures import decode_picture
from boneage.images.pixels import bands, converted
from boneage.images.read import read


@pytest.mark.parametrize("name", FORMATS)
def test_bands_change_no_pixel(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = FORMATS[name][0]()
    whole = read(data).pixels
    monkeypatch.setattr(pixels, "BAND", 100)
    np.testing.assert_array_equal(read(data).pixels, whole)


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (3, 10**7), (100, 2**20)])
def test_bands_cover_all_rows_once(size: tuple[int, int]) -> None:
    rows = [row for band in bands(*size) for row in range(band.start, band.stop)]
    assert rows == list(range(size[0]))


def test_levels_take_the_place_of_values_that_are_as_long() -> None:
    for values in (np.arange(60.0, dtype=np.float32).reshape(6, 10), np.arange(60.0).reshape(6, 10)):
        expected = values.astype(np.float32) + 1
        found = converted(values, lambda band: band.astype(np.float32) + 1)
        np.testing.assert_array_equal(found, expected)
        assert np.shares_memory(found, values)
    short = np.arange(60, dtype=np.uint8).reshape(6, 10)
    assert not np.shares_memory(converted(short, lambda band: band.astype(np.float32)), short)
    fixed = np.frombuffer(np.arange(60.0).tobytes()).reshape(6, 10)
    assert not np.shares_memory(converted(fixed, lambda band: band.astype(np.float32)), fixed)


@pytest.mark.parametrize(
    ("kind", "data"),
    [("PNG", saved(G, "PNG")), ("JPEG", saved(RGB, "JPEG")), ("TIFF", saved(G, "TIFF")), ("PNG", png(DEEP_RGB, 16, 2))],
    ids=["grey", "colour", "tiff", "deep colour"],
)
def test_the_bytes_of_a_file_are_let_go(kind: str, data: bytes) -> None:
    content = Content(data)
    decode_picture(content, kind, 10**6)
    assert content.data == b""


def test_both_bytes_of_deep_colour_count() -> None:
    values = np.random.default_rng(0).integers(0, 2**16, (20, 30, 3), np.uint16)
    red, green, blue = (values[..., number].astype(np.float64) for number in range(3))
    film = read(png(values, 16, 2))
    np.testing.assert_allclose(film.pixels, (0.299 * red + 0.587 * green + 0.114 * blue) / 65535, atol=1e-6)
    out = io.BytesIO()
    Image.fromarray((values >> 8).astype(np.uint8)).save(out, "PNG")
    assert np.abs(read(out.getvalue()).pixels - film.pixels).max() > 1e-3
