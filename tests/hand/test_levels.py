"""Borders go, bone is bright, and the contrast is settled, however a film was framed or exposed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from clean_hand import BYTES, HAND, SPEC, difference, prepared

from boneage.data.phantom import draw
from boneage.hand.geometry import WHOLE
from boneage.hand.prepare import analyse


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


def test_a_bright_marker_changes_the_rest_little() -> None:
    marked = HAND.copy()
    marked[20:36, 8:20] = 1.0
    elsewhere = np.ones((128, 128), bool)
    elsewhere[8:20, 2:12] = False
    assert np.abs(BYTES.astype(float) - prepared(marked))[elsewhere].mean() < 2
