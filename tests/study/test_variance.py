"""Variance components of tables with gaps."""

from __future__ import annotations

import numpy as np
import pytest
from published import SHROUT_FLEISS

from boneage.study import icc, variance


def rated(n: int, seed: int = 0, gaps: float = 0.0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    values = generator.normal(0, 20, (n, 1)) + np.array([-3.0, 0.0, 1.0, 4.0]) + generator.normal(0, 6, (n, 4))
    values[generator.uniform(size=values.shape) < gaps] = np.nan
    return values


@pytest.mark.parametrize("values", [SHROUT_FLEISS, rated(40)])
def test_without_gaps_it_is_the_analysis_of_variance(values: np.ndarray) -> None:
    exact, found = icc.of_complete(values), variance.of_incomplete(values)
    for name, of in found.items():
        assert of["value"] == pytest.approx(exact[name]["value"], abs=1e-9)


def test_gaps_leave_the_estimates_where_they_were() -> None:
    found = variance.of_incomplete(rated(20_000, gaps=0.4))
    assert found["ICC(C,1)"]["value"] == pytest.approx(400 / 436, abs=0.003)
    assert found["ICC(A,1)"]["value"] == pytest.approx(400 / (436 + np.var([-3, 0, 1, 4], ddof=1)), abs=0.003)


def test_a_film_of_one_rating_and_an_unrated_one_do_no_harm() -> None:
    values = rated(60, gaps=0.2)
    more = np.vstack([values, np.full((1, 4), np.nan)])
    assert variance.of_incomplete(more) == variance.of_incomplete(values)


def test_an_interval_that_would_reach_the_pole_is_none() -> None:
    values = np.repeat(np.arange(7.0)[:, None] * 10, 3, axis=1)
    values[0, 0], values[6, 1] = np.nan, 3.0  # all agree but on the last film
    for of in variance.of_incomplete(values).values():
        assert of["value"] is not None
        assert (of["low"] is None) == (of["high"] is None)


def test_films_that_nobody_rated_have_no_variance() -> None:
    found = variance.of_incomplete(np.full((7, 3), np.nan))
    assert all(of == {"value": None, "low": None, "high": None} for of in found.values())


def test_films_that_are_all_alike_have_no_variance() -> None:
    values = np.full((9, 3), 0.1)
    values[0, 0] = np.nan
    assert variance.of_incomplete(values)["ICC(C,1)"]["value"] is None


def test_readers_whom_no_film_connects_have_no_variance_in_common() -> None:
    values = rated(20)
    values[:10, 2:], values[10:, :2] = np.nan, np.nan
    assert variance.of_incomplete(values)["ICC(A,1)"] == {"value": None, "low": None, "high": None}


def test_the_interval_is_the_same_each_time_and_holds_the_value() -> None:
    values = rated(80, gaps=0.2)
    first, second = (variance.of_incomplete(values) for _ in range(2))
    assert first == second
    for of in first.values():
        assert of["low"] < of["value"] < of["high"]
