"""Bone age against the Brush Foundation table: its rows, what lies between them, and what it refuses."""

from __future__ import annotations

from itertools import pairwise

import pytest

from boneage import Sex
from boneage.errors import OutsideReference
from boneage.growth.reference import TABLE, compare, expected, rows


@pytest.mark.parametrize(
    ("sex", "age", "mean", "sd"),
    [
        (Sex.MALE, 3, 3.01, 0.69),
        (Sex.MALE, 120, 125.68, 9.79),
        (Sex.MALE, 204, 206.21, 13.05),
        (Sex.FEMALE, 60, 66.21, 11.65),
        (Sex.FEMALE, 192, 189.44, 7.31),
    ],
)
def test_the_rows_are_those_printed(sex: Sex, age: float, mean: float, sd: float) -> None:
    row = expected(age, sex)
    assert (row.mean, row.sd) == (mean, sd)


def test_both_tables_are_whole() -> None:
    assert (len(rows(Sex.MALE)), len(rows(Sex.FEMALE))) == (24, 23)
    for sex in (Sex.MALE, Sex.FEMALE):
        table = rows(sex)
        assert all(a.age < b.age and a.mean < b.mean for a, b in pairwise(table))
        assert all(abs(row.mean - row.age) < 10 and 0 < row.sd < 14 for row in table)


def test_between_two_rows_lies_a_straight_line() -> None:
    row = expected(126, Sex.MALE)
    assert row.mean == pytest.approx((125.68 + 137.32) / 2)
    assert row.sd == pytest.approx((9.79 + 10.09) / 2)


def test_a_comparison_says_months_deviations_and_the_table() -> None:
    found = compare(110, 120, Sex.FEMALE)
    assert found.difference_months == -10
    assert found.sds == pytest.approx((110 - 125.66) / 11.73, abs=0.005)
    assert found.to_dict()["table"] == TABLE
    assert "Brush" in TABLE


@pytest.mark.parametrize(
    ("age", "sex", "reason"),
    [
        (2.9, Sex.MALE, "boys covers 3 to 204 months of age, not 2.9"),
        (204.1, Sex.MALE, "not 204.1"),
        (193, Sex.FEMALE, "girls covers 3 to 192"),
        (float("nan"), Sex.FEMALE, "not nan"),
        (120, Sex.UNKNOWN, "the sex is unknown"),
    ],
)
def test_outside_its_range_it_refuses(age: float, sex: Sex, reason: str) -> None:
    with pytest.raises(OutsideReference, match=reason):
        compare(100, age, sex)


def test_an_age_in_whole_years_gives_a_range_of_scores() -> None:
    exact, wide = compare(110, 126, Sex.FEMALE), compare(110, 126, Sex.FEMALE, 6)
    assert (exact.sds_low, exact.sds_high) == (exact.sds, exact.sds)
    assert wide.sds == exact.sds
    assert wide.sds_low == compare(110, 132, Sex.FEMALE).sds
    assert wide.sds_high == compare(110, 120, Sex.FEMALE).sds
    assert wide.to_dict()["age_half_width_months"] == 6


def test_a_range_ends_where_the_table_ends() -> None:
    at_the_end = compare(190, 190, Sex.FEMALE, 6)
    assert at_the_end.sds_low == compare(190, 192, Sex.FEMALE).sds
