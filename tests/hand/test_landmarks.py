"""The frame of a hand follows its film through every affine change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boneage.data.phantom import draw
from boneage.hand import landmarks
from boneage.hand.landmarks import (
    LANDMARKS,
    Points,
    after,
    apply,
    fitted,
    invert,
    is_mirrored,
    rotation,
    template,
)


def hands(n: int = 40) -> list[Points]:
    """Landmarks of left hands in pixels."""
    drawn = (draw(np.random.default_rng(seed), size=128) for seed in range(2 * n))
    return [one.landmarks for one in drawn if one.handedness == "left"][:n]


HANDS = hands()
MEAN = template(HANDS)


def test_the_template_holds_nearly_all_hands_upright_with_the_forearm_below() -> None:
    brought = np.array([apply(invert(fitted(MEAN, points)), points) for points in HANDS])
    assert ((brought > -0.02) & (brought < 1.02)).all(axis=(1, 2)).mean() > 0.97
    wrist, tip = MEAN[LANDMARKS.index("wrist")], MEAN[LANDMARKS.index("middle_finger4")]
    assert tip[1] < 0.2 < wrist[1] == pytest.approx(1 - landmarks.FOREARM, abs=0.01)
    assert MEAN[LANDMARKS.index("thumb4"), 0] > MEAN[LANDMARKS.index("pinky_finger4"), 0]


@settings(deadline=None)
@given(
    turn=st.floats(-3.1, 3.1),
    across=st.floats(0.3, 3),
    down=st.floats(0.3, 3),
    mirror=st.booleans(),
    hand=st.integers(0, len(HANDS) - 1),
)
def test_what_the_frame_cuts_out_does_not_depend_on_how_the_film_lies(
    turn: float, across: float, down: float, mirror: bool, hand: int
) -> None:
    cos, sin = np.cos(turn), np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([across * (-1) ** mirror, down])
    change = np.concatenate([linear, [[7], [-3]]], axis=1)
    before, after = fitted(MEAN, HANDS[hand]), fitted(MEAN, apply(change, HANDS[hand]))
    inside = np.random.default_rng(0).uniform(0, 1, (20, 2))
    np.testing.assert_allclose(apply(after, inside), apply(change, apply(before, inside)), atol=1e-6)
    assert is_mirrored(after) == mirror
    assert not is_mirrored(before)


@pytest.mark.parametrize("degrees", [-170, -90, -20, 0, 45, 90, 179])
def test_rotation_is_clockwise_from_upright(degrees: float) -> None:
    turn = np.radians(degrees)
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])  # y down: clockwise
    assert rotation(fitted(MEAN, MEAN @ linear.T)) == pytest.approx(degrees, abs=1e-6)


def test_upright_puts_the_wrist_at_the_origin_and_the_tip_above_it() -> None:
    for points in HANDS[:5]:
        brought = landmarks.upright(points)
        np.testing.assert_allclose(brought[LANDMARKS.index("wrist")], [0, 0], atol=1e-9)
        np.testing.assert_allclose(brought[LANDMARKS.index("middle_finger4")], [0, -1], atol=1e-9)
        assert landmarks.length(brought) == pytest.approx(1)
        assert brought[LANDMARKS.index("thumb4"), 0] > brought[LANDMARKS.index("pinky_finger4"), 0]


def test_a_widened_frame_keeps_its_middle() -> None:
    frame = fitted(MEAN, HANDS[0])
    wide = landmarks.widened(frame, 1.5)
    np.testing.assert_allclose(apply(wide, np.array([[0.5, 0.5]])), apply(frame, np.array([[0.5, 0.5]])))
    np.testing.assert_allclose(apply(wide, np.array([[1.0, 0.0]])), apply(frame, np.array([[1.25, -0.25]])))


def test_two_maps_are_one_after_the_other() -> None:
    point = np.array([[0.3, 0.6]])
    first, then = np.array([[0.5, 0.1, 0.2], [0.0, 2.0, -0.4]]), np.array([[0.1, -0.8, 0.9], [0.7, 0.2, 0.1]])
    np.testing.assert_allclose(apply(after(first, then), point), apply(then, apply(first, point)))
