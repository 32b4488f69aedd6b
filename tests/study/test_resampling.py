"""The bootstrap over films."""

from __future__ import annotations

import numpy as np
import pytest

from boneage.study.resampling import bootstrapped, resampled_sums


def average(sums: np.ndarray) -> dict[str, np.ndarray]:
    return {"mean": sums[..., 1] / sums[..., 0]}


def columns(values: np.ndarray) -> np.ndarray:
    return np.column_stack([np.ones(len(values)), values])


def test_each_resample_has_as_many_films_and_is_drawn_alike_each_time() -> None:
    given = columns(np.arange(20.0))
    first, second = (np.concatenate(list(resampled_sums(given, 50))) for _ in range(2))
    assert first.shape == (50, 2)
    assert (first[:, 0] == 20).all()
    assert (first == second).all()
    assert len(set(first[:, 1])) > 20


def test_many_films_come_in_blocks_that_are_the_same_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    given = columns(np.random.default_rng(0).normal(size=300))
    whole = np.concatenate(list(resampled_sums(given, 40)))
    monkeypatch.setattr("boneage.study.resampling._BLOCK", 900)
    parts = list(resampled_sums(given, 40))
    assert len(parts) == 14
    assert np.concatenate(parts) == pytest.approx(whole)


def test_the_interval_of_a_mean_is_students_and_holds_what_it_says() -> None:
    generator = np.random.default_rng(4)
    held = []
    for _ in range(300):
        values = generator.normal(3, 5, 60)
        found = bootstrapped(columns(values), average, 400)["mean"]
        held.append(found["low"] <= 3 <= found["high"])
        width = found["high"] - found["low"]
        assert width == pytest.approx(2 * 1.96 * values.std(ddof=1) / np.sqrt(60), rel=0.25)
    assert 0.91 <= np.mean(held) <= 0.98


def test_a_skewed_statistic_has_a_skewed_interval() -> None:
    values = np.random.default_rng(0).exponential(1, 40) ** 2
    found = bootstrapped(columns(values), average, 2000)["mean"]
    assert found["high"] - found["value"] > 1.2 * (found["value"] - found["low"])


def test_few_films_have_a_value_and_no_interval() -> None:
    assert bootstrapped(columns(np.array([1.0, 2.0])), average, 100)["mean"] == {
        "value": 1.5,
        "low": None,
        "high": None,
    }


def test_what_is_not_defined_is_none() -> None:
    for films in (0, 9):
        found = bootstrapped(np.zeros((films, 2)), average, 100)["mean"]
        assert found == {"value": None, "low": None, "high": None}
