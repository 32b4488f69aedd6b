"""The one path from film to the network's pixels: the same hand gives the same bytes, however it was exposed or cut."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from boneage.config import PrepareConfig
from boneage.data.phantom import draw
from boneage.hand.prepare import WHOLE, analyse, fit, prepare, render
from boneage.types import Radiograph, Sex

SPEC = PrepareConfig(size=128)
FOG = np.float32(0.25)  # of the background around the hand


def hand(months: float = 100, size: int = 256) -> np.ndarray:
    """A clean hand on fogged film, float32 [size, size]: frames of any brightness can be told from its background."""
    pixels = draw(np.random.default_rng(3), months=months, sex=Sex.FEMALE, size=size, plain=True).pixels
    return FOG + (0.9 - FOG) * (pixels / np.float32(255))


def film(pixels: np.ndarray) -> Radiograph:
    return Radiograph(np.ascontiguousarray(pixels, np.float32), "hand.png", "0" * 64, "PNG")


def prepared(pixels: np.ndarray, **changes: object) -> np.ndarray:
    return prepare(film(pixels), PrepareConfig(**{"size": 128, **changes}))  # type: ignore[arg-type]


def resized(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference in grey levels of 255."""
    return float(np.abs(one.astype(float) - other.astype(float)).mean())


HAND = hand()
BYTES = prepared(HAND)


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


@pytest.mark.parametrize("level", [0.0, 1.0], ids=["black", "white"])
@pytest.mark.parametrize("widths", [((10, 6), (12, 20)), ((0, 0), (25, 0)), ((30, 30), (30, 30))], ids=str)
def test_borders_are_removed(level: float, widths: tuple[tuple[int, int], tuple[int, int]]) -> None:
    framed = np.pad(HAND, widths, constant_values=level)
    (above, below), (before, behind) = widths
    height, width = framed.shape
    top, bottom, left, right = analyse(framed, SPEC).box
    assert [top * height, left * width] == pytest.approx([above, before], abs=4)
    assert [bottom * height, right * width] == pytest.approx([height - below, width - behind], abs=4)
    assert difference(BYTES, prepared(framed)) < 7


def test_a_frame_within_a_frame_is_removed() -> None:
    framed = np.pad(np.pad(HAND, 14, constant_values=0.0), 14, constant_values=1.0)
    assert difference(BYTES, prepared(framed)) < 7


def test_a_film_without_borders_is_left_whole() -> None:
    assert analyse(HAND, SPEC).box == WHOLE


def test_an_inverted_film_is_put_right() -> None:
    assert not analyse(HAND, SPEC).inverted
    assert analyse(1 - HAND, SPEC).inverted
    assert difference(BYTES, prepared(1 - HAND)) < 1


@pytest.mark.parametrize("seed", [12, 16, 26, 38])
def test_a_film_on_a_grey_sheet_is_no_inverted_one(seed: int) -> None:
    """The sheet is brighter than the hand's middle, as the background of an inverted film is."""
    hand = draw(np.random.default_rng(seed), months=40 + 4 * seed, size=170).pixels / np.float32(255)
    sheet = np.pad(hand, ((60, 70), (60, 70)), constant_values=0.3)
    for turned in (sheet, sheet[::-1, ::-1]):
        upright = np.ascontiguousarray(turned)
        assert not analyse(upright, replace(SPEC, hand=True)).inverted
        assert analyse(1 - upright, replace(SPEC, hand=True)).inverted


def test_a_white_frame_alone_does_not_make_a_film_inverted() -> None:
    assert not analyse(np.pad(HAND, 16, constant_values=1.0), SPEC).inverted


@pytest.mark.parametrize("black", [0.0, 0.4, 0.85])
def test_thirty_grey_levels_are_settled(black: float) -> None:
    faint = np.round(255 * (black + HAND * 30 / 255)) / 255
    assert len(np.unique(faint)) <= 31
    assert difference(BYTES, prepared(faint)) < 3


@pytest.mark.parametrize("degrees", [-25, 15, 30])
def test_the_black_beyond_a_turned_film_is_not_its_background(degrees: float) -> None:
    close = resized(HAND[16:-16, 16:-16], 256, 256)  # the hand near the film's edges
    fogged = 0.4 + 0.5 * close  # brighter than what lies around the film
    matrix = cv2.getRotationMatrix2D((128.0, 128.0), degrees, 0.72)
    turned = cv2.warpAffine(fogged, matrix, (256, 256), flags=cv2.INTER_LINEAR, borderValue=0.0)
    upright, found = prepared(fogged, hand=True), prepared(turned, hand=True)
    assert np.median(found) < 40
    assert difference(upright[32:-32, 32:-32], found[32:-32, 32:-32]) < 20


def test_a_bright_marker_changes_the_rest_little() -> None:
    marked = HAND.copy()
    marked[20:36, 8:20] = 1.0
    elsewhere = np.ones((128, 128), bool)
    elsewhere[8:20, 2:12] = False
    assert np.abs(BYTES.astype(float) - prepared(marked))[elsewhere].mean() < 2


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


def disc() -> np.ndarray:
    """A bright disc of 60 pixels across in the middle of a wide film, [120, 240]."""
    canvas = np.zeros((120, 240), np.float32)
    cv2.circle(canvas, (120, 60), 30, 1.0, cv2.FILLED)
    return canvas


def sides(square: np.ndarray) -> tuple[int, int]:
    """Height and width of what is bright."""
    rows, columns = np.nonzero(square > 0.5)
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


@pytest.mark.parametrize(
    ("how", "height", "width"), [("squash", 60, 30), ("pad", 30, 30), ("crop", 60, 60)], ids=lambda v: str(v)
)
def test_pad_and_crop_keep_the_aspect_and_squash_does_not(how: str, height: float, width: float) -> None:
    assert sides(fit(disc(), 120, how, fill=0.0)) == pytest.approx((height, width), abs=1.5)


def test_padding_is_filled_with_what_becomes_black() -> None:
    wide = prepared(resized(HAND, 256, 128), fit="pad")
    assert wide[:28].max() <= 2
    assert wide[-28:].max() <= 2


def test_enlarging_and_shrinking_keep_the_mean() -> None:
    for size in (64, 512):
        assert fit(HAND, size, "squash", 0.0).mean() == pytest.approx(HAND.mean(), abs=2e-3)
