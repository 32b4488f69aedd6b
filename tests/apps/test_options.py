"""What the commands are given: several sources, standard input, a sex in words; and how they end."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import pytest
from command import boneage, child, done, refused

STRIPES = np.tile(np.arange(200, dtype=np.uint8) // 20 % 2 * 200, (150, 1))  # no hand


@pytest.fixture
def film(films: Path) -> Path:
    return films / "images" / "1.png"


def lines(*words: object) -> list[dict[str, object]]:
    """What ``predict --json`` prints."""
    return [json.loads(line) for line in boneage("predict", *words, "--json").out.splitlines()]


def test_the_version_is_said() -> None:
    assert done("--version").out == f"boneage {version('boneage')}\n"


def test_several_sources_are_read_one_after_the_other(tiny_model: Path, films: Path, tmp_path: Path) -> None:
    folder, table = tmp_path / "folder", tmp_path / "table.csv"
    folder.mkdir()
    for number, place in ((1, tmp_path / "a.png"), (2, folder / "b.png"), (3, tmp_path / "c.png")):
        shutil.copy(films / "images" / f"{number}.png", place)
    table.write_text("id,sex\nc,F\n")
    sources = (folder, tmp_path / "a.png", table)
    assert [line["file"] for line in lines(*sources, "--model", tiny_model)] == [
        str(folder / "b.png"),
        str(tmp_path / "a.png"),
        str(tmp_path / "c.png"),
    ]
    assert lines(*sources, "--model", tiny_model)[2]["sex_source"] == "table"


def test_a_source_that_fails_stops_no_other(tiny_model: Path, film: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = boneage("predict", tmp_path / "gone.png", tmp_path / "empty", film, "--model", tiny_model)
    assert ended.code == 2
    assert f"{film}: bone age" in ended.out
    *reasons, count = ended.err.splitlines()[-3:]
    assert [str(name) in line for name, line in zip(("gone.png", "empty"), reasons, strict=True)] == [True, True]
    assert count == "boneage: 2 of 3 films could not be read"


def test_films_of_one_name_from_several_sources_keep_apart(tiny_model: Path, films: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(films / "images" / "1.png", tmp_path / folder)
    out = tmp_path / "out.csv"
    done("predict", tmp_path / "a" / "1.png", tmp_path / "b" / "1.png", "--model", tiny_model, "--csv", out)
    with out.open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [str(tmp_path / name / "1.png") for name in "ab"]


def test_a_film_comes_through_standard_input(tiny_model: Path, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from_file = lines(film, "--model", tiny_model, "--sex", "F")[0]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(film.read_bytes())))
    (from_input,) = lines("-", "--model", tiny_model, "--sex", "F")
    assert from_input == from_file | {"file": "-"}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Dear reader,")))
    refused("predict", "-", "--model", tiny_model, naming="cannot read -: ", because="it looks like text")


@pytest.mark.parametrize("word", ["F", "Female", "weiblich", " female", "W"])
def test_a_sex_is_given_in_any_of_its_words(tiny_model: Path, film: Path, word: str) -> None:
    (line,) = lines(film, "--model", tiny_model, "--sex", word)
    assert (line["sex"], line["sex_source"]) == ("female", "given")


@pytest.mark.parametrize("word", ["boyish", "", " "])
def test_another_word_is_no_sex(tiny_model: Path, film: Path, word: str) -> None:
    ended = boneage("predict", film, "--model", tiny_model, "--sex", word)
    assert ended.code == 2
    assert "is none of female, male and unknown" in ended.err
    assert "Value error" not in ended.err


def test_the_exit_code_says_whether_a_film_was_refused_or_failed(tiny_model: Path, film: Path, tmp_path: Path) -> None:
    stripes, text = tmp_path / "stripes.png", tmp_path / "text.png"
    cv2.imwrite(str(stripes), STRIPES)
    text.write_text("no film")
    codes = {
        (film,): 0,
        (film, stripes): 3,
        (stripes,): 3,
        (stripes, "--force"): 0,
        (film, text): 2,
        (stripes, text): 2,
    }
    assert {words: boneage("predict", *words, "--model", tiny_model).code for words in codes} == codes
    assert "3 if a film was refused" in re.sub(r"\s+", " ", done("predict", "--help").out)


def test_a_table_runs_no_formula(tiny_model: Path, film: Path, tmp_path: Path) -> None:
    names = ("=1+2.png", "@sum.png", "-1.png", "+1.png")
    for name in names:
        shutil.copy(film, tmp_path / name)
    out = tmp_path / "out.csv"
    done("predict", tmp_path, "--model", tiny_model, "--csv", out)
    with out.open(newline="") as file:
        assert {row["id"] for row in csv.DictReader(file)} == {f"'{name.removesuffix('.png')}" for name in names}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no such links here")
def test_a_table_through_a_link_to_the_own_output_is_all_that_is_printed(
    tiny_model: Path, film: Path, tmp_path: Path
) -> None:
    link, out = tmp_path / "link", tmp_path / "out.csv"
    os.symlink("/proc/self/fd/1", link)
    with out.open("wb") as file:
        ended = child("predict", film, "--model", tiny_model, "--csv", link, stdout=file, capture_output=False)
    assert ended.returncode == 0
    assert link.is_symlink()
    with out.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["bone_age_months"]
    through_pipe = child(
        "predict",
        film,
        "--model",
        tiny_model,
        "--csv",
        "/dev/stdout",
        stderr=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        capture_output=False,
    )
    assert through_pipe.stdout == out.read_text()
