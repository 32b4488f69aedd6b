"""What a reading says of the bone age: quantiles, and what they carry through a step."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage.growth.distribution import ages, bone_ages, mixture_range, normal_intervals, pairs, scores
from boneage.types import Interval

WIDE = (Interval(0.5, 115.0, 126.0), Interval(0.8, 108.0, 134.0), Interval(0.9, 100.0, 141.0))


def test_scores_are_the_middles_of_equally_likely_parts() -> None:
    assert scores(4) == pytest.approx([-1.15035, -0.31864, 0.31864, 1.15035], abs=1e-5)
    assert scores(61).std() == pytest.approx(1, abs=0.02)


def test_the_ends_of_the_intervals_are_the_quantiles() -> None:
    z = np.array([NormalDist().inv_cdf(share) for share in (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)])
    found = bone_ages(120.5, WIDE, z)
    assert found == pytest.approx([100, 108, 115, 120.5, 126, 134, 141])


def test_beyond_the_outermost_it_goes_on_as_between_the_last_two() -> None:
    z80, z90 = (NormalDist().inv_cdf(share) for share in (0.9, 0.95))
    found = bone_ages(120.5, WIDE, np.array([2 * z90 - z80]))
    assert found == pytest.approx([148])


def test_a_normal_error_gives_its_own_quantiles_and_no_bone_age_is_below_zero() -> None:
    z = np.linspace(-3, 3, 13)
    assert bone_ages(120, normal_intervals(120, 8), z) == pytest.approx(120 + 8 * z)
    assert bone_ages(5, normal_intervals(5, 8), z).min() == 0


def test_without_intervals_there_is_one_bone_age() -> None:
    assert bone_ages(120, None, np.linspace(-1, 1, 3)).tolist() == [120, 120, 120]
    bones, calendar = pairs(120, None, 130, 0)
    assert (bones.tolist(), calendar.tolist()) == ([120], [130])


def test_one_interval_is_enough() -> None:
    half = NormalDist().inv_cdf(0.95)
    assert bone_ages(120, [Interval(0.9, 100, 140)], np.array([-half, half, 2 * half])) == pytest.approx(
        [100, 140, 160]
    )


def test_ages_fill_the_width_evenly() -> None:
    found = ages(126, 6)
    assert (found.mean(), ages(126, 0).tolist()) == (pytest.approx(126), [126])
    assert 120 < found[0] < 121
    assert np.ptp(np.diff(found)) == pytest.approx(0, abs=1e-9)


def test_pairs_are_of_every_bone_age_with_every_age() -> None:
    bones, calendar = pairs(120, WIDE, 126, 6)
    assert len(bones) == len(set(zip(bones, calendar, strict=True))) == len(ages(126, 6)) * len(set(bones))


def test_the_range_of_one_normal_is_its_own() -> None:
    z90 = NormalDist().inv_cdf(0.95)
    assert mixture_range(np.array([170.0]), np.array([4.0])) == pytest.approx((170 - 4 * z90, 170 + 4 * z90), abs=0.005)


def test_the_range_of_a_mixture_holds_its_share_of_draws() -> None:
    rng = np.random.default_rng(0)
    centres, sds = np.array([172.4, 178.6, 187.4]), np.array([3.0, 2.0, 4.0])
    low, high = mixture_range(centres, sds)
    which = rng.integers(0, 3, 200_000)
    drawn = rng.normal(centres[which], sds[which])
    assert (drawn < low).mean() == pytest.approx(0.05, abs=0.002)
    assert (drawn > high).mean() == pytest.approx(0.05, abs=0.002)


def test_without_errors_the_range_is_that_of_the_centres() -> None:
    low, high = mixture_range(np.arange(101.0), np.zeros(101))
    assert (low, high) == pytest.approx((5, 95), abs=0.5)


@given(st.floats(24, 200), st.floats(1, 20), st.floats(-4, 4), st.floats(0, 3))
def test_bone_ages_rise_with_the_score(months: float, sd: float, z: float, more: float) -> None:
    low, high = bone_ages(months, normal_intervals(months, sd), np.array([z, z + more]))
    assert low <= high + 1e-9
