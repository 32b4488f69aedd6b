"""Columns that tell of children, in any of their names, and tables that have bone ages already."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from boneage import Sex
from boneage.errors import BadTable
from boneage.growth.facts import Facts
from boneage.growth.facts_table import by_patient, columns_of, intervals_of, of_table, visits
from boneage.growth.units import Age
from boneage.types import Interval


def taken(*header: str, plain_age: bool = False) -> dict[str, str]:
    return {fact: column.name for fact, column in columns_of(header, plain_age=plain_age).items()}


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("chronological_age", "age"),
        ("patient_age_years", "age"),
        ("age_at_exam", "age"),
        ("height_cm", "height_cm"),
        ("height", "height_cm"),
        ("stature_in", "height_cm"),
        ("weight_kg", "weight_kg"),
        ("weight_lb", "weight_kg"),
        ("mother", "mother_cm"),
        ("mother_height_cm", "mother_cm"),
        ("maternal_height", "mother_cm"),
        ("father_in", "father_cm"),
        ("study_date", "day"),
        ("patient_id", "patient"),
    ],
)
def test_a_column_is_known_by_its_name(name: str, fact: str) -> None:
    assert taken("id", name) == {fact: name}


@pytest.mark.parametrize(
    "name",
    [
        *("age", "bone_age", "bone_age_months", "boneage", "height_sds", "target_height", "birth_weight_g", "weight"),
        *("predicted_adult_height", "image_height", "image", "sex", "length", "mother_age", "date_of_birth"),
    ],
)
def test_what_only_looks_like_one_is_none(name: str) -> None:
    assert taken("id", name) == {}


def test_the_size_of_a_picture_is_no_height() -> None:
    assert taken("id", "height", "width") == {}
    assert taken("id", "height_cm", "width") == {"height_cm": "height_cm"}


def test_a_weight_beside_a_height_is_one_and_a_length_is_lying() -> None:
    assert taken("height", "weight") == {"height_cm": "height", "weight_kg": "weight"}
    assert taken("length_cm") == {"height_cm": "length_cm", "lying": "length_cm"}


def test_a_plain_age_counts_only_where_bone_ages_have_a_column_of_their_own() -> None:
    assert taken("age_years", "age", plain_age=True) == {"age": "age_years"}
    assert taken("age_years") == {}


def rows(header: str, *lines: str) -> tuple[list[Facts], list[str]]:
    names = header.split(",")
    return of_table([dict(zip(names, line.split(","), strict=True)) for line in lines])


def test_units_stand_in_the_cell_or_in_the_name() -> None:
    facts, remarks = rows("id,chronological_age_months,height_in", "a,124,55", "b,10y4m,4ft7in", "c,,140cm")
    assert [one.age for one in facts] == [Age(124), Age(124), None]
    assert [one.height_cm for one in facts] == pytest.approx([139.7, 139.7, 140])
    assert remarks == []


def test_whole_years_are_ranges_unless_a_column_has_fractions() -> None:
    assert [one.age for one in rows("id,patient_age_years", "a,10", "b,11")[0]] == [Age(126, 6), Age(138, 6)]
    assert [one.age for one in rows("id,patient_age_years", "a,10", "b,11.5")[0]] == [Age(120), Age(138)]
    assert [one.age for one in rows("id,patient_age", "a,010Y")[0]] == [Age(126, 6)]


def test_of_films_a_cell_that_is_not_understood_is_left_out_and_told() -> None:
    facts, remarks = rows("id,chronological_age,height_cm", "a,124,140", "b,tall,9000")
    assert [(one.age, one.height_cm) for one in facts] == [(None, 140), (None, None)]
    assert remarks == ["not used: '124' is no age: write it with its unit, as 10y4m, 10.5y or 124mo (and 2 more)"]


HEAD = "patient,date,sex,age,bone_age_months,intervals,height_cm,mother_cm,father_cm,model\n"
ROW = "p1,2024-01-31,M,10y4m,118.5,0.5:114.0-123.0 0.9:106.0-131.0,140.2,168,5ft10in,default\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(HEAD + ROW + "p2,,girl,,9y,,,,,\n")
    return path


def test_a_table_with_bone_ages_becomes_visits(table: Path) -> None:
    (patient, visit), (other, bare) = visits(table)
    assert (visit.name, patient, visit.day, visit.model) == ("line 2", "p1", date(2024, 1, 31), "default")
    child = visit.child
    assert (child.sex, child.age_months, child.bone_age_months, child.height_cm) == (Sex.MALE, 124, 118.5, 140.2)
    assert child.bone_age_intervals == (Interval(0.5, 114, 123), Interval(0.9, 106, 131))
    assert (child.by_network, child.father_cm) == (True, pytest.approx(177.8))
    assert (other, bare.child.sex, bare.child.bone_age_intervals) == ("p2", Sex.FEMALE, None)
    assert (bare.child.bone_age_months, bare.child.by_network) == (108, False)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("bone_age_months", "bones", "no column of bone ages, such as bone_age_months"),
        ("140.2", "tall", "line 2: 'tallcm' is no height|line 2: 'tall' is no height"),
        ("10y4m", "10", "line 2: '10' is no age"),
        ("M,", "child,", "line 2: unknown sex 'child'"),
        ("0.5:114.0-123.0", "about", "line 2: .* has no intervals such as"),
        ("0.5:114.0-123.0", "0.5:1.1.4-123.0", "line 2: '0.5:1.1.4-123.0 .* has no intervals such as"),
        ("0.5:114.0-123.0", "0.5:...-123.0", "has no intervals such as"),
        ("0.5:114.0-123.0", "0.5:123.0-114.0", "line 2: no interval: level 0.5, 123.0 to 114.0"),
        ("2024-01-31", "yesterday", "line 2: 'yesterday' is no date"),
    ],
)
def test_a_wrong_table_is_refused_with_the_line(table: Path, old: str, new: str, reason: str) -> None:
    table.write_text(HEAD.replace(old, new) + ROW.replace(old, new))
    with pytest.raises(BadTable, match=reason):
        visits(table)


def test_readings_of_a_record_that_do_not_count_are_left_out(table: Path) -> None:
    head = "id,patient,sex,chronological_age_months,bone_age_months,superseded_by,withdrawn_at\n"
    table.write_text(
        f"{head}1,p,male,120,118,,\n2,p,male,120,100,3,\n3,p,male,132,130,,2024-01-01\n4,p,male,132,130,,\n"
    )
    assert [visit.name for _, visit in visits(table)] == ["1", "4"]


def test_an_error_is_intervals_or_a_standard_deviation_or_unknown() -> None:
    assert intervals_of(120, "", "") is None
    found = intervals_of(120, "", "7")
    assert found is not None
    assert found[-1].high - 120 == pytest.approx(1.645 * 7, abs=0.01)
    assert intervals_of(120, "", " 7,5 ") == intervals_of(120, "", "7.5")
    for text, reason in (("about 7", "'about 7' is not a number"), ("nan", "not a number"), ("-7", "is below 0")):
        with pytest.raises(ValueError, match=reason):
            intervals_of(120, "", text)


def test_the_visits_of_a_patient(table: Path) -> None:
    table.write_text(HEAD + ROW + ROW + ROW.replace("p1", ""))
    found = by_patient(visits(table))
    assert {name: len(known) for name, known in found.items()} == {"p1": 2}
