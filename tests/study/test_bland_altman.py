"""Limits of agreement, to the digits that Bland, Altman and Carkeet print."""

from __future__ import annotations

import numpy as np
import pytest
from published import IMPEDANCE, MACHINE, MINI, OBSERVER, VENTRICULOGRAPHY, WRIGHT
from scipy import stats

from boneage.study import bland_altman
from boneage.study.bland_altman import limits, pair_factors, proportional_bias, repeated_limits, within


def test_peak_flow_of_1986() -> None:
    """The paper takes two standard deviations, and rounds before it goes on: 75.5, not 75.4."""
    differences = WRIGHT[:, 0] - MINI[:, 0]
    found = limits(differences, width=2)
    bias, sd = round(float(differences.mean()), 1), round(found["sd"], 1)
    assert (bias, sd) == (-2.1, 38.8)
    assert (round(bias - 2 * sd, 1), round(bias + 2 * sd, 1)) == (-79.7, 75.5)
    assert found["lower"]["value"] == pytest.approx(-79.7, abs=0.06)
    assert found["upper"]["value"] == pytest.approx(75.5, abs=0.1)


def test_repeated_peak_flow_of_1986() -> None:
    wright, mini = within(list(WRIGHT)), within(list(MINI))
    assert wright
    assert mini
    assert [round(np.sqrt(2 * of["variance"]), 1) for of in (wright, mini)] == [21.6, 28.2]
    found = repeated_limits(list(MINI), list(WRIGHT), width=2)
    assert found
    bias, sd = round(found["bias"], 1), round(found["sd"], 1)
    assert (bias, sd) == (-6.0, 37.7)
    assert (round(bias - 2 * sd, 1), round(bias + 2 * sd, 1)) == (-81.4, 69.4)


def test_blood_pressure_of_1999() -> None:
    differences = OBSERVER[:, 0] - MACHINE[:, 0]
    found = limits(differences)
    assert (round(float(differences.mean()), 2), round(found["sd"], 2)) == (-16.29, 19.61)
    assert (round(found["lower"]["value"], 1), round(found["upper"]["value"], 1)) == (-54.7, 22.1)
    near, far = bland_altman.approximate_factors(len(differences))
    bias, sd = float(differences.mean()), found["sd"]
    ends = [bias - far * sd, bias - near * sd, bias + near * sd, bias + far * sd]
    assert ends == pytest.approx([-61.9, -47.5, 14.9, 29.3], abs=0.11)  # the paper takes 1.71 / √n for the root


def test_repeated_blood_pressure_of_1999() -> None:
    found = repeated_limits(list(MACHINE), list(OBSERVER))
    assert found
    own = [within(list(column)) for column in (OBSERVER, MACHINE)]
    assert [round(of["variance"], 3) for of in own if of] == [37.408, 83.141]
    assert (round(found["bias"], 2), round(found["sd"], 2)) == (-15.62, 20.95)
    assert (round(found["lower"]["value"], 2), round(found["upper"]["value"], 2)) == (-56.68, 25.44)
    ends = [found[name][end] for name in ("lower", "upper") for end in ("low", "high")]
    assert [round(end, 1) for end in ends] == [-63.5, -49.9, 18.7, 32.2]


def test_unequal_repeats_of_1999() -> None:
    own = [within(repeats) for repeats in (VENTRICULOGRAPHY, IMPEDANCE)]
    assert [round(of["variance"], 4) for of in own if of] == [0.1072, 0.1379]
    found = repeated_limits(IMPEDANCE, VENTRICULOGRAPHY)
    assert found
    assert round(found["bias"], 4) == 0.7092
    assert [round(found[name]["value"], 1) for name in ("lower", "upper")] == [-1.4, 2.8]


@pytest.mark.parametrize(
    ("freedom", "printed"),
    [
        (1, (0.9744, 73.0772)),
        (4, (1.2397, 6.1569)),
        (16, (1.4900, 3.0824)),
        (50, (1.6530, 2.4637)),
        (74, (1.6982, 2.3534)),
    ],
)
def test_carkeets_table_of_factors_for_the_pair_of_limits(freedom: int, printed: tuple[float, float]) -> None:
    found = pair_factors(freedom + 1, float(stats.norm.ppf(0.975)))
    assert tuple(round(factor, 4) for factor in found) == printed


def test_exact_limits_are_tighter_inside_than_outside_and_meet_the_approximate_ones_at_100_pairs() -> None:
    near, far = bland_altman.exact_factors(17)
    assert 1.96 - near < far - 1.96
    exact, approximate = bland_altman.exact_factors(100), bland_altman.approximate_factors(100)
    assert exact == pytest.approx(approximate, abs=0.06)


@pytest.mark.parametrize(("n", "method", "paired"), [(99, "exact", True), (100, "approximate", False)])
def test_the_report_says_which_method_it_used(n: int, method: str, paired: bool) -> None:
    found = limits(np.random.default_rng(0).normal(0, 7, n))
    assert found["method"].startswith(method)
    assert ("pair" in found) == paired
    assert found["lower"]["low"] < found["lower"]["value"] < found["lower"]["high"] < found["upper"]["low"]


def test_confidence_limits_hold_what_they_say() -> None:
    generator = np.random.default_rng(2)
    found = [limits(generator.normal(1, 6, 17))["upper"] for _ in range(2000)]
    truth = 1 + bland_altman.WIDTH * 6
    assert 0.93 <= np.mean([of["low"] <= truth <= of["high"] for of in found]) <= 0.97


def test_a_slope_is_found_where_the_bias_grows_with_age() -> None:
    generator = np.random.default_rng(0)
    ages = generator.uniform(20, 200, 300)
    found = proportional_bias(ages, ages * 0.9 + generator.normal(0, 3, 300))
    assert found["high"] < 0
    assert found["value"] == pytest.approx(-0.1 / 0.95, abs=0.01)
    none = proportional_bias(ages, ages + generator.normal(0, 3, 300))
    assert none["low"] < 0 < none["high"]
    assert proportional_bias(np.ones(5), np.ones(5))["value"] is None


def test_without_repeats_there_is_no_error_of_a_reader() -> None:
    once = [np.array([1.0]), np.array([2.0])]
    assert within(once) is None
    assert repeated_limits(once, once) is None
    assert limits(np.array([3.0]))["sd"] is None
