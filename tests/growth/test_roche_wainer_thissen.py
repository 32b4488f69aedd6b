"""Roche–Wainer–Thissen: the paper's example, its error, lying and standing, and what it says of itself."""

from __future__ import annotations

import numpy as np
import pytest
from children import child, read
from hypothesis import given
from hypothesis import strategies as st

from boneage import Sex
from boneage.growth.roche_wainer_thissen import errors, figure

EXAMPLE = {
    "age_months": 75.0,
    "height_cm": 108.7,
    "lying": True,
    "weight_kg": 17.4,
    "mother_cm": 169.0,
    "father_cm": 169.0,
    "bone_age_months": 5.4 * 12,
}


def test_the_example_of_the_paper() -> None:
    found = figure(child(**EXAMPLE))
    assert found.value == pytest.approx(168.84, abs=0.01)
    assert found.low is not None
    assert found.high is not None
    assert (found.high - found.low) / 2 == pytest.approx(4.97, abs=0.02)  # the figure; the text rounds it to 4.7


def test_a_stature_becomes_a_length() -> None:
    standing = figure(child(**EXAMPLE | {"lying": False, "height_cm": 107.45}))
    assert standing.value == pytest.approx(168.84, abs=0.01)
    assert "length_from_stature" in standing.codes
    assert "length_from_stature" not in figure(child(**EXAMPLE)).codes


def test_its_error_is_its_bound_over_the_quantile() -> None:
    found = errors(child(), np.array([12.0, 72.0, 78.0, 192.0]))
    assert found * 1.6448536 == pytest.approx([6.28, 5.01, (5.01 + 4.82) / 2, 3.12])
    assert np.isnan(errors(child(Sex.FEMALE), np.array([11.0, 169.0]))).all()


@pytest.mark.parametrize(("sex", "last"), [(Sex.MALE, 192.0), (Sex.FEMALE, 168.0)])
def test_it_refuses_outside_its_ages(sex: Sex, last: float) -> None:
    assert figure(child(sex, age_months=last)).value is not None
    assert figure(child(sex, age_months=last + 0.1)).codes == ("outside_table",)
    assert figure(child(sex, age_months=11.9, height_cm=75.0)).codes == ("outside_table",)


@pytest.mark.parametrize(
    ("missing", "code"), [("weight_kg", "no_weight"), ("mother_cm", "no_parents"), ("height_cm", "no_height")]
)
def test_it_says_what_it_lacks(missing: str, code: str) -> None:
    assert figure(child(**{missing: None})).codes == (code,)


def test_it_says_what_it_predicts_and_of_which_bone_age() -> None:
    found = figure(read(120.0))
    assert {"stature_at_18", "median_of_bones", "read_by_network"} <= set(found.codes)
    assert any("0.8 cm" in flag.sentence for flag in found.flags)
    assert any("0.6 cm" in flag.sentence for flag in figure(read(120.0, sex=Sex.FEMALE)).flags)


def test_less_than_today_becomes_today() -> None:
    found = figure(child(Sex.FEMALE, age_months=166.0, bone_age_months=190.0, height_cm=179.0, mother_cm=150.0))
    assert found.value == 179
    assert found.low == 179
    assert {"below_today", "most_bones_adult"} <= set(found.codes)


@given(st.floats(24, 168), st.floats(24, 190), st.floats(80, 190), st.floats(0, 20))
def test_it_rises_with_the_height_and_is_never_below_it(age: float, bone: float, height: float, more: float) -> None:
    lower, higher = (
        figure(child(age_months=age, bone_age_months=bone, height_cm=cm)) for cm in (height, height + more)
    )
    assert lower.value is not None
    assert higher.value is not None
    assert height - 0.011 <= lower.value <= higher.value + 0.011
    assert lower.low is not None
    assert height - 0.011 <= lower.low <= lower.value
