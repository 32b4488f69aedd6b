"""Bias, mean absolute and root mean square deviation."""

from __future__ import annotations

import numpy as np
import pytest
from published import MINI, WRIGHT

from boneage.study.deviation import deviations, mean


def test_the_bias_of_1986_to_the_printed_digit() -> None:
    found = mean(WRIGHT[:, 0] - MINI[:, 0], skewed=False)
    assert [round(found[end], 1) for end in ("value", "low", "high")] == [-2.1, -22.0, 17.8]


def test_what_is_measured_is_what_its_name_says() -> None:
    found = deviations(np.array([-3.0, 1.0, 5.0, 1.0]))
    assert (found["n"], found["bias"]["value"], found["mad"]["value"]) == (4, 1.0, 2.5)
    assert found["rmse"]["value"] == pytest.approx(3.0)
    for name in ("bias", "mad", "rmse"):
        assert found[name]["low"] < found[name]["value"] < found[name]["high"]
    assert found["mad"]["low"] >= 0


def test_the_correction_for_skewness_moves_the_interval_towards_the_long_tail() -> None:
    skewed = np.random.default_rng(0).exponential(5, 30)
    plain, corrected = mean(skewed, skewed=False), mean(skewed)
    assert corrected["value"] == plain["value"]
    assert corrected["high"] > plain["high"]
    assert corrected["low"] > plain["low"]
    even = np.concatenate([skewed, -skewed])
    assert mean(even)["high"] == pytest.approx(mean(even, skewed=False)["high"], rel=1e-6)


def test_intervals_of_mad_hold_what_they_say() -> None:
    generator = np.random.default_rng(1)
    truth = 6.5 * np.sqrt(2 / np.pi)
    held = [
        of["low"] <= truth <= of["high"]
        for of in (deviations(generator.normal(0, 6.5, 20))["mad"] for _ in range(1500))
    ]
    assert 0.93 <= np.mean(held) <= 0.97


def test_one_film_has_no_interval_and_none_is_no_number() -> None:
    assert mean(np.array([4.0])) == {"value": 4.0, "low": None, "high": None}
    assert deviations(np.array([-4.0]))["rmse"] == {"value": 4.0, "low": None, "high": None}
    with pytest.raises(ValueError, match="nothing to average"):
        deviations(np.array([]))


def test_differences_that_do_not_vary_have_an_interval_of_no_width() -> None:
    assert mean(np.full(5, 2.0)) == {"value": 2.0, "low": 2.0, "high": 2.0}
