"""The figures of the agreement report."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from boneage.evaluation import drawing
from boneage.study import agree_plots
from boneage.study.agree import agreed_months, measure
from boneage.study.ratings import Ratings
from boneage.types import Sex


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(drawing, "DPI", 100)


def rated(readers: int, films: int = 12) -> Ratings:
    generator = np.random.default_rng(0)
    values = generator.uniform(30, 200, (films, 1)) + generator.normal(0, 6, (films, readers))
    names = tuple(f"人 reader {number} {'long ' * number}" for number in range(readers))
    ids = tuple(map(str, range(films)))
    return Ratings(ids, names, values[:, :, None], frozenset(names[-1:]), (Sex.FEMALE, Sex.MALE) * (films // 2))


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def has(pixels: np.ndarray, colour: str) -> bool:
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return bool((np.abs(pixels.astype(int) - wanted).max(axis=-1) < 60).any())


@pytest.mark.parametrize("readers", [2, 11])
def test_any_number_of_readers_can_be_drawn(readers):
    ratings = rated(readers)
    agreed = agreed_months(ratings)
    drawn = agree_plots.draw(ratings, agreed.months, measure(ratings, agreed, resamples=100))
    assert tuple(drawn) == agree_plots.NAMES
    for png in drawn.values():
        assert picture(png).std() > 5


def test_readers_and_programs_and_sexes_have_their_colours():
    ratings = rated(3)
    agreed = agreed_months(ratings)
    drawn = agree_plots.draw(ratings, agreed.months, measure(ratings, agreed, resamples=100))
    for colour, _ in drawing.MODELS[:2]:
        assert has(picture(drawn["readers.png"]), colour)
    for sex in (Sex.FEMALE, Sex.MALE):
        assert has(picture(drawn["bland_altman.png"]), drawing.SEXES[sex][0])


def test_a_pair_without_a_film_in_common_is_left_white():
    values = np.array([[100.0, np.nan, 101], [np.nan, 90, 95], [np.nan, 80, 84], [70, np.nan, 66]])
    ratings = Ratings(("1", "2", "3", "4"), ("a", "b", "c"), values[:, :, None])
    found = measure(ratings, agreed_months(ratings), resamples=100)
    assert [pair["found"] is None for pair in found["pairs"]] == [True, False, False]
    assert picture(agree_plots.pairs(ratings.readers, found["pairs"])).std() > 5
