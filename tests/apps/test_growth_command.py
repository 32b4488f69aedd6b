"""Growth at the command line: of one child, of a table, of films; bad input is one sentence."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from command import boneage as boneage_command
from command import done, refused
from dicom_files import dicom, written
from jsonschema import Draft202012Validator

import boneage
from boneage.data.phantom import draw
from boneage.types import Sex

CHILD = ("--sex", "male", "--age", "10y6m", "--height", "140.2", "--weight", "35", "--mother", "5ft6in")
CHILD += ("--father", "178")
TABLE = """patient,date,sex,age_months,bone_age_months,bone_age_sd_months,height_cm
p1,2023-03-01,m,114,100,6,131
p1,2024-03-01,m,126,140,6,137
p2,2024-03-01,f,126,,,137
"""


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    return Draft202012Validator(
        json.loads((Path(boneage.__file__).parent / "growth" / "growth.schema.json").read_text())
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "children.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def film(films: Path) -> Path:
    return films / "images" / "1.png"


def test_one_child() -> None:
    said = done("growth", *CHILD, "--bone-age", "9y7m", "--bone-age-sd", "8mo").out
    assert said.startswith("child: bone age 115.0 months (9 y 7 mo)\n")
    assert "adult height by Roche–Wainer–Thissen: " in said
    assert said.endswith("Research use only, not a medical device.\n")


def test_one_child_as_json(schema: Draft202012Validator) -> None:
    values = json.loads(done("growth", *CHILD, "--bone-age", "9y7m", "--json").out)
    assert values.pop("id") == "child"
    schema.validate(values)


def test_a_table_of_children_with_a_follow_up(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert done("growth", table, "--csv", out).out == ""
    rows = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [row["change"] for row in rows] == ["", "more_than_error", ""]
    assert "there is no bone age" in rows[2]["not_given"]
    said = done("growth", table).out
    assert "faster than the calendar: the error of the readings alone does not explain it" in said


def test_a_chart_of_ones_own_and_the_deviations_of_1959(tmp_path: Path) -> None:
    chart = tmp_path / "chart.csv"
    chart.write_text("sex,age_months,L,M,S\nmale,60,1,110,.04\nmale,180,1,160,.04\n")
    values = json.loads(
        done(
            "growth", *CHILD, "--bone-age", "9y7m", "--chart", chart, "--sds-table", "greulich_pyle_1959", "--json"
        ).out
    )
    assert values["height_sds"]["source"] == "the file chart.csv"
    assert "one transcription" in values["bone_age_sds"]["source"]


def test_a_film_with_what_is_told_of_the_child(film: Path, tiny_model: Path, schema: Draft202012Validator) -> None:
    words = ("predict", film, "--model", tiny_model, *CHILD)
    assert "adult height by Bayley–Pinneau" in done(*words).out
    values = json.loads(done(*words, "--json").out)
    schema.validate(values["growth"])
    assert values["growth"]["child"]["bone_age_months"] == values["bone_age_months"]
    assert "growth" not in json.loads(done("predict", film, "--model", tiny_model, "--json").out)
    assert "growth" in json.loads(done("predict", film, "--model", tiny_model, "--growth", "--json").out)


def test_a_table_of_films_with_what_is_told_of_the_children(films: Path, tiny_model: Path, tmp_path: Path) -> None:
    table, out = tmp_path / "films.csv", tmp_path / "out.csv"
    table.write_text("id,sex,chronological_age_months,height_in,mother,father\n1,f,120,55,165,178\n2,m,,,,\n")
    words = ("predict", table, "--images", films / "images", "--model", tiny_model)
    ended = done(*words, "--csv", out)
    assert "facts of the child from 'chronological_age_months', 'height_in', 'mother', 'father'" in ended.err
    first, second = csv.DictReader(out.read_text(encoding="utf-8").splitlines())
    assert (float(first["height_cm"]), float(first["target_height_cm"])) == (pytest.approx(139.7), 165.0)
    assert (second["height_cm"], second["target_height_cm"]) == ("", "")
    assert done("growth", out, "--json").out.count("\n") == 2


def test_the_films_of_a_patient_in_dicom(tiny_model: Path, tmp_path: Path) -> None:
    for year, months in ((2022, 100), (2024, 125)):
        pixels = draw(np.random.default_rng(year), months=months, sex=Sex.MALE, size=96).pixels
        tags = {"PatientID": "secret", "PatientBirthDate": "20130110", "StudyDate": f"{year}0110", "PatientSex": "M"}
        (tmp_path / f"{year}.dcm").write_bytes(written(dicom(pixels, 8, **tags)))
    said = done("predict", tmp_path, "--model", tiny_model, "--follow-up").out
    assert "patient 1:\n  from 2022 to 2024, 24.0 months:" in said
    assert "secret" not in said
    *_, last = done("predict", tmp_path, "--model", tiny_model, "--follow-up", "--json").out.splitlines()
    assert json.loads(last)["follow_up"][0]["months"] == pytest.approx(24, abs=0.1)


@pytest.mark.parametrize(
    ("words", "because"),
    [
        ((), "give a table of children, or one child"),
        (("--height", "140", "--chart", "nowhere.csv"), "nowhere.csv cannot be read"),
        (("nowhere.csv",), "nowhere.csv cannot be read"),
    ],
)
def test_bad_input_is_one_sentence(words: tuple[str, ...], because: str) -> None:
    refused("growth", *words, because=because)


@pytest.mark.parametrize(
    ("words", "because"),
    [
        (("--bone-age", "nine"), "'--bone-age': 'nine' is no age"),
        (("--height", "1.40"), "outside 25 to 250"),
        (("--mother", "60"), "of a parent"),
        (("--sds-table", "tanner"), "none of brush"),
    ],
)
def test_a_wrong_option_is_named(words: tuple[str, ...], because: str) -> None:
    ended = boneage_command("growth", *words)
    assert (ended.code, ended.out) == (2, "")
    assert because in ended.err
