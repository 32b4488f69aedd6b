"""The table of hand landmarks in a data folder: where each of the 21 lies on each film."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..config import PrepareConfig
from ..errors import BadTable
from ..hand.landmarks import LANDMARKS, Points
from ..hand.prepare import analyse
from ..images.guarded import read
from ..table import number, records_of
from .dataset import Sample
from .pipeline import Sizes

LANDMARK_TABLE = "hand_keypoints.csv"


def read_landmarks(path: Path) -> dict[str, Points]:
    """The landmarks of each film by id, float64 [21, 2] in pixels, from a table with the columns ``id``, ``wrist_x``, …

    Raises:
        BadTable: with the table, the line and what is wrong there.
    """
    header, records = records_of(path)
    columns = [f"{name}_{axis}" for name in LANDMARKS for axis in "xy"]
    missing = [name for name in ("id", *columns) if name not in header]
    if missing:
        raise BadTable(f"{path} has no column {missing[0]}")
    found: dict[str, Points] = {}
    for line, row in records:
        try:
            values = np.array([number(row[name]) for name in columns])
        except (KeyError, ValueError):
            raise BadTable(f"{path}, line {line}: each landmark should be a number") from None
        found[row["id"]] = values.reshape(-1, 2)
    return found


def placed(sample: Sample, landmarks: Mapping[str, Points], sizes: Sizes, spec: PrepareConfig) -> Points:
    """A film's landmarks as fractions of the sides of the film as it is prepared, float64 [21, 2].

    Args:
        sample: the film.
        landmarks: of each film by id, in pixels of the film or of its original.
        sizes: the originals' (width, height) by id, where they are not the film's own.
        spec: how the film is prepared: in one piece, without looking for the hand.

    Raises:
        UnreadableImage: for what is no film.
    """
    film = read(sample.path or "").pixels
    points = landmarks[sample.id] / np.array(sizes.get(sample.id, film.shape[::-1]))
    top, bottom, left, right = analyse(film, spec).box
    return (points - [left, top]) / [right - left, bottom - top]
