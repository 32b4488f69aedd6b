"""Views: first the film itself, then turned, nearer and farther as stated."""

from __future__ import annotations

import numpy as np
import pytest

from boneage.hand.views import VIEWS, Part, views

FILM = np.zeros((1, 65, 65), np.uint8)
FILM[0, 31:34, 50:53] = 200  # a dot right of the middle


def centre(film: np.ndarray) -> tuple[float, float]:
    """Row and column of the brightness' middle, from the film's."""
    rows, columns = np.nonzero(film)
    weights = film[rows, columns] / film.sum(dtype=float)
    return float((rows * weights).sum()) - 32, float((columns * weights).sum()) - 32


def test_the_first_look_is_the_film() -> None:
    assert [one is FILM for one in views(FILM, 1)] == [True]
    assert len(list(views(FILM, len(VIEWS)))) == len(VIEWS)


def test_no_film_is_no_film() -> None:
    assert all(one.shape == (0, 8, 8) for one in views(np.zeros((0, 8, 8), np.uint8), 5))


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_a_look_is_nearer_or_turned_as_it_says(number: int) -> None:
    side, degrees = VIEWS[number]
    row, column = centre(list(views(FILM, number + 1))[-1][0])
    assert np.hypot(row, column) == pytest.approx(19 / side, abs=0.3)
    assert np.degrees(np.arctan2(row, column)) == pytest.approx(degrees, abs=1)


def test_each_part_is_turned_about_its_own_middle() -> None:
    """Beside the dot's own film lies a flat one: it stays flat, and nothing of the dot comes over."""
    both = np.concatenate([FILM, np.full_like(FILM, 90)], axis=2)
    parts = (Part(slice(0, 65), slice(0, 65)), Part(slice(0, 65), slice(65, 130), mirrored=True))
    for alone, seen in zip(views(FILM, len(VIEWS)), views(both, len(VIEWS), parts), strict=True):
        assert (seen[:, :, :65] == alone).all()
        assert (seen[:, :, 65:] == 90).all()
