"""Intervals: what they promise on films like those that set them, and the numbers they are judged by."""

from __future__ import annotations

import numpy as np
import pytest
from honest import sample

from boneage.reading.intervals import (
    AGES,
    LEVELS,
    around,
    blended,
    bounds,
    factors,
    usual_errors,
)
from boneage.types import Sex


def test_the_factor_is_the_conformal_rank() -> None:
    found = factors(np.arange(1.0, 100.0), np.ones(99))
    assert found == {"0.5": 50, "0.8": 80, "0.9": 90}


def test_too_few_films_are_refused() -> None:
    factors(np.arange(9.0), np.ones(9))
    with pytest.raises(ValueError, match="8 films are too few"):
        factors(np.arange(8.0), np.ones(8))


def test_new_films_of_the_same_kind_are_covered() -> None:
    labels, months, expected_errors = sample(600, 1)
    known = factors(months - labels, expected_errors)
    labels, months, expected_errors = sample(20_000, 2)
    for level in LEVELS:
        low, high = bounds(months, expected_errors, known[f"{level:g}"])
        assert np.mean((low <= labels) & (labels <= high)) == pytest.approx(level, abs=0.04)


def test_no_age_is_below_zero() -> None:
    low, high = bounds(np.array([5.0]), np.array([4.0]), 2.0)
    assert (low.item(), high.item()) == (0, 13)
    assert [(one.low, one.high) for one in around(-9.0, 4.0, {"0.9": 2.0})] == [(0, 0)]


def test_the_usual_error_is_that_around_an_age() -> None:
    rng = np.random.default_rng(0)
    ages = rng.uniform(0, 240, 4000)
    sexes = [Sex.FEMALE, Sex.MALE] * 2000
    errors = np.where(ages < 120, 5.0, 15.0) * rng.choice([-1, 1], 4000)
    errors[1::2] = 8.0
    usual = usual_errors(ages, errors, sexes)
    assert set(usual) == {"female", "male"}
    assert len(usual["female"]) == len(AGES)
    assert set(usual["male"]) == {8.0}
    girls = dict(zip(AGES, usual["female"], strict=True))
    assert girls[90] == pytest.approx(5, abs=0.01)
    assert girls[150] == pytest.approx(15, abs=0.01)
    assert girls[120] == pytest.approx(10, abs=1.5)
    with pytest.raises(ValueError, match="no film of a male hand"):
        usual_errors(ages[:1], errors[:1], sexes[:1])


def test_an_age_beyond_all_films_has_the_error_of_the_nearest() -> None:
    usual = usual_errors(np.array([100.0, 110, 100]), np.array([4.0, 9, 1]), [Sex.FEMALE, Sex.FEMALE, Sex.MALE])
    assert (usual["female"][0], usual["female"][-1]) == (4.0, 9.0)


def test_a_spread_takes_the_shape_of_the_usual_error() -> None:
    usual = {"female": np.full(len(AGES), 4.0), "male": np.linspace(0, 240, len(AGES))}
    ages = np.array([100.0, 100, 100])
    expected_errors = blended(np.array([9.0, 9, 9]), ages, [Sex.FEMALE, Sex.MALE, Sex.UNKNOWN], usual)
    assert expected_errors == pytest.approx([6.0, 30.0, np.sqrt(9 * 52)])
