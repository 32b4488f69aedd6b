"""Cutting and fitting films: aspects, fills and means."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from clean_hand import HAND, prepared, resized

from boneage.hand.geometry import fit


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
