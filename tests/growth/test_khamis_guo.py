"""Khamis–Guo: the paper's example, its ages, and whose error its range has."""

from __future__ import annotations

import pytest
from children import child, read

from boneage import Sex
from boneage.growth import roche_wainer_thissen
from boneage.growth.khamis_guo import figure

EXAMPLE = {
    "age_months": 120.0,
    "height_cm": 135.0,
    "weight_kg": 35.0,
    "mother_cm": 168.0,
    "father_cm": 168.0,
    "bone_age_months": 108.0,
}


def test_the_example_of_the_paper() -> None:
    assert figure(child(**EXAMPLE)).value == pytest.approx(174.01, abs=0.01)


def test_a_length_becomes_a_stature() -> None:
    lying = figure(child(**EXAMPLE | {"height_cm": 136.25, "lying": True}))
    assert lying.value == pytest.approx(174.01, abs=0.01)
    assert "stature_from_length" in lying.codes


@pytest.mark.parametrize("sex", [Sex.MALE, Sex.FEMALE])
def test_it_refuses_outside_its_ages(sex: Sex) -> None:
    assert figure(child(sex, age_months=36.0, height_cm=96.0)).value is not None
    assert figure(child(sex, age_months=210.0, height_cm=160.0)).value is not None
    assert figure(child(sex, age_months=35.9, height_cm=96.0)).codes == ("outside_table",)
    assert figure(child(sex, age_months=210.1)).codes == ("outside_table",)


def test_its_range_has_the_error_of_the_method_that_it_improves_and_says_so() -> None:
    one = read(120.0)
    ours, theirs = figure(one), roche_wainer_thissen.figure(one)
    assert "error_of_another_method" in ours.codes
    assert "Roche, Wainer and Thissen" in ours.range_of
    assert None not in (ours.low, ours.high, theirs.low, theirs.high)
    assert ours.high - ours.low == pytest.approx(theirs.high - theirs.low, abs=1.5)  # type: ignore[operator]


def test_where_that_method_has_no_error_there_is_no_range() -> None:
    found = figure(child(age_months=200.0, height_cm=170.0))
    assert found.value is not None
    assert (found.low, found.level) == (None, None)
    assert "no_published_error" in found.codes


def test_parents_are_needed() -> None:
    assert figure(child(father_cm=None)).codes == ("no_parents",)
