"""Follow-up: velocities with both limits, changes that error explains or does not, and order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from children import child, read
from hypothesis import given
from hypothesis import strategies as st

from boneage import Sex
from boneage.growth.velocity import Step, Visit, follow_up, is_before, step


def visit(age: float, bone_age: float, sd: float = 6.0, day: date | None = None, **known: Any) -> Visit:
    return Visit(read(bone_age, sd, age_months=age, **known), day, f"at {age:g}", "default")


def two(moved: float, months: float = 12.0, sd: float = 6.0, **known: Any) -> Step:
    return step(visit(108, 100, sd), visit(108 + months, 100 + moved, sd, **known))


def test_a_velocity_is_bone_age_over_time() -> None:
    found = two(18)
    assert (found.months, found.bone_age_velocity.value) == (12, 1.5)
    assert found.bone_age_velocity.computed_from["bone_age_months_before"] == 100


def test_its_range_takes_both_errors_for_independent_and_says_so() -> None:
    found = two(18).bone_age_velocity
    assert None not in (found.low, found.high)
    assert found.high - found.low == pytest.approx(2 * 1.645 * 6 * 2**0.5 / 12, rel=0.03)  # type: ignore[operator]
    assert "independent" in found.range_of


def test_if_the_errors_move_together_the_range_is_narrow() -> None:
    assert two(18).together == pytest.approx((1.5, 1.5), abs=0.002)
    low, high = step(visit(108, 100, 4), visit(120, 118, 8)).together or (0, 0)
    assert high - low == pytest.approx(2 * 1.645 * 4 / 12, rel=0.05)


@pytest.mark.parametrize(
    ("moved", "code"),
    [(12, "error_explains"), (20, "error_explains"), (30, "more_than_error"), (-8, "more_than_error")],
)
def test_only_a_change_beyond_the_widest_range_is_more_than_error(moved: float, code: str) -> None:
    verdict = two(moved).verdict
    assert verdict is not None
    assert verdict.code == code
    assert f"{moved} months in 12" in verdict.sentence
    if code == "more_than_error":
        assert ("faster" if moved > 12 else "slower") in verdict.sentence


def test_without_an_error_there_is_no_range_and_no_verdict() -> None:
    one, other = (Visit(child(age_months=age, bone_age_months=bone)) for age, bone in ((108.0, 100.0), (120.0, 130.0)))
    found = step(one, other)
    assert (found.bone_age_velocity.value, found.bone_age_velocity.low) == (2.5, None)
    assert (found.together, found.verdict) == (None, None)


def test_the_change_of_the_score_has_a_range() -> None:
    found = two(18).sds_change
    assert found.value is not None
    assert None not in (found.low, found.high)
    assert found.low < found.value < found.high  # type: ignore[operator]
    assert "Greulich" in found.source


def test_of_unlike_sexes_or_outside_the_table_there_is_no_change_of_the_score() -> None:
    other = Visit(read(120, sex=Sex.FEMALE, age_months=120.0))
    assert step(visit(108, 100), other).sds_change.codes == ("no_sex",)
    assert step(visit(108, 100), visit(230, 200)).sds_change.codes == ("outside_table",)


def test_height_velocity_needs_both_heights() -> None:
    found = step(visit(108, 100, height_cm=131.0), visit(120, 112, height_cm=137.5)).height_velocity
    assert (found.value, found.low, found.codes) == (6.5, None, ("measuring_error",))
    assert two(12, height_cm=None).height_velocity.codes == ("no_height",)


def test_lying_and_standing_are_made_alike() -> None:
    baby = Visit(read(18, age_months=18.0, height_cm=83.0))
    later = Visit(read(30, age_months=30.0, height_cm=91.0))
    assert step(baby, later).height_velocity.value == pytest.approx(9.25)


def test_dates_say_how_far_two_films_are_apart() -> None:
    days = date(2024, 1, 10), date(2025, 1, 10)
    one, other = visit(126, 100, day=days[0], age_half_width_months=6.0), visit(126, 118, day=days[1])
    found = step(one, other)
    assert found.months == pytest.approx(12.02, abs=0.01)
    assert found.bone_age_velocity.value == pytest.approx(1.497, abs=0.002)


def test_ages_in_whole_years_widen_the_range_or_leave_the_order_open() -> None:
    wide = {"age_half_width_months": 6.0}
    known = step(visit(102, 100), visit(126, 124))
    open_to = step(visit(102, 100, **wide), visit(126, 124, **wide))
    assert None not in (known.bone_age_velocity.high, open_to.bone_age_velocity.high)
    assert open_to.bone_age_velocity.high > known.bone_age_velocity.high  # type: ignore[operator]
    assert "widths of the ages" in open_to.bone_age_velocity.range_of
    same = step(visit(126, 100, **wide), visit(126, 118, **wide))
    assert same.months is None
    assert {figure.codes for figure in (same.bone_age_velocity, same.sds_change, same.height_velocity)} == {
        ("order_open",)
    }


def test_short_times_and_other_models_are_told() -> None:
    assert two(3, months=3.0).bone_age_velocity.codes == ("short_time",)
    other = Visit(read(112, age_months=120.0), model="best")
    assert step(visit(108, 100), other).bone_age_velocity.codes == ("other_model",)


def test_a_follow_up_is_in_the_order_of_the_ages() -> None:
    visits = [visit(132, 130), visit(108, 100), Visit(child(age_months=None)), visit(120, 112)]
    found = follow_up(visits)
    assert [(one.first, one.second) for one in found] == [("at 108", "at 120"), ("at 120", "at 132")]
    assert follow_up(visits[:1]) == ()


def test_dates_alone_are_enough_for_a_velocity() -> None:
    days = date(2024, 1, 10), date(2025, 1, 10)
    one, other = (visit(1, bone, day=day, height_cm=None) for bone, day in zip((100, 118), days, strict=True))
    [found] = follow_up([replace(x, child=replace(x.child, age_months=None)) for x in (other, one)])
    assert found.bone_age_velocity.value == pytest.approx(1.497, abs=0.002)
    assert found.sds_change.codes == ("no_age",)


def test_two_films_of_one_day_have_no_velocity_and_are_told_why() -> None:
    films = [visit(120, bone, day=date(2024, 1, 10)) for bone in (110.0, 118.0)]
    [found] = follow_up(films)
    assert (found.months, found.verdict) == (None, None)
    assert found.bone_age_velocity.codes == found.height_velocity.codes == ("same_day",)
    assert "of one day" in found.bone_age_velocity.refusal
    assert "dates" not in found.bone_age_velocity.refusal


def test_what_is_before_what() -> None:
    early, late = date(2024, 1, 10), date(2025, 1, 10)
    assert is_before(visit(130, 1, day=early), visit(120, 1, day=late))
    assert not is_before(visit(120, 1, day=late), visit(130, 1, day=early))
    assert is_before(visit(120, 1), visit(120, 1, day=late))
    assert not is_before(Visit(child(age_months=None)), visit(120, 1))


def test_as_json_it_keeps_everything() -> None:
    values = two(18).to_dict()
    assert set(values) == set(Step.__dataclass_fields__)
    assert values["together"] == pytest.approx([1.5, 1.5], abs=0.002)
    assert values["verdict"]["code"] == "error_explains"


@given(st.floats(1, 48), st.floats(-20, 60), st.floats(1, 15))
def test_the_wide_range_holds_the_narrow_one_and_the_velocity(months: float, moved: float, sd: float) -> None:
    found = two(moved, months, sd)
    velocity, together = found.bone_age_velocity, found.together
    assert together is not None
    assert velocity.low is not None
    assert velocity.high is not None
    assert velocity.low - 0.05 <= together[0] <= together[1] <= velocity.high + 0.05
