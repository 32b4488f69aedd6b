"""Limits of size, the grey of a colour, and text that cannot break a line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage.errors import UnreadableImage
from boneage.images.pixels import MAX_PIXELS, MIN_SIDE, check_size, luminance, printable


@pytest.mark.parametrize(("width", "height"), [(MIN_SIDE, MIN_SIDE), (8000, 8000), (MAX_PIXELS // 16, 16)])
def test_sizes_within_the_limits(width: int, height: int) -> None:
    check_size(width, height, MAX_PIXELS)


@pytest.mark.parametrize(
    ("width", "height", "words"),
    [
        (15, 900, "15 x 900 pixels is too small"),
        (900, 0, "900 x 0 pixels is too small"),
        (8001, 8000, "8001 x 8000 pixels is more than the limit of 64,000,000"),
    ],
)
def test_sizes_beyond_them(width: int, height: int, words: str) -> None:
    with pytest.raises(UnreadableImage, match=words):
        check_size(width, height, MAX_PIXELS)


def test_luminance_weighs_colours_as_the_eye_does() -> None:
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [200, 200, 200]]], np.uint8)
    grey = luminance(colours)
    assert grey.dtype == np.float32
    np.testing.assert_allclose(grey, [[76.245, 149.685, 29.07, 200]], atol=1e-3)
    np.testing.assert_array_equal(luminance(np.dstack([colours, colours[..., :1]])), grey)


@given(st.text(), st.integers(0, 40))
def test_text_of_a_file_becomes_one_printable_line(text: str, length: int) -> None:
    line = printable(text, length)
    assert len(line) <= length
    assert line.isprintable()


def test_spaces_are_joined_and_the_unprintable_is_marked() -> None:
    assert printable("  a\n b\tc\x1b[31m ", 20) == "a b c?[31m"
