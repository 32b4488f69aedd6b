"""Target height: both parents, thirteen centimetres, and a customary range."""

from __future__ import annotations

import pytest
from children import child
from hypothesis import given
from hypothesis import strategies as st

from boneage import Sex
from boneage.growth.target_height import figure, target_height


@pytest.mark.parametrize(("sex", "expected"), [(Sex.MALE, 178.5), (Sex.FEMALE, 165.5)])
def test_the_parents_mean_is_moved_by_the_childs_sex(sex: Sex, expected: float) -> None:
    found = figure(child(sex))
    assert (found.value, found.low, found.high) == (expected, expected - 8.5, expected + 8.5)
    assert found.level is None
    assert "customary" in found.range_of
    assert found.computed_from == {"sex": sex.value, "mother_cm": 166, "father_cm": 178}


def test_without_both_parents_or_the_sex_there_is_none() -> None:
    assert figure(child(mother_cm=None)).codes == ("no_parents",)
    assert figure(child(Sex.UNKNOWN)).codes == ("no_sex",)
    with pytest.raises(ValueError, match="needs the sex"):
        target_height(166, 178, Sex.UNKNOWN)


@given(st.floats(140, 200), st.floats(150, 210))
def test_brothers_and_sisters_are_thirteen_centimetres_apart(mother: float, father: float) -> None:
    brother, sister = (target_height(mother, father, sex) for sex in (Sex.MALE, Sex.FEMALE))
    assert brother - sister == pytest.approx(13)
