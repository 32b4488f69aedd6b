"""Bayley–Pinneau: the paper's examples, its ranges, the group that makes a jump, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from children import child, read
from hypothesis import assume, given
from hypothesis import strategies as st

from boneage import Sex
from boneage.growth.bayley_pinneau import GROUPS, errors, figure, group_of, shares
from boneage.growth.figure import Figure
from boneage.growth.tables import column
from boneage.growth.units import INCH

APART = {"average": 0.0, "accelerated": -12.0, "retarded": 12.0}  # months that the calendar is ahead of the bone age


def of_group(sex: Sex, group: str, bone_age: float, inches: float) -> Figure:
    return figure(child(sex, bone_age_months=bone_age, age_months=bone_age + APART[group], height_cm=inches * INCH))


@pytest.mark.parametrize(
    ("sex", "group", "bone_age", "today", "adult"),
    [
        (Sex.MALE, "average", 159, 60, 67.4),
        (Sex.MALE, "average", 159, 51.5, 57.9),
        (Sex.MALE, "accelerated", 186, 67.5, 69.5),
        (Sex.FEMALE, "retarded", 123, 55, 62.2),
    ],
)
def test_the_examples_of_the_paper(sex: Sex, group: str, bone_age: float, today: float, adult: float) -> None:
    found = of_group(sex, group, bone_age, today)
    assert found.value is not None
    assert found.value / INCH == pytest.approx(adult, abs=0.1)


def test_the_group_makes_a_jump() -> None:
    """A boy of bone age 10-0 and 140 cm, by his calendar age."""
    found = [figure(child(bone_age_months=120.0, age_months=age, height_cm=140.0)).value for age in (132, 126, 108)]
    assert found == pytest.approx([172.41, 178.57, 187.42], abs=0.01)


def test_a_year_apart_is_no_longer_average() -> None:
    groups = group_of(np.array([120.0, 120.1, 119.9, 144.0, 143.9]), np.array([132.0] * 5))
    assert [GROUPS[place] for place in groups] == ["retarded", "average", "retarded", "accelerated", "average"]


@pytest.mark.parametrize(
    ("sex", "group", "low", "high"),
    [
        (Sex.MALE, "average", 84, 222),
        (Sex.MALE, "accelerated", 84, 204),
        (Sex.MALE, "retarded", 72, 156),
        (Sex.FEMALE, "average", 72, 216),
        (Sex.FEMALE, "accelerated", 84, 210),
        (Sex.FEMALE, "retarded", 72, 204),
    ],
)
def test_it_refuses_outside_its_tables(sex: Sex, group: str, low: float, high: float) -> None:
    assert of_group(sex, group, low, 50).value is not None
    assert of_group(sex, group, high, 60).value is not None
    for outside in (low - 0.1, high + 0.1):
        found = of_group(sex, group, outside, 60)
        assert (found.value, found.codes) == (None, ("outside_table",))
        assert f"table of {group} {'boys' if sex is Sex.MALE else 'girls'} covers" in found.refusal


def test_there_is_no_table_of_retarded_boys_beyond_thirteen_years() -> None:
    found = figure(child(bone_age_months=160.0, age_months=180.0))
    assert found.refusal == "the table of retarded boys covers bone ages of 6 y 0 mo to 13 y 0 mo, not 13 y 4 mo"


@pytest.mark.parametrize("missing", ["bone_age_months", "age_months", "height_cm"])
def test_it_says_what_it_lacks(missing: str) -> None:
    found = figure(child(**{missing: None}))
    assert found.value is None
    assert found.codes == ({"age_months": "no_age", "height_cm": "no_height"}.get(missing, "no_bone_age"),)
    assert figure(child(Sex.UNKNOWN)).codes == ("no_sex",)


def test_its_error_is_the_larger_of_the_two_that_are_published() -> None:
    found = errors(child(), np.array([96.0, 102.0, 108.0, 216.0, 99.0]))
    assert found[:4] / INCH == pytest.approx([1.62, 1.84, 2.10, 0.38])
    assert found[4] / INCH == pytest.approx((1.62 + 1.84) / 2)
    assert np.isnan(errors(child(), np.array([95.9, 216.1]))).all()


def test_of_a_reading_the_range_is_wider_than_the_methods_own_error() -> None:
    exact, measured = figure(child(bone_age_months=123.0)), figure(read(123.0))
    assert exact.value == measured.value
    assert None not in (exact.low, exact.high, measured.low, measured.high)
    assert measured.low < exact.low < exact.high < measured.high  # type: ignore[operator]
    assert "bone_age_error_unknown" in exact.codes
    assert measured.range_of.endswith("and the error of the bone age")
    assert measured.level == 0.9


def test_at_the_border_of_two_groups_the_prediction_is_a_mixture() -> None:
    found = figure(read(114.0, age_months=126.0))
    assert {part.name for part in found.parts} == {"retarded", "average"}
    assert sum(part.share for part in found.parts) == pytest.approx(1)
    assert all(part.share == pytest.approx(0.5, abs=0.02) for part in found.parts)
    assert "group_open" in found.codes
    retarded, average = (part.value for part in found.parts)
    assert retarded is not None
    assert average is not None
    assert average - retarded > 6
    far = figure(read(126.0, sd=3.0, age_months=126.0))
    assert (far.parts, "group_open" in far.codes) == ((), False)


def test_bone_ages_that_the_tables_lack_leave_no_range() -> None:
    found = figure(read(154.0, age_months=180.0))
    assert found.value is not None
    assert (found.low, found.level, found.range_of) == (None, None, "")
    assert "partly_outside" in found.codes
    some = figure(read(142.0, age_months=180.0))
    assert some.low is not None
    assert "partly_outside" in some.codes


def test_where_no_error_is_published_there_is_no_range() -> None:
    found = figure(child(bone_age_months=90.0, age_months=90.0, height_cm=125.0))
    assert found.value is not None
    assert (found.low, "no_published_error" in found.codes) == (None, True)


def test_the_authors_warn_beyond_two_years() -> None:
    assert "ages_far_apart" in figure(child(bone_age_months=120.0, age_months=145.0)).codes
    assert "ages_far_apart" not in figure(child(bone_age_months=120.0, age_months=143.0)).codes


def test_a_network_is_no_reader() -> None:
    assert "read_by_network" in figure(read(120.0)).codes
    assert "read_by_network" not in figure(child()).codes


def test_an_age_in_whole_years_widens_the_range() -> None:
    exact, wide = figure(read(123.0)), figure(read(123.0, age_half_width_months=6.0))
    assert exact.low is not None
    assert wide.low is not None
    assert wide.low < exact.low
    assert "chronological age's width" in wide.range_of


sexes, groups = st.sampled_from([Sex.MALE, Sex.FEMALE]), st.sampled_from(GROUPS)


@given(sexes, groups, st.floats(72, 222), st.floats(80, 190), st.floats(0, 20))
def test_it_rises_with_the_height_and_is_never_below_it(
    sex: Sex, group: str, bone_age: float, height: float, more: float
) -> None:
    lower, higher = (of_group(sex, group, bone_age, cm / INCH).value for cm in (height, height + more))
    assume(lower is not None and higher is not None)
    assert lower <= higher + 0.011  # type: ignore[operator]
    assert lower >= round(height, 2) - 0.011  # type: ignore[operator]


@given(sexes, groups, st.floats(72, 222), st.floats(0, 0.5))
def test_within_a_table_it_has_no_step(sex: Sex, group: str, bone_age: float, more: float) -> None:
    place = np.array([GROUPS.index(group)] * 2)
    first, second = shares(sex, place, np.array([bone_age, bone_age + more]))
    assume(not np.isnan(first + second))
    assert 0 <= second - first <= 0.5 * more + 1e-9  # percentage points; the steepest is 1.4 in three months


@pytest.mark.parametrize("sex", [Sex.MALE, Sex.FEMALE])
@pytest.mark.parametrize("group", GROUPS)
def test_at_every_row_it_is_the_printed_percentage(sex: Sex, group: str) -> None:
    ages = column("bayley_pinneau_1952", sex, "skeletal_age_months", group)
    found = shares(sex, np.full(len(ages), GROUPS.index(group)), ages)
    assert found.tolist() == column("bayley_pinneau_1952", sex, "percent", group).tolist()
