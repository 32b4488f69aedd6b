"""Every change leaves a film a film, and another one; a worker can make them all."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from boneage.config import PrepareConfig
from boneage.data.dataset import open_folder
from boneage.data.phantom import draw
from boneage.data.pipeline import each_film
from boneage.evaluation.changes import CHANGES, Change, ChangedFilm, in_every_form, rotated

FILM = draw(np.random.default_rng(1), size=200).pixels.astype(np.float32) / 255


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_a_changed_film_is_a_film_and_another_one(change: Change) -> None:
    before = FILM.copy()
    after = change.of(FILM)
    assert after.ndim == 2
    assert np.isfinite(after).all()
    assert 0 <= after.min() < after.max() <= 1
    assert after.shape != FILM.shape or np.abs(after - FILM).mean() > 0.001
    np.testing.assert_array_equal(FILM, before)


def test_names_are_unique() -> None:
    assert len({change.name for change in CHANGES}) == len(CHANGES)


def test_a_quarter_turn_is_clockwise_and_loses_nothing() -> None:
    wide = FILM[:150]
    turned = rotated(wide, 90)
    assert turned.shape == (200, 150)
    assert np.abs(turned[2:-2, 2:-2] - np.rot90(wide, -1)[2:-2, 2:-2]).mean() < 0.02


def test_a_worker_sees_the_same_in_every_form(films: Path) -> None:
    samples = open_folder(films).samples[:2]
    work = partial(in_every_form, spec=PrepareConfig(size=64, hand=True), changes=CHANGES)
    for sample, film in zip(samples, each_film(work, samples, workers=2), strict=True):
        assert isinstance(film, ChangedFilm)
        here = work(sample)
        assert film.pixels.shape == (1 + len(CHANGES), 64, 64)
        assert film.sex is sample.sex
        for name in ("pixels", "lost", "warned"):
            np.testing.assert_array_equal(getattr(film, name), getattr(here, name))
