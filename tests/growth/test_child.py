"""What is known of a child: standing, lying, parents, and what cannot be."""

from __future__ import annotations

import pytest
from children import child

from boneage import Sex
from boneage.growth.child import Child
from boneage.types import Interval


def test_a_height_is_a_stature_from_two_years_on() -> None:
    assert (child().stature_cm, child().length_cm) == (140.2, pytest.approx(141.45))
    baby = child(age_months=20.0, height_cm=84.0)
    assert (baby.is_lying, baby.stature_cm, baby.length_cm) == (True, 82.75, 84.0)
    assert child(age_months=None).is_lying is False


def test_who_says_how_it_was_measured_is_believed() -> None:
    assert child(lying=True).stature_cm == pytest.approx(138.95)
    assert child(age_months=20.0, height_cm=84.0, lying=False).length_cm == pytest.approx(85.25)


def test_the_midparent_height_needs_both_parents() -> None:
    assert child().midparent_cm == 172
    assert child(mother_cm=None).midparent_cm is None
    assert child(father_cm=None).midparent_cm is None


def test_what_is_not_known_cannot_be_asked_for() -> None:
    assert child().known("weight_kg") == 35
    with pytest.raises(ValueError, match="weight_kg of this child is not known"):
        child(weight_kg=None).known("weight_kg")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("height_cm", 14.0),
        ("height_cm", float("nan")),
        ("weight_kg", 900.0),
        ("mother_cm", 16.6),
        ("age_months", -1.0),
        ("bone_age_months", 1000.0),
        ("age_half_width_months", 100.0),
    ],
)
def test_what_no_child_can_have_is_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        child(**{name: value})


@pytest.mark.parametrize("levels", [(0.9, 0.9), (1 - 1e-16,), (1e-17,)])
def test_levels_that_are_no_quantiles_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="level"):
        child(bone_age_intervals=tuple(Interval(level, 110, 130) for level in levels))


def test_nothing_need_be_known() -> None:
    assert Child(Sex.UNKNOWN).stature_cm is None
