"""Intraclass correlations, to the digits that are printed of Shrout and Fleiss's table."""

from __future__ import annotations

import numpy as np
import pytest
from published import SHROUT_FLEISS

from boneage.study import icc

PRINTED = {  # Shrout & Fleiss 1979, table 4; intervals by McGraw & Wong's formulas, as R's psych prints them
    "ICC(1)": (0.17, -0.133, 0.72),
    "ICC(A,1)": (0.29, 0.019, 0.76),
    "ICC(C,1)": (0.71, 0.342, 0.95),
    "ICC(k)": (0.44, -0.884, 0.91),
    "ICC(A,k)": (0.62, 0.071, 0.93),
    "ICC(C,k)": (0.91, 0.676, 0.99),
}


def test_mean_squares_of_shrout_and_fleiss() -> None:
    rows, columns, error = icc.mean_squares(SHROUT_FLEISS)
    assert (round(rows, 2), round(columns, 2), round(error, 2)) == (11.24, 32.49, 1.02)


@pytest.mark.parametrize("name", PRINTED)
def test_the_six_coefficients_of_shrout_and_fleiss(name: str) -> None:
    found = icc.of_complete(SHROUT_FLEISS)[name]
    value, low, high = PRINTED[name]
    assert found["value"] == pytest.approx(value, abs=0.005)
    assert round(found["low"], 3) == low
    assert found["high"] == pytest.approx(high, abs=0.005)


def test_names_are_those_of_both_papers() -> None:
    found = icc.named(icc.of_complete(SHROUT_FLEISS))
    assert found["ICC(A,1)"]["shrout_fleiss"] == "ICC(2,1)"
    assert set(found) == set(icc.SHROUT_FLEISS)


def test_the_mean_of_readers_is_more_reliable_and_consistency_ignores_biases() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(0, 20, (80, 1)) + generator.normal(0, 7, (80, 4)) + np.array([0, 0, 0, 30])
    found = icc.of_complete(values)
    assert found["ICC(A,k)"]["value"] > found["ICC(A,1)"]["value"]
    assert found["ICC(C,1)"]["value"] > found["ICC(A,1)"]["value"] + 0.2
    biased = icc.of_complete(values + np.array([5, -5, 9, 2]))
    assert biased["ICC(C,1)"]["value"] == pytest.approx(found["ICC(C,1)"]["value"])


def test_intervals_hold_what_they_say() -> None:
    generator = np.random.default_rng(3)
    truth, held = 55**2 / (55**2 + 2**2 + 6.5**2), []
    for _ in range(600):
        values = generator.normal(0, 55, (50, 1)) + generator.normal(0, 2, 6) + generator.normal(0, 6.5, (50, 6))
        found = icc.of_complete(values)["ICC(A,1)"]
        held.append(found["low"] <= truth <= found["high"])
    assert 0.93 <= np.mean(held) <= 0.97


@pytest.mark.parametrize("second", [[1, 5, 9], [2, 6, 10], [1.2, 5.2, 9.2]])
def test_readers_who_differ_by_a_constant_agree_fully_and_have_no_interval(second: list[float]) -> None:
    found = icc.of_complete(np.column_stack([[1, 5, 9], second]).astype(float))
    assert found["ICC(C,1)"] == {"value": pytest.approx(1.0), "low": None, "high": None}


def test_films_that_are_all_alike_have_no_coefficient() -> None:
    for months in (7.0, 0.1):
        assert icc.of_complete(np.full((7, 3), months))["ICC(A,1)"]["value"] is None


@pytest.mark.parametrize("shape", [(1, 3), (5, 1)])
def test_two_films_and_two_readers_are_the_least(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="two films and two readers"):
        icc.of_complete(np.zeros(shape))
