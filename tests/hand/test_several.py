"""Two hands in one picture: told apart where there are two, and one hand is never taken for two."""

from __future__ import annotations

import numpy as np
import pytest
from odd_films import HAND, SIDE, film, hand, noise

from boneage.hand import several
from boneage.hand.prepare import analyse
from boneage.hand.several import SPEC, parts, seam

OTHER = hand(2, 80)


def beside(first: np.ndarray, second: np.ndarray, grey: float | None) -> np.ndarray:
    strip = [] if grey is None else [np.full((SIDE, 8), grey, np.float32)]
    return np.ascontiguousarray(np.hstack([first, *strip, second]), np.float32)


@pytest.mark.parametrize("grey", [None, 0, 1])
def test_two_films_beside_each_other_are_divided_between_them(grey: float | None) -> None:
    where = seam(beside(HAND, OTHER[:, ::-1], grey))
    assert where is not None
    assert where.axis == 1
    assert abs(where.at - 0.5) < 0.11


def test_two_films_one_below_the_other_are_divided_between_them() -> None:
    where = seam(np.ascontiguousarray(np.vstack([HAND, OTHER])))
    assert where is not None
    assert where.axis == 0
    assert abs(where.at - 0.5) < 0.11


@pytest.mark.parametrize("pixels", [HAND, HAND[:, ::-1], HAND.T, OTHER, np.pad(HAND, ((0, 0), (0, SIDE)))])
def test_one_hand_is_one(pixels: np.ndarray) -> None:
    assert seam(np.ascontiguousarray(pixels)) is None


@pytest.mark.parametrize("pixels", [np.zeros((1, 1), np.float32), np.zeros((3, 400), np.float32)])
def test_a_picture_too_small_for_two_hands_holds_none(pixels: np.ndarray) -> None:
    assert seam(pixels) is None


def test_a_hand_beside_noise_is_one() -> None:
    assert seam(beside(HAND, noise(np.random.default_rng(1)), None)) is None


def test_what_was_found_before_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    found = analyse(HAND, SPEC)
    monkeypatch.delattr(several, "analyse")
    assert seam(HAND, found) is None


def test_each_part_is_named_by_its_place_and_has_no_side_of_its_own() -> None:
    picture = film(beside(HAND, OTHER, None), laterality="L")
    first, second = parts(picture, several.Seam(1, 0.5))
    assert (first.part, second.part) == ("left", "right")
    assert first.laterality is second.laterality is None
    assert np.array_equal(first.pixels, HAND)
    assert np.array_equal(second.pixels, OTHER)
    upper, lower = parts(picture, several.Seam(0, 0.25))
    assert (upper.part, lower.part) == ("upper", "lower")
    assert upper.pixels.shape[0] * 3 == lower.pixels.shape[0]
