"""Growth for the page: typed fields, their problems, the chart of heights."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("pydantic", reason="the service needs boneage[serve]")

from pydantic import ValidationError

from boneage.clinic.growth import GrowthRequest, growth_answer, growth_of, height_chart
from boneage.growth.result import assess
from boneage.types import Interval, Sex

READ = {
    "sex": "m",
    "bone_age_months": 115.0,
    "intervals": [{"level": 0.9, "low": 102.0, "high": 128.0}],
    "chronological_age_months": 126.0,
    "model": "default",
}
MEASURED = {"height": "140.2", "weight": "77lb", "mother": "5ft6in", "father": "1.78m"}


def asked(**fields: Any) -> GrowthRequest:
    return GrowthRequest.model_validate(READ | fields)


def test_typed_fields_become_centimetres_and_kilograms() -> None:
    growth, problems = growth_of(asked(**MEASURED))
    child = growth.child
    assert problems == {}
    assert (child.sex, child.height_cm, child.father_cm) == (Sex.MALE, 140.2, 178)
    assert (child.weight_kg, child.mother_cm) == (pytest.approx(34.93, abs=0.01), pytest.approx(167.64))
    assert child.bone_age_intervals == (Interval(0.9, 102, 128),)
    assert child.by_network
    assert all(one.value is not None for one in growth.adult_heights)


def test_it_is_what_python_gives() -> None:
    growth, _ = growth_of(asked(**MEASURED))
    assert growth_answer(asked(**MEASURED)).growth == assess(growth.child).to_dict()


def test_what_cannot_be_understood_is_told_by_its_field_and_counts_as_empty() -> None:
    answer = growth_answer(asked(height="1.40", weight="heavy", mother=" ", father="178"))
    assert set(answer.problems) == {"height", "weight"}
    assert "outside 25 to 250" in answer.problems["height"]
    assert answer.growth["child"]["height_cm"] is None
    assert answer.growth["child"]["father_cm"] == 178


@pytest.mark.parametrize(
    "odd",
    [[{"level": 0.9, "low": 3, "high": 2}], [{"level": 0.9, "low": 1, "high": 2}, {"level": 0.9, "low": 0, "high": 3}]],
)
def test_intervals_that_no_reading_has_leave_its_error_unknown(odd: list[dict[str, float]]) -> None:
    growth, problems = growth_of(asked(intervals=odd))
    assert growth.child.bone_age_intervals is None
    assert problems["intervals"]


def test_nothing_need_be_told() -> None:
    growth, problems = growth_of(GrowthRequest())
    assert problems == {}
    assert all(figure.refusal for figure in growth.figures)


def test_earlier_films_are_a_follow_up() -> None:
    before = READ | {"chronological_age_months": 108.0, "bone_age_months": 95.0, "name": "before", "height": "131"}
    before.pop("sex")
    growth, _ = growth_of(asked(**MEASURED, name="now", earlier=[before]))
    [step] = growth.follow_up
    assert (step.first, step.second, step.months) == ("before", "now", 18)
    assert step.height_velocity.value == pytest.approx(6.13, abs=0.01)


@pytest.mark.parametrize(
    "wrong",
    [
        {"intervals": [{"level": 2, "low": 1, "high": 2}]},
        {"intervals": [{"level": 0.9, "low": float("nan"), "high": 2}]},
        {"intervals": [{"level": 0.9, "low": 1, "high": 1e9}]},
        {"bone_age_months": 1000},
        {"chronological_age_months": -1},
        {"chronological_age_half_width_months": 100},
        {"height": "1" * 40},
        {"sex": "child"},
        {"more": 1},
        {"lying": 0},
        {"chronological_age_half_width_months": True},
        {"bone_age_months": "115"},
        {"intervals": [{"level": "0.9", "low": 1, "high": 2}]},
        {"day": 0},
        {"day": "31.3.2024"},
        {"earlier": [{}] * 101},
    ],
)
def test_what_no_request_has_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        asked(**wrong)


def test_the_chart_of_heights_is_the_cdcs() -> None:
    chart = height_chart()
    assert chart.table == "CDC 2000 stature for age"
    for centiles in (chart.male, chart.female):
        assert (centiles.ages[0], centiles.ages[-1]) == (24, 240)
        assert list(centiles.heights) == [3, 5, 10, 25, 50, 75, 90, 95, 97]
        assert all(len(one) == len(centiles.ages) for one in centiles.heights.values())
    assert chart.male.heights[50][0] == pytest.approx(86.45, abs=0.01)
