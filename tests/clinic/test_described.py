"""A reading in the service's words: where it was read, in which grey levels, and where its doubts lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydantic", reason="the service needs boneage[serve]")

from hands import hand, pair, predictor

from boneage import Radiograph, Sex, read
from boneage.clinic.answers import HandAnswer
from boneage.clinic.described import described
from boneage.reading.regional import Regional


def answers(film: Radiograph, age: float | None = None) -> list[HandAnswer]:
    hands = predictor().examine_each(film)
    return [described(predictor().read(seen, Sex.FEMALE), seen, film, age) for seen in hands]


def test_a_film_of_one_hand_is_described_whole() -> None:
    (answer,) = answers(read(hand()))
    assert (answer.part, answer.hand, answer.place) == (None, None, (0, 0, 1, 1))
    assert answer.window
    assert 0 <= answer.window.black < answer.window.white
    assert (answer.age_source, answer.chronological_age_months) == ("absent", None)


@pytest.mark.parametrize("turned", [False, True])
def test_two_parts_make_up_the_picture(turned: bool) -> None:
    film = read(pair())
    film = replace(film, pixels=np.ascontiguousarray(np.rot90(film.pixels))) if turned else film
    first, second = answers(film)
    axis = 1 if turned else 0
    assert [first.part, second.part] == (["upper", "lower"] if turned else ["left", "right"])
    assert first.place[2 + axis] == pytest.approx(second.place[axis], abs=1e-6)
    assert (first.place[axis], second.place[2 + axis]) == (0, 1)
    assert (first.film.width, first.film.height) == film.pixels.shape[::-1]


def test_a_doubt_says_where_it_lies_and_one_of_the_sex_does_not() -> None:
    film = read(hand())
    (cut,) = answers(replace(film, pixels=np.ascontiguousarray(film.pixels[60:])))
    where = {flag.code: flag.where for flag in cut.flags}
    assert where["hand_cut_off"]
    assert all(len(point) == 1 and point[0][1] < 0.1 for point in where["hand_cut_off"])
    seen = predictor().examine(film)
    answer = described(predictor().read(seen), seen, film)
    assert {flag.code: flag.where for flag in answer.flags}["sex_unknown"] is None


def test_an_age_that_is_stated_is_exact_and_that_of_a_file_has_its_width() -> None:
    film = replace(read(hand()), chronological_age=138.0, chronological_age_width=6.0)
    (given,), (from_file,) = answers(film, 120), answers(film)
    assert (given.age_source, given.chronological_age_half_width_months) == ("given", None)
    assert (from_file.age_source, from_file.chronological_age_half_width_months) == ("dicom", 6)


def test_ages_by_region_have_names_and_outlines_on_the_film(regions_model: Path) -> None:
    regional, film = Regional.load(regions_model, threads=1), read(hand())
    seen = predictor().examine(film)
    reading = predictor().read(seen, Sex.FEMALE, regional=regional)
    answer = described(reading, seen, film, regional=regional)
    assert reading.regional_ages is not None
    assert answer.regional_ages is not None
    assert (answer.regional_ages.model, answer.regional_ages.meaning) == ("regions", regional.meaning)
    told = {age.region: age for age in answer.regional_ages.ages}
    assert [age.region for age in reading.regional_ages.ages] == list(told)
    assert told["radius_ulna"].name == "radius and ulna"
    assert len(told["carpals"].outlines) == 1
    assert told["short_bones"].outlines == []
    assert all(-0.2 < x < 1.2 and -0.2 < y < 1.2 for age in told.values() for line in age.outlines for x, y in line)
    plain = described(predictor().read(seen, Sex.FEMALE), seen, film, regional=regional)
    assert plain.regional_ages is None
