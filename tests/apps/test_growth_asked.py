"""Whose growth a command is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from boneage import Reading, Sex
from boneage.apps.growth_asked import GrowthOfFilms, asked_of, growths
from boneage.errors import BadConfig
from boneage.growth.facts import Facts
from boneage.growth.units import Age
from boneage.reading.batch import Item
from boneage.types import Failure

READING = Reading("a.png", 120.0, Sex.MALE, "given", (), "default", "0" * 64, "1" * 64, "1")


def item(name: str, **facts: object) -> Item:
    return Item(name, Path(f"{name}.png"), None, facts=Facts(**facts))  # type: ignore[arg-type]


def test_growth_is_for_films_of_whose_children_something_is_told() -> None:
    assert not growths([item("a", patient="p")], None, wanted=False).wanted
    assert growths([item("a"), item("b", height_cm=140.0)], None, wanted=False).wanted
    assert growths([item("a")], None, wanted=True).wanted
    assert GrowthOfFilms(False).of(item("a"), READING) is None
    assert GrowthOfFilms(True).of(item("a"), Failure("a", "a.png", "it is damaged")) is None


def test_the_films_of_a_patient_are_a_follow_up_whose_id_is_not_told() -> None:
    grown = GrowthOfFilms(True)
    for name, age in (("a", 120.0), ("b", 132.0), ("b", 132.0)):  # b shows two hands
        assert grown.of(item(name, age=Age(age), patient="p"), READING) is not None
    grown.of(item("c", age=Age(100.0), patient="q"), READING)
    grown.of(item("d", age=Age(100.0)), READING)
    [(number, steps)] = grown.follow_ups()
    assert (number, [(one.first, one.second) for one in steps]) == (1, [("a", "b")])


def test_an_age_that_no_one_has_is_refused_by_name() -> None:
    with pytest.raises(BadConfig, match="a: age_half_width_months"):
        GrowthOfFilms(True).of(item("a", age=Age(120.0, 100.0)), READING)


def test_one_child_or_a_table_and_never_neither(tmp_path: Path) -> None:
    nothing = (None, None, None, None, None, None)
    with pytest.raises(BadConfig, match="give a table of children, or one child"):
        asked_of(None, None, nothing, (None, None), None, "brush")
    [(name, growth)] = asked_of(None, Sex.MALE, (Age(126), 140.0), (Age(120), Age(7)), None, "brush")
    assert (name, growth.child.sex, growth.child.bone_age_months) == ("child", Sex.MALE, 120)
    assert growth.adult_heights[0].low is not None
    table = tmp_path / "t.csv"
    table.write_text("patient,sex,age_months,bone_age_months\np,m,120,118\np,m,108,100\nq,m,108,100\n")
    found = asked_of(table, Sex.FEMALE, (None, 130.0), (None, None), None, "brush")
    assert [len(growth.follow_up) for _, growth in found] == [1, 0, 0]
    assert {(growth.child.sex, growth.child.height_cm) for _, growth in found} == {(Sex.FEMALE, 130.0)}
