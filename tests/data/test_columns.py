"""What the columns of a table are taken for, in the words and spellings that people use."""

from __future__ import annotations

from pathlib import Path

import pytest

from boneage.data.columns import look_like_years
from boneage.data.dataset import Sample, checked_table, open_folder, read_table
from boneage.errors import BadTable
from boneage.types import Sex


def table(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def one(folder: Path, text: str) -> Sample:
    (sample,) = read_table(table(folder, text))
    return sample


def reason(folder: Path, text: str) -> str:
    with pytest.raises(BadTable, match=r"table\.csv") as caught:
        read_table(table(folder, text))
    return str(caught.value)


@pytest.mark.parametrize(
    ("header", "cells", "sexes"),
    [
        ("female", ("1", "0", ""), "fm?"),
        ("Is female", ("yes", "No", "unknown"), "fm?"),
        ("female", ("TRUE", "false", "1.0", "0.0"), "fmfm"),
        ("girl", ("WAHR", "FALSCH"), "fm"),
        ("male", ("yes", "no", "T", "y", "N"), "mfmmf"),
        ("Geschlecht", ("W", "m", "weiblich"), "fmf"),
        ("sexe", ("F", "M"), "fm"),
        ("Sexo (M/F)", ("F", "M"), "fm"),
        ("PatientSex", ("F", "O"), "f?"),
    ],
)
def test_columns_of_sexes(tmp_path: Path, header: str, cells: tuple[str, ...], sexes: str) -> None:
    rows = "".join(f"{number},{cell}\n" for number, cell in enumerate(cells))
    letters = {Sex.FEMALE: "f", Sex.MALE: "m", Sex.UNKNOWN: "?"}
    assert "".join(letters[s.sex] for s in read_table(table(tmp_path, f"id,{header}\n{rows}"))) == sexes


def test_an_f_that_may_be_female_or_false_is_asked_about(tmp_path: Path) -> None:
    assert "'F' in the column 'female' may be female or false" in reason(tmp_path, "id,female\n1,T\n2,F\n")


def test_sexes_under_another_name_stop_what_needs_labels(tmp_path: Path) -> None:
    text = "id,boneage,g\n1,100,F\n2,110,M\n3,120,\n"
    assert "the column 'g' holds sexes ('F', 'M') but is not called so: name it sex" in reason(tmp_path, text)
    remarks = checked_table(table(tmp_path, text), labelled=False).remarks
    assert any("name it sex" in remark for remark in remarks)
    assert read_table(table(tmp_path, "id,boneage,marker\n1,100,M\n2,110,M\n"))[0].sex is Sex.UNKNOWN


def test_what_the_columns_were_taken_for_is_said(tmp_path: Path) -> None:
    path = table(tmp_path, "id,File,bone age (years),female,note\n1,1.png,7.5,yes,x\n")
    assert checked_table(path).remarks == (
        f"{path}: ids from 'id', films from 'file', bone ages in years from 'bone_age_years', sexes from 'female'; "
        "not used: 'note'",
    )
    path = table(tmp_path, "id,patient_age\n1,7\n")
    assert checked_table(path).remarks == (
        f"{path}: ids from 'id', no column of bone ages was recognised, no column of sexes was recognised; "
        "not used: 'patient_age'",
    )
    assert open_folder(path).remarks[0] == checked_table(path).remarks[0]


def test_columns_that_may_not_be_what_they_are_taken_for(tmp_path: Path) -> None:
    path = table(tmp_path, "id,age,sex\n1,100,\n2,110,U\n")
    assert checked_table(path).remarks[1:] == (
        f"{path}: the column 'age' is taken for bone ages; a chronological age is none",
        f"{path}: no row tells a sex: the column 'sex' is empty or says unknown",
    )


def test_nobody_is_told_to_call_a_chronological_age_a_bone_age(tmp_path: Path) -> None:
    message = reason(tmp_path, "id,sex,age\n1,F,10.4\n2,M,16.2\n")
    assert "look like years" in message
    assert "a chronological age is no label" in message
    assert "bone_age" not in message
    assert "name one" not in reason(tmp_path, "id,age,age_2\n1,100,110\n")


def test_where_the_id_is_the_patients_the_film_is_known_by_its_file(tmp_path: Path) -> None:
    found = read_table(table(tmp_path, "id,scan\np1,a.png\np1,b.png\np2,c.png\n"))
    assert [(s.id, s.patient) for s in found] == [("a", "p1"), ("b", "p1"), ("c", "p2")]
    assert one(tmp_path, "patient_id,sex\np1,F\n").id == "p1"


def test_a_chronological_age_is_no_label(tmp_path: Path) -> None:
    assert one(tmp_path, "id,chronological_age,bone_age\n1,100,120\n").months == 120
    assert one(tmp_path, "id,chronological_age\n1,100\n").months is None


@pytest.mark.parametrize(
    ("months", "years"),
    [([], False), ([7], False), ([7.5], True), ([7, 12], True), ([7, 12, 21], False), ([6.5, 20.4], True)],
)
def test_columns_that_look_like_years(months: list[float], years: bool) -> None:
    assert look_like_years(months) is years
