"""The bone age against the calendar: the difference and the score, with the ranges that reading and age leave open."""

from __future__ import annotations

import numpy as np
import pytest
from children import child, read

from boneage import Sex
from boneage.growth import reference
from boneage.growth.deviation import difference, expected, scores, sds
from boneage.growth.reference import BRUSH, NAMES, OF_1959


def test_the_difference_needs_no_table_and_no_sex() -> None:
    found = difference(child(Sex.UNKNOWN, age_months=400.0))
    assert (found.value, found.low) == (-280, None)
    assert difference(child(age_months=None)).codes == ("no_age",)
    assert difference(child(bone_age_months=None)).codes == ("no_bone_age",)


def test_the_score_is_that_of_the_reference() -> None:
    assert sds(child()).value == reference.compare(120, 126, Sex.MALE).sds
    assert reference.TABLE in sds(child()).method


def test_the_deviations_of_1959_are_a_named_alternative() -> None:
    found = sds(child(age_months=126.0), OF_1959)
    assert found.value == pytest.approx(-6 / ((11.4 + 10.5) / 2), abs=0.005)
    assert "one transcription" in found.method
    assert "one transcription" in found.source
    assert NAMES == (BRUSH, OF_1959)


def test_a_reading_gives_a_range_of_the_score() -> None:
    found = sds(read(120.0, sd=8.0))
    _, (sd,) = expected(np.array([126.0]), Sex.MALE)
    assert None not in (found.low, found.high)
    assert found.high - found.low == pytest.approx(2 * 1.645 * 8 / sd, abs=0.05)  # type: ignore[operator]
    assert found.range_of == "the error of the bone age"


def test_an_age_in_whole_years_gives_a_range_too() -> None:
    found = sds(child(age_half_width_months=6.0))
    assert found.range_of == "the chronological age's width"
    assert None not in (found.low, found.high)
    assert found.low < found.value < found.high  # type: ignore[operator]
    both = difference(read(120.0, age_half_width_months=6.0))
    assert both.range_of == "the error of the bone age and the chronological age's width"


@pytest.mark.parametrize("table", NAMES)
@pytest.mark.parametrize(
    ("known", "code"),
    [
        ({"age_months": 300.0}, "outside_table"),
        ({"age_months": 2.0}, "outside_table"),
        ({"age_months": 203.0, "age_half_width_months": 6.0}, "outside_table"),
        ({"bone_age_months": None}, "no_bone_age"),
    ],
)
def test_it_says_why_there_is_no_score(table: str, known: dict[str, float], code: str) -> None:
    assert sds(child(**known), table).codes == (code,)
    assert sds(child(Sex.UNKNOWN), table).codes == ("no_sex",)


def test_scores_are_not_a_number_outside_the_table() -> None:
    for table in NAMES:
        assert np.isnan(scores(np.array([100.0]), np.array([300.0]), Sex.FEMALE, table)).all()
