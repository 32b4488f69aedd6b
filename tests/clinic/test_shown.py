"""The part of a film that was read, in the grey levels of its reading."""

from __future__ import annotations

import numpy as np

from boneage.clinic.answers import Window
from boneage.clinic.shown import in_grey, part_of


def test_a_part_is_cut_out_at_its_place_and_is_never_empty() -> None:
    pixels = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(part_of(pixels, (0.0, 0.0, 1.0, 1.0)), pixels)
    np.testing.assert_array_equal(part_of(pixels, (0.5, 0.0, 1.0, 0.5)), pixels[:2, 3:])
    assert part_of(pixels, (0.5, 0.5, 0.5, 0.5)).shape == (1, 1)


def test_grey_levels_are_those_of_the_window_also_where_bone_is_dark() -> None:
    pixels = np.array([[0.0, 0.25, 0.5, 1.0]])
    assert in_grey(pixels, None).tolist() == [[0, 64, 128, 255]]
    assert in_grey(pixels, Window(black=0.25, white=0.5)).tolist() == [[0, 0, 255, 255]]
    assert in_grey(pixels, Window(black=0.5, white=0.25)).tolist() == [[255, 255, 0, 0]]
    assert in_grey(pixels, Window(black=0.5, white=0.5)).tolist() == [[0, 0, 0, 128]]
