"""Ranges of ages by region: what they are on films like the calibration films, and that no film helps itself."""

from __future__ import annotations

import json

import numpy as np
import pytest

from boneage.hand.bone_regions import REGIONS, WHOLE, question, questions
from boneage.reading.regional_tables import AGES, LEVEL, RARE, Tables, at_age, differences, fitted
from boneage.types import Sex

Q, CARPALS = len(questions()), question(REGIONS[0].shown)


def scales(labels: np.ndarray) -> np.ndarray:
    """By how much the films of `drawn` err, [n, Q]."""
    return np.where(labels < 120, 3.0, 9.0)[:, None] * np.where(np.arange(Q) == CARPALS, 2.0, 1.0)


def drawn(n: int, seed: int = 0) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], np.ndarray, list[Sex]]:
    """Films whose regions err by themselves, by 3 months at first and by 9 from 120 on; the carpals twice as much."""
    rng = np.random.default_rng(seed)
    labels = rng.uniform(20, 220, n)
    sexes = [Sex.FEMALE if girl else Sex.MALE for girl in rng.random(n) < 0.5]
    scale = scales(labels)
    months = labels[:, None] + rng.normal(0, 1, (n, Q)) * scale
    months[:, CARPALS] += 5.0
    expected = 0.8 * scale  # as a network tells it, which knows that older films are read worse
    return {"known": months, "unknown": months}, {"known": expected, "unknown": expected}, labels, sexes


def test_intervals_hold_their_share_of_other_films_at_every_age() -> None:
    found = fitted(*drawn(1200))
    months, expected, labels, sexes = drawn(3000, seed=1)
    inside = np.empty((len(labels), Q), bool)
    for row, sex in enumerate(sexes):
        ages = months["known"][row]
        half = found.half_widths(float(ages[question(WHOLE)]), expected["known"][row], sex)
        inside[row] = np.abs(ages - labels[row]) <= half
    assert np.all(np.abs(inside.mean(axis=0) - LEVEL) < 0.03)
    for old in (labels < 100, labels > 140):
        assert np.all(np.abs(inside[old].mean(axis=0) - LEVEL) < 0.07)


def test_one_film_in_a_hundred_has_an_unusual_difference() -> None:
    found = fitted(*drawn(1500))
    months, expected, _, sexes = drawn(4000, seed=2)
    gaps = differences(months["known"])
    far = np.empty(gaps.shape, bool)
    for row, sex in enumerate(sexes):
        mean, _, limit = found.differences(float(months["known"][row, 0]), expected["known"][row], sex)
        far[row] = np.abs(gaps[row] - mean) > limit
    assert np.all((far.mean(axis=0) > 0.3 * RARE) & (far.mean(axis=0) < 2.5 * RARE))


def test_the_mean_and_the_spread_of_differences_follow_age_and_region() -> None:
    found = fitted(*drawn(2000))
    for sex in Sex:
        young, old = (found.differences(age, 0.8 * scales(np.array([age]))[0], sex) for age in (70.0, 180.0))
        assert young[0][0] == pytest.approx(5, abs=1.5), "the carpals' own lead"
        assert young[1][0] == pytest.approx(np.hypot(6, 3), rel=0.3)
        assert old[1][0] == pytest.approx(np.hypot(18, 9), rel=0.3)
        assert np.abs(young[0][1]) < 1.5


def test_a_film_that_lets_expect_larger_errors_has_to_differ_more_to_be_unusual() -> None:
    found, expected = fitted(*drawn(400)), np.full(Q, 4.0)
    mean, sd, limit = found.differences(90.0, expected, Sex.MALE)
    for times in (0.25, 4.0):
        other = found.differences(90.0, times * expected, Sex.MALE)
        np.testing.assert_allclose(other[1:], np.array([times * sd, times * limit]))
        assert (other[0] == mean).all(), "a region does not lead by more because it is hard to read"
    worse = expected.copy()
    worse[CARPALS] *= 3
    assert found.differences(90.0, worse, Sex.MALE)[2][0] == pytest.approx(np.sqrt(5) * limit[0])


def test_differences_are_of_a_region_from_all_else() -> None:
    months = np.arange(Q, dtype=float)[None] ** 2
    gaps = differences(months)[0]
    for region, gap in zip(REGIONS, gaps, strict=True):
        assert gap == question(region.shown) ** 2 - question(~region.shown) ** 2
    assert gaps[0] == -gaps[-1], "the rest of radius, ulna and short bones are the carpals"


def test_factors_that_differ_by_chance_are_one_and_those_that_do_not_stay_apart() -> None:
    months, expected, labels, sexes = drawn(1000)
    months = {word: found - 5.0 * (np.arange(Q) == CARPALS) for word, found in months.items()}  # none leads
    alike = fitted(months, expected, labels, sexes)
    for found in (alike.factors["known"], alike.limits["known"]):
        assert found.std() < 0.01 * found.mean()
    surer = {word: found * np.where(np.arange(Q) == CARPALS, 0.25, 1.0) for word, found in expected.items()}
    apart = fitted(months, surer, labels, sexes).factors["known"]
    assert apart[CARPALS] / np.delete(apart, CARPALS).mean() == pytest.approx(2, rel=0.1)


def test_a_film_does_not_make_its_own_range_narrower() -> None:
    """One film alone at its age, far from the others: its own error is not in the average it is held against."""
    months, expected, labels, sexes = drawn(200)
    months["known"][0] += 100.0 + 200.0 - labels[0]
    found, other = fitted(months, expected, labels, sexes), fitted(*drawn(200))
    assert np.all(found.factors["known"] > 0.9 * other.factors["known"])
    assert np.all(found.limits["known"] > 0.9 * other.limits["known"])


def test_the_tables_go_through_json_and_back() -> None:
    found = fitted(*drawn(150))
    again = Tables.from_dict(json.loads(json.dumps(found.to_dict())))
    for name, values in vars(found).items():
        for key, rows in values.items():
            np.testing.assert_allclose(getattr(again, name)[key], rows, atol=1e-3)
    with pytest.raises(KeyError):
        Tables.from_dict({"mean": {}})


def test_between_two_ages_a_table_is_straight() -> None:
    rows = np.stack([np.arange(len(AGES)), np.zeros(len(AGES))]).astype(float)
    np.testing.assert_allclose(at_age(rows, 9.0), [1.5, 0])
    np.testing.assert_allclose(at_age(rows, 999.0), [len(AGES) - 1, 0])


def test_too_few_films_are_refused() -> None:
    with pytest.raises(ValueError, match="99 films are too few"):
        fitted(*drawn(99))
    months, expected, labels, _ = drawn(100)
    for boys in (0, 1):
        sexes = [Sex.MALE] * boys + [Sex.FEMALE] * (100 - boys)
        with pytest.raises(ValueError, match=f"{boys} films of sex male are too few: each is held against the others"):
            fitted(months, expected, labels, sexes)
