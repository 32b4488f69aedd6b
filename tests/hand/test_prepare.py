"""The one path from film to the network's pixels: the same hand gives the same bytes at any size and aspect."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from clean_hand import BYTES, HAND, SPEC, difference, film, hand, prepared, resized
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from boneage.hand.prepare import analyse, render


def test_the_hand_is_bright_on_black_and_fills_the_range() -> None:
    assert BYTES.shape == (128, 128)
    assert BYTES.dtype == np.uint8
    assert np.median(BYTES) < 10
    assert 170 < np.percentile(BYTES, 99) < 250


def test_another_hand_is_another_picture() -> None:
    assert difference(BYTES, prepared(hand(months=40))) > 8


@pytest.mark.parametrize(("width", "height"), [(256, 180), (200, 256), (140, 256)])
def test_a_squashed_twin_gives_nearly_the_same_bytes(width: int, height: int) -> None:
    assert difference(BYTES, prepared(resized(HAND, width, height))) < 1.5


@pytest.mark.parametrize("longest", [1024, 3000])
def test_a_native_film_and_its_thumbnail_are_treated_alike(longest: int) -> None:
    native = cv2.resize(HAND, (longest * 4 // 5, longest), interpolation=cv2.INTER_LINEAR)
    assert difference(prepared(native), prepared(resized(native, 299, 299))) < 1.0


@pytest.mark.parametrize("degrees", [-25, 15, 30])
def test_the_black_beyond_a_turned_film_is_not_its_background(degrees: float) -> None:
    close = resized(HAND[16:-16, 16:-16], 256, 256)  # the hand near the film's edges
    fogged = 0.4 + 0.5 * close  # brighter than what lies around the film
    matrix = cv2.getRotationMatrix2D((128.0, 128.0), degrees, 0.72)
    turned = cv2.warpAffine(fogged, matrix, (256, 256), flags=cv2.INTER_LINEAR, borderValue=0.0)
    upright, found = prepared(fogged, hand=True), prepared(turned, hand=True)
    assert np.median(found) < 40
    assert difference(upright[32:-32, 32:-32], found[32:-32, 32:-32]) < 20


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("how", ["squash", "pad", "crop"])
@pytest.mark.parametrize("hand", [False, True])
def test_a_constant_film_is_one_grey(level: float, how: str, hand: bool) -> None:
    assert len(np.unique(prepared(np.full((90, 60), level), fit=how, hand=hand))) == 1


@pytest.mark.parametrize("shape", [(16, 16), (16, 300), (300, 16), (3000, 2400)])
@pytest.mark.parametrize("how", ["squash", "pad", "crop"])
def test_films_of_any_size_become_the_networks(shape: tuple[int, int], how: str) -> None:
    pixels = prepared(resized(HAND, shape[1], shape[0]), fit=how, size=96)
    assert pixels.shape == (96, 96)
    assert pixels.dtype == np.uint8


@settings(max_examples=60, deadline=None)
@given(
    pixels=arrays.arrays(
        np.float32,
        st.tuples(st.integers(16, 70), st.integers(16, 70)),
        elements=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]).map(np.float32),
        fill=st.sampled_from([0.0, 0.5, 1.0]).map(np.float32),
    ),
    how=st.sampled_from(["squash", "pad", "crop"]),
    hand=st.booleans(),
    size=st.sampled_from([16, 45, 224]),
)
def test_any_pixels_give_a_square_of_bytes_and_the_film_stays_as_it_was(
    pixels: np.ndarray, how: str, hand: bool, size: int
) -> None:
    before = pixels.copy()
    square = prepared(pixels, fit=how, hand=hand, size=size)
    assert square.shape == (size, size)
    assert square.dtype == np.uint8
    np.testing.assert_array_equal(pixels, before)


def test_look_and_render_are_the_two_halves() -> None:
    np.testing.assert_array_equal(render(film(HAND), analyse(HAND, SPEC), SPEC), BYTES)
