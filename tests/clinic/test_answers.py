"""Requests and answers: what is accepted, and the comparison with the reference."""

from __future__ import annotations

from typing import Any

import pytest

pydantic = pytest.importorskip("pydantic", reason="the service needs boneage[serve]")

from boneage import Sex
from boneage.clinic.answers import MAX_AGE, ReadingOptions, ReadingRequest, comparison, reference_table
from boneage.growth.reference import TABLE, rows


@pytest.mark.parametrize(
    "values",
    [
        {"sex": "x"},
        {"chronological_age_months": "nan"},
        {"chronological_age_months": -1},
        {"chronological_age_months": MAX_AGE + 1},
        {"heatmap": "yes"},
        {"keep": 1},
        {"patient_id": "x" * 65},
        {"instead_of": 0},
        {"nonsense": 1},
    ],
)
def test_what_is_not_described_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError):
        ReadingRequest(**values)


def test_the_text_of_a_form_is_accepted() -> None:
    request = ReadingRequest(sex="female", chronological_age_months="118.5", heatmap="true", keep="false", who=" AB ")
    assert (request.sex, request.chronological_age_months) == (Sex.FEMALE, 118.5)
    assert (request.heatmap, request.keep, request.who) == (True, False, "AB")


def test_options_for_an_address_cannot_name_anybody() -> None:
    assert not {"patient_id", "who"} & ReadingOptions.model_fields.keys()


@pytest.mark.parametrize(
    ("bone_age", "age", "sex", "reason"),
    [
        (None, 120, Sex.FEMALE, "the film has no bone age"),
        (120, None, Sex.FEMALE, "the chronological age is not known"),
        (120, 200, Sex.FEMALE, "covers 3 to 192 months"),
        (120, 120, Sex.UNKNOWN, "sex is unknown"),
    ],
)
def test_where_there_is_no_comparison_it_says_why(
    bone_age: float | None, age: float | None, sex: Sex, reason: str
) -> None:
    found = comparison(bone_age, age, sex)
    assert found.refusal
    assert reason in found.refusal
    assert (found.table, found.chronological_age_months, found.sds) == (TABLE, age, None)


def test_a_comparison_gives_difference_and_sds() -> None:
    found = comparison(137.39, 120, Sex.FEMALE)
    assert (found.difference_months, found.sds) == pytest.approx((17.39, 1), abs=0.01)
    assert found.refusal is None


def test_the_reference_table_is_given_whole() -> None:
    table = reference_table()
    assert [row.mean for row in table.female] == [row.mean for row in rows(Sex.FEMALE)]
    assert [row.age for row in table.male] == [row.age for row in rows(Sex.MALE)]
