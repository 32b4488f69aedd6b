"""Landmarks by film, from a table; and where they lie on the prepared film."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from boneage.config import PrepareConfig
from boneage.data.dataset import Sample
from boneage.data.landmark_table import LANDMARK_TABLE, placed, read_landmarks
from boneage.data.phantom import write_folder
from boneage.errors import BadTable
from boneage.types import Sex


def test_a_table_of_landmarks_is_read_and_a_wrong_one_named(tmp_path: Path) -> None:
    table = write_folder(tmp_path / "films", 3, seed=2, size=64) / LANDMARK_TABLE
    found = read_landmarks(table)
    assert found.keys() == {"1", "2", "3"}
    assert found["2"].shape == (21, 2)
    text = table.read_text()
    table.write_text(text.replace("wrist_x", "wrist"))
    with pytest.raises(BadTable, match="no column wrist_x"):
        read_landmarks(table)
    header, first, *_ = text.splitlines()
    table.write_text(f"{header}\n{first.rpartition(',')[0]},here\n")
    with pytest.raises(BadTable, match="line 2: each landmark should be a number"):
        read_landmarks(table)


def test_landmarks_are_placed_within_the_borders_of_the_film(tmp_path: Path) -> None:
    """A film of 200 × 100 within a white frame of a tenth of each side, whose original was twice as large."""
    film = np.full((100, 200), 255, np.uint8)
    film[10:90, 20:180] = np.random.default_rng(0).integers(10, 120, (80, 160))
    cv2.imwrite(str(tmp_path / "1.png"), film)
    sample = Sample("1", tmp_path / "1.png", None, Sex.UNKNOWN, "1", None)
    points = np.tile([200.0, 100.0], (21, 1))
    points[0] = [40, 20]
    found = placed(sample, {"1": points}, {"1": (400, 200)}, PrepareConfig(size=64))
    assert found.shape == (21, 2)
    np.testing.assert_allclose(found[1:], 0.5, atol=0.02)
    np.testing.assert_allclose(found[0], 0, atol=0.02)
