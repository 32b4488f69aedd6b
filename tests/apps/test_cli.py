"""The command line: what works, and that every bad input is one sentence, exit code 2 and nothing half-written."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from command import boneage, check_sentence, child, contents, done, refused
from dicom_files import TWELVE, dicom, written
from picture_files import GREY, RGB, G, chunk, png, saved
from refusals import full_disk
from tiny import FILMS, TINY

from boneage.apps.render import reading_text
from boneage.reading import batch, weights
from boneage.training.recipes import RECIPES
from boneage.types import Reading, Sex

COMMANDS = ("demo", "phantom", "train", "evaluate", "compare", "predict", "export", "info", "data check", "data sheet")
SETTINGS = [word for setting in TINY for word in ("--set", setting)]


@pytest.fixture
def folder(films: Path, tmp_path: Path) -> Path:
    """Two good films and, between them, a text file named .png."""
    place = tmp_path / "films"
    place.mkdir()
    shutil.copy(films / "images" / "1.png", place / "a.png")
    (place / "b.png").write_text("not a picture")
    shutil.copy(films / "images" / "2.png", place / "c.png")
    return place


@pytest.fixture
def film(films: Path) -> Path:
    return films / "images" / "1.png"


# what works


def codes(reading: dict[str, Any]) -> set[str]:
    return {flag["code"] for flag in reading["flags"]}


@pytest.mark.parametrize("command", ["", *COMMANDS])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_help(command: str, flag: str) -> None:
    out = done(*command.split(), flag).out
    assert out.startswith(f"Usage: boneage {command}".rstrip())
    if not command:
        assert all(word in out for line in COMMANDS for word in line.split()[:1])
        assert "Research use only" in out


def test_a_film_is_read_as_text(tiny_model: Path, film: Path) -> None:
    first, last = done("predict", film, "--model", tiny_model, "--sex", "female").out.splitlines()
    assert re.fullmatch(rf"{film}: bone age \d+\.\d months \(\d+ y \d+ mo\), female \(given\)", first)
    assert re.fullmatch(r"Model tiny, weights [0-9a-f]{12}\. Research use only, not a medical device\.", last)


def test_a_film_of_unknown_sex_says_so(tiny_model: Path, film: Path) -> None:
    out = done("predict", film, "--model", tiny_model).out
    assert "sex unknown\n  warning: the sex is unknown: the reading is less sure\n" in out


@pytest.mark.parametrize("said", ["O", "", "U", None])
def test_a_dicom_without_a_usable_sex_is_unknown_and_flagged(tiny_model: Path, tmp_path: Path, said: str) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(written(dicom(PatientSex=said)))
    reading = json.loads(boneage("predict", path, "--model", tiny_model, "--json").out)
    assert (reading["sex"], reading["sex_source"]) == ("unknown", "absent")
    assert "sex_unknown" in codes(reading)


def test_the_sex_given_overrides_the_files_and_the_contradiction_is_flagged(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(written(dicom(PatientSex="F")))
    own = json.loads(done("predict", path, "--model", tiny_model, "--json", "--force").out)
    given = json.loads(done("predict", path, "--model", tiny_model, "--json", "--force", "--sex", "male").out)
    assert (own["sex"], own["sex_source"]) == ("female", "dicom")
    assert (given["sex"], given["sex_source"]) == ("male", "given")
    assert "sex_contradicts_file" in codes(given) - codes(own)
    assert given["bone_age_months"] != own["bone_age_months"]
    text = boneage("predict", path, "--model", tiny_model, "--sex", "male").out
    assert "the sex given is male, the file says female" in text


def test_info_says_what_there_is() -> None:
    out = done("info").out
    assert out.startswith("weights: ")
    assert all(f"\n  {name} " in out for name in RECIPES)
    assert "\n  prepare.size = 256\n" in out
    assert "Research use only" in out


def test_info_says_what_a_model_is(tiny_model: Path) -> None:
    about = json.loads(done("info", tiny_model).out)
    assert about["config"]["prepare"]["size"] == 48
    assert about["data"]["train"] + about["data"]["validation"] <= FILMS
    assert len(about["weights_sha256"]) == 64


def test_phantoms_are_trained_on_exported_and_read(tmp_path: Path) -> None:
    hands, run, model = tmp_path / "hands", tmp_path / "run", tmp_path / "model.onnx"
    assert done("phantom", hands, "--n", 12, "--seed", 3, "--size", 64).out == f"12 synthetic films in {hands}\n"
    few = ["--set", "train.epochs=1", "--set", "train.batch=4"]
    said = done("train", "tiny", "--data", hands, "--out", run, *SETTINGS, *few).out
    assert re.fullmatch(rf"{run}: MAE \d+\.\d\d months on 1 validation films, .*\n", said)
    words = ("--out", model, "--name", "mine", "--quantise", "float16")
    assert done("export", run, *words).out == f"{model} written\n"
    assert json.loads(done("info", model).out)["quantise"] == "float16"
    assert model.stat().st_size < 0.65 * (run / "model.onnx").stat().st_size
    assert "Model mine, " in done("predict", hands / "images" / "1.png", "--model", model).out


def test_a_model_is_evaluated_and_compared(tiny_model: Path, films: Path, tmp_path: Path) -> None:
    out, report = tmp_path / "evaluated", tmp_path / "report"
    said = done("evaluate", tiny_model, "--data", films, "--out", out, "--split", "calibration")
    found = json.loads((out / "metrics.json").read_text())
    assert said.out.startswith(f"MAE {found['mae']['value']:.2f} months (")
    assert f"n = {found['n']}, split calibration" in said.out
    with (out / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["id", "sex", "label", "prediction"]
    shutil.copy(out / "predictions.csv", tmp_path / "other.csv")
    assert "report.html" in done("compare", out, tmp_path / "other.csv", "--out", report).out
    assert (report / "report.html").stat().st_size > 10_000


def test_films_are_laid_out_on_a_sheet(films: Path, tmp_path: Path) -> None:
    done("data", "sheet", "tiny", "--data", films, "--out", tmp_path / "sheet.png", "--set", "prepare.size=48")
    assert contents(tmp_path).keys() == {"sheet.png"}


def test_an_age_before_birth_has_no_strange_years() -> None:
    reading = Reading("a.png", -0.7, Sex.MALE, "given", (), "tiny", "a" * 64, "b" * 64, "0.1.0")
    assert reading_text(reading) == "a.png: bone age -0.7 months (0 y 0 mo), male (given)"


def test_names_of_films_may_be_in_any_encoding(film: Path, tiny_model: Path, tmp_path: Path) -> None:
    """A name that is no UTF-8, a name that is no ASCII, and a terminal that knows only ASCII."""
    place = tmp_path / "films"
    place.mkdir()
    for name in (b"h\xe9nd.png", "hånd.png".encode()):
        shutil.copy(film, os.path.join(os.fsencode(place), name))
    out, ascii_only = tmp_path / "out.csv", os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    for words in (("--json", "--csv", out), ()):
        ended = child("predict", place, "--model", tiny_model, *words, env=ascii_only)
        assert ended.returncode == 0, ended.stderr
        assert len(ended.stdout.splitlines()) == 2 if words else ended.stdout.count("bone age") == 2
    with out.open(encoding="utf-8", newline="") as file:
        assert {row["id"] for row in csv.DictReader(file)} == {"h\\udce9nd", "hånd"}


# a folder in which one film is bad


def test_the_rest_of_a_folder_is_read_and_the_failures_stand_at_the_end(tiny_model: Path, folder: Path) -> None:
    ended = boneage("predict", folder, "--model", tiny_model)
    assert ended.code == 2
    assert [line.split(":")[0] for line in ended.out.splitlines() if "bone age" in line] == [
        str(folder / "a.png"),
        str(folder / "c.png"),
    ]
    reason, count = ended.err.splitlines()
    assert reason.startswith(f"boneage: cannot read {folder / 'b.png'}: ")
    assert count == "boneage: 1 of 3 films could not be read"


def test_json_is_json_and_nothing_else(tiny_model: Path, folder: Path, tmp_path: Path) -> None:
    ended = boneage("predict", folder, "--model", tiny_model, "--json", "--csv", tmp_path / "out.csv")
    assert ended.code == 2
    first, second, third = (json.loads(line) for line in ended.out.splitlines())
    assert first["bone_age_months"]
    assert second.keys() == {"file", "error"}
    assert third["file"] == str(folder / "c.png")


def test_a_table_holds_the_failures_too(tiny_model: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.csv"
    ended = boneage("predict", folder, "--model", tiny_model, "--csv", out)
    assert ended.code == 2
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == ["a", "b", "c"]
    assert [bool(row["bone_age_months"]) for row in rows] == [True, False, True]
    assert [bool(row["error"]) for row in rows] == [False, True, False]
    assert contents(out.parent).keys() == {"out.csv"}


def test_a_refused_film_has_no_age_in_any_output_unless_forced(tiny_model: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "stripes.png"), np.tile(np.arange(200, dtype=np.uint8) // 20 % 2 * 200, (150, 1)))
    out, words = tmp_path / "out.csv", ("predict", tmp_path, "--model", tiny_model, "--sex", "male")
    for force in (False, True):
        more = ("--force",) if force else ()
        code = 0 if force else 3
        text = (ended := boneage(*words, *more)).out
        assert ended.code == code, ended.err
        assert ("no bone age, the film was refused" in text) != force
        assert ("FORCED though the film was refused" in text) == force
        assert "refused: no radiograph of one hand was recognised" in text
        line = json.loads(boneage(*words, *more, "--json").out)
        assert (line["bone_age_months"] is not None, line["forced"]) == (force, force)
        assert line["flags"][0]["severity"] == "refuse"
        assert boneage(*words, *more, "--csv", out).code == code
        with out.open(newline="") as file:
            (row,) = csv.DictReader(file)
        assert (bool(row["bone_age_months"]), row["forced"], row["error"]) == (force, str(force), "")
        assert "not_a_hand" in row["flags"].split()


def test_ctrl_c_keeps_what_was_read(
    tiny_model: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = batch.read

    def interrupted(path: Path) -> object:
        if path.name == "c.png":
            raise KeyboardInterrupt
        return read(path)

    monkeypatch.setattr(batch, "read", interrupted)
    out = tmp_path / "out" / "out.csv"
    ended = boneage("predict", folder, "--model", tiny_model, "--csv", out)
    assert (ended.code, ended.out) == (130, "")
    assert ended.err.startswith("boneage: stopped; what was done is kept")
    assert [row.split(",")[0] for row in out.read_text().splitlines()] == ["id", "a", "b"]
    assert contents(out.parent).keys() == {"out.csv"}


def test_what_is_known_and_what_is_passed_over_is_said_beside_the_output(tiny_model: Path, folder: Path) -> None:
    table = folder / "table.csv"
    table.write_text("id,Female,Age\na,yes,10.4\nc,no,16.2\n")
    (folder / "notes.doc").write_text("no film")
    (folder / "b.png").unlink()
    ended = done("predict", folder, "--model", tiny_model)
    assert "a.png: bone age" in ended.out
    assert ended.out.count("female (table)") == ended.out.count(" male (table)") == 1
    said = [line for line in ended.err.splitlines() if line.startswith("boneage: ")]
    assert said == [
        f"boneage: {table}: ids from 'id', sexes from 'female'; not used: 'age'",
        f"boneage: {table}: used for the sexes of 2 of 2 films",
        f"boneage: {folder}: 1 file was passed over: 1 .doc",
    ]


def test_an_evaluation_says_which_columns_it_took(tiny_model: Path, folder: Path, tmp_path: Path) -> None:
    table = folder / "table.csv"
    table.write_text("id,bone age,age at exam\na,100,7.5\nc,50,8.1\n")
    err = done("evaluate", tiny_model, "--data", folder, "--out", tmp_path / "out", "--split", "all").err
    taken = "ids from 'id', bone ages in months from 'bone_age', no column of sexes was recognised"
    assert f"boneage: {table}: {taken}; not used: 'age_at_exam'\n" in err


def test_evaluation_lists_the_films_it_could_not_read(tiny_model: Path, folder: Path, tmp_path: Path) -> None:
    (folder / "table.csv").write_text("id,boneage,male\na,100,True\nb,90,True\nc,50,False\ngone,60,False\n")
    ended = boneage("evaluate", tiny_model, "--data", folder, "--out", tmp_path / "out", "--split", "all")
    assert ended.code == 2
    assert "n = 2, split all" in ended.out
    *_, unreadable, gone, count = ended.err.splitlines()
    table = folder / "table.csv"
    assert unreadable.startswith(f"boneage: {table}, film b: cannot read {folder / 'b.png'}: ")
    assert gone == f"boneage: {table}, film gone: no image with this id was found"
    assert count == "boneage: 2 of 4 films could not be read"


def test_a_reader_that_stops_listening_is_no_error(tiny_model: Path, folder: Path) -> None:
    words = [sys.executable, "-m", "boneage", "predict", folder, "--model", tiny_model, "--json"]
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write) as pipe:
        ended = subprocess.run(words, stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=300)
    assert (ended.returncode, ended.stderr) == (1, "")


# films that are none


def truncated_dicom() -> bytes:
    return written(dicom(TWELVE))[:-500]


def corrupt_png() -> bytes:
    data = bytearray(saved(G, "PNG"))
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


def huge_png() -> bytes:
    data = png(GREY, 8, 0)
    size = (200_000).to_bytes(4, "big")
    return data[:8] + chunk(b"IHDR", size + size + b"\x08\0\0\0\0") + data[33:]


NO_FILMS: dict[str, tuple[Callable[[], bytes], str]] = {
    "corrupt.png": (corrupt_png, "the PNG image is damaged"),
    "truncated.png": (lambda: saved(G, "PNG")[:-200], "the PNG image is truncated"),
    "truncated.jpg": (lambda: saved(RGB, "JPEG")[:-300], "the JPEG image is truncated"),
    "truncated.dcm": (truncated_dicom, ""),
    "huge.png": (huge_png, "200000 x 200000 pixels is more than the limit"),
    "text.png": (lambda: b"Dear reader,\n", "it looks like text"),
    "empty.png": (lambda: b"", "the file is empty"),
    "bytes.png": (lambda: bytes(range(200)), "it looks like unknown binary data"),
    "gif.png": (lambda: saved(G, "GIF"), "it looks like a GIF"),
    "small.png": (lambda: png(GREY[:8, :8], 8, 0), "8 x 8 pixels is too small"),
}


@pytest.mark.parametrize("name", NO_FILMS)
def test_a_file_that_is_no_film_is_one_sentence(tiny_model: Path, tmp_path: Path, name: str) -> None:
    data, reason = NO_FILMS[name]
    path = tmp_path / name
    path.write_bytes(data())
    refused("predict", path, "--model", tiny_model, naming=path, because=reason)


def test_a_film_that_is_not_there_is_one_sentence(tiny_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "gone.png"
    refused("predict", path, "--model", tiny_model, naming=path, because="there is no such file")
    refused("predict", tmp_path, "--model", tiny_model, naming=tmp_path, because="holds no picture and no DICOM file")


# tables that are none


BAD_TABLES = {
    "wrong columns": ("name,value\n1,2\n", "column"),
    "doubled ids": ("id,boneage,male\n1,100,True\n2,90,True\n1,80,False\n", "line 4: the id '1' is there twice"),
    "ages in years": ("id,boneage,male\n1,8.5,True\n2,12,True\n3,4.25,False\n", "look like years"),
    "unknown sex": ("id,boneage,sex\n1,100,female\n2,90,boyish\n", "line 3: unknown sex 'boyish'"),
    "no number": ("id,boneage,male\n1,old,True\n", "line 2: the age 'old' is not a number"),
    "too old": ("id,boneage,male\n1,900,True\n2,80,True\n", "line 2: the age '900' is 900 months"),
    "cells missing": ("id,boneage,male\n1,100,True,7\n", "line 2: has 4 cells where the header has 3"),
    "no rows": ("id,boneage,male\n", "has no rows"),
    "empty": ("", "is empty"),
    "no text": ("id,boneage\n\0\0\0", "zero bytes"),
    "no sexes": ("id,boneage,sex\n1,100,1\n2,90,2\n", "unknown sex '1'"),
    "sexes under another name": ("id,boneage,g\n1,100,M\n2,90,F\n", "name it sex"),
}
OF_NO_MATTER_TO_READINGS = {
    *("ages in years", "unknown sex", "no number", "too old", "no sexes", "sexes under another name"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_a_bad_table_is_one_sentence(name: str, films: Path, tiny_model: Path, tmp_path: Path) -> None:
    text, reason = BAD_TABLES[name]
    table, out = tmp_path / "table.csv", tmp_path / "out"
    table.write_text(text)
    if name in OF_NO_MATTER_TO_READINGS:
        done("predict", table, "--model", tiny_model, "--images", films)
    else:
        refused("predict", table, "--model", tiny_model, "--images", films, naming=table, because=reason)
    refused("train", "tiny", "--data", table, "--out", out, naming=table, because=reason)
    refused("evaluate", tiny_model, "--data", table, "--out", out, naming=table, because=reason)
    assert contents(tmp_path).keys() == {"table.csv"}
    assert not out.exists()


def test_a_data_folder_without_a_table_or_with_two_is_one_sentence(tmp_path: Path) -> None:
    out, data = tmp_path / "out", tmp_path / "data"
    refused("train", "tiny", "--data", data, "--out", out, naming=data, because="neither a data folder nor a table")
    data.mkdir()
    refused("train", "tiny", "--data", data, "--out", out, naming=data, because="holds no table")
    for name in ("one.csv", "two.csv"):
        (data / name).write_text("id,boneage,male\n1,100,True\n")
    refused("train", "tiny", "--data", data, "--out", out, naming=data, because="several tables (one.csv, two.csv)")
    assert not out.exists()


def test_a_tables_films_may_be_in_another_folder(films: Path, tiny_model: Path, tmp_path: Path) -> None:
    table, out = tmp_path / "table.csv", tmp_path / "out"
    table.write_text("id,boneage,male\n1,100,True\n2,90,False\n")
    ended = boneage("predict", table, "--model", tiny_model)
    assert ended.code == 2
    assert ended.err.splitlines()[:2] == [
        f"boneage: {table}: ids from 'id', sexes from 'male'; not used: 'boneage'",
        f"boneage: {table}, film 1: no image with this id was found in {tmp_path}",
    ]
    assert ended.err.splitlines()[-1] == "boneage: 2 of 2 films could not be read"
    refused("evaluate", tiny_model, "--data", table, "--out", out, because="not one of 2 films")
    refused("predict", table, "--model", tiny_model, "--images", out, naming=out, because="is not a folder of images")
    assert not out.exists()
    read = done("predict", table, "--model", tiny_model, "--images", films).out
    assert read.count("bone age") == 2
    assert "male (table)" in read


def test_training_on_a_table_whose_films_are_elsewhere_is_refused(tmp_path: Path) -> None:
    table, out = tmp_path / "table.csv", tmp_path / "out"
    table.write_text("id,boneage,male\n1,100,True\n2,90,False\n")
    ended = boneage("train", "tiny", "--data", table, "--out", out, *SETTINGS)
    check_sentence(ended.code, ended.err.splitlines(keepends=True)[-1], table, "leaves no film to train on")
    assert not out.exists()


def test_folds_are_read_by_their_model_files(films: Path, tmp_path: Path) -> None:
    words = ("--data", films, "--out", tmp_path / "out", "--folds", 2, "--no-export")
    refused("train", "tiny", *words, because="--no-export and --folds exclude each other")
    assert not (tmp_path / "out").exists()


def test_a_data_folder_with_one_film_can_be_trained_on_and_evaluated(
    films: Path, tiny_model: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    shutil.copy(films / "images" / "1.png", data)
    (data / "table.csv").write_text("id,boneage,male\n1,100,True\n")
    ended = done("train", "tiny", "--data", data, "--out", tmp_path / "run", "--no-export", *SETTINGS)
    assert ended.out == f"{tmp_path / 'run'}: trained, without validation films\n"
    assert not (tmp_path / "run" / "model.onnx").exists()
    done("evaluate", tiny_model, "--data", data, "--out", tmp_path / "out")
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["n"] == 1


# models that are none


def test_without_weights_no_age_is_invented(film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "OWN", tmp_path)
    monkeypatch.setattr(weights, "entry_points", lambda group: ())
    for words in ((), ("--model", "nosuch"), ("--model", tmp_path / "gone.onnx")):
        ended = boneage("predict", film, *words)
        check_sentence(ended.code, ended.err, because="no trained weights: ")
        assert ended.out == ""
    assert done("info").out.startswith("weights: none\n")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[: len(data) // 2], "cut short"),
        (lambda data: data[:-1], "cut short"),
        (lambda data: data[:999] + bytes([data[999] ^ 1]) + data[1000:], "cut short or altered"),
        (lambda data: b"", "is no model exported by boneage, or is cut short"),
        (lambda data: b"onnx", "is no model exported by boneage, or is cut short"),
    ],
    ids=["half", "a byte less", "a byte altered", "empty", "text"],
)
def test_a_damaged_model_is_one_sentence(
    change: Callable[[bytes], bytes], reason: str, tiny_model: Path, film: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model.onnx"
    model.write_bytes(change(tiny_model.read_bytes()))
    refused("predict", film, "--model", model, naming=model, because=reason)
    refused("info", model, naming=model, because=reason)
    refused("predict", film, "--model", film, naming=film, because="is no model exported by boneage")


@pytest.mark.parametrize("name", ["weights.safetensors", "run.json"])
@pytest.mark.parametrize("how", ["short", "altered", "gone"])
def test_a_damaged_run_is_one_sentence(name: str, how: str, tiny_run: Path, film: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    data = bytearray((run / name).read_bytes())
    data[len(data) * 2 // 3] ^= 1
    (run / name).write_bytes(data if how == "altered" else data[:-10])
    if how == "gone":
        (run / name).unlink()
    refused("predict", film, "--model", run, naming=run, because=name)
    refused("export", run, "--out", tmp_path / "model.onnx", naming=run, because=name)
    assert not (tmp_path / "model.onnx").exists()


# places that take nothing


@pytest.fixture
def blocked(tmp_path: Path) -> Path:
    """A path below a regular file: no user, root included, can write there."""
    (tmp_path / "file").write_text("in the way")
    return tmp_path / "file" / "out"


def test_no_command_writes_where_it_cannot(blocked: Path, films: Path, tiny_run: Path, tiny_model: Path) -> None:
    for words in (
        ("phantom", blocked, "--n", 1, "--size", 32),
        ("demo", "--out", blocked),
        ("train", "tiny", "--data", films, "--out", blocked, *SETTINGS),
        ("evaluate", tiny_model, "--data", films, "--out", blocked, "--split", "calibration"),
        ("export", tiny_run, "--out", blocked.with_suffix(".onnx")),
        ("data", "sheet", "tiny", "--data", films, "--out", blocked, "--set", "prepare.size=48"),
        ("predict", films / "images", "--model", tiny_model, "--csv", blocked),
    ):
        refused(*words, naming=blocked)
    assert contents(blocked.parent.parent) == {"file": b"in the way"}


def test_an_unwritable_table_is_refused_before_the_first_film_is_read(
    blocked: Path, folder: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "read", lambda path: pytest.fail(f"{path} was read"))
    refused("predict", folder, "--model", tiny_model, "--csv", blocked, naming=blocked, because="cannot be written")
    refused("predict", folder, "--model", tiny_model, "--csv", folder, naming=folder, because="it is a folder")


def test_a_full_disk_leaves_nothing_half_written(films: Path, tiny_model: Path, tmp_path: Path) -> None:
    table, sheet, hands = tmp_path / "out.csv", tmp_path / "sheet.png", tmp_path / "hands"
    sheet.write_text("an older sheet")
    with full_disk(1000):
        for words, out in (
            (("predict", films / "images", "--model", tiny_model, "--csv", table), table),
            (("data", "sheet", "tiny", "--data", films, "--out", sheet, "--set", "prepare.size=48"), sheet),
            (("phantom", hands, "--n", 3), hands),
        ):
            refused(*words, naming=out, because="File too large")
    device = ("predict", films / "images" / "1.png", "--model", tiny_model, "--csv", "/dev/full")
    assert boneage(*device).err.endswith("boneage: /dev/full cannot be written: No space left on device\n")
    assert contents(tmp_path) == {"sheet.png": b"an older sheet"}


def test_years_under_the_name_of_months_are_remarked(folder: Path, tiny_model: Path, tmp_path: Path) -> None:
    table = folder / "table.csv"
    remark = f"boneage: {table}: the labels look like years (the largest is 14) but are taken for months, "
    for column, remarked in (("bone_age_months", True), ("bone_age_years", False)):
        table.write_text(f"id,{column},male\na,10,True\nc,14,False\n")
        ended = boneage("evaluate", tiny_model, "--data", folder, "--out", tmp_path / column, "--split", "all")
        assert ended.code == 0
        assert (remark in ended.err) == remarked
    table.write_text("id,bone_age_months,male\na,10,True\nc,14,False\n")
    words = [word for setting in TINY for word in ("--set", setting)]
    trained = boneage("train", "tiny", "--data", folder, "--out", tmp_path / "run", "--no-export", *words)
    assert remark in trained.err


def test_nothing_is_written_over_what_is_read(folder: Path, films: Path, tiny_model: Path, tmp_path: Path) -> None:
    table, film, link = folder / "table.csv", folder / "a.png", tmp_path / "link.png"
    table.write_text("id,boneage,male\na,100,True\nc,90,False\n")
    link.symlink_to(film)
    before = contents(folder)
    because = "it is one of the files that are read"
    for words, out in (
        (("predict", film, "--csv"), film),
        (("predict", film, "--csv"), link),
        (("predict", folder, "--csv"), film),
        (("predict", table, "--csv"), table),
        (("predict", film, "--heatmap"), film),
        (("neighbours", film, "--gallery", folder, "--out"), film),
        (("neighbours", film, "--gallery", folder, "--out"), folder / "c.png"),
    ):
        refused(*words, out, "--model", tiny_model, naming=out, because=because)
    refused("predict", folder, "--heatmap", folder, "--model", tiny_model, naming=film, because=because)
    refused("data", "sheet", "tiny", "--data", folder, "--out", film, naming=film, because=because)
    assert contents(folder) == before


def test_output_that_cannot_be_printed_is_one_sentence(film: Path, tiny_model: Path) -> None:
    with open("/dev/full", "w") as full:
        ended = child(
            "predict", film, "--model", tiny_model, "--json", capture_output=False, stdout=full, stderr=subprocess.PIPE
        )
    check_sentence(ended.returncode, ended.stderr, because="the output: No space left on device")


def test_what_exists_is_not_overwritten(films: Path, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")
    run = tmp_path / "run"
    refused("train", "tiny", "--data", films, "--out", run, *SETTINGS, naming=run, because="exists already")
    refused("demo", "--out", run, naming=run, because="exists already")
    refused("phantom", run, "--n", 1, naming=run, because="not an empty folder")
    refused("evaluate", tiny_model, "--data", films, "--out", run, naming=run, because="holds other things")
    assert contents(tmp_path) == {"run/notes.txt": b"mine"}


def test_a_run_is_resumed_with_its_own_configuration_only(films: Path, tiny_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run, run)
    before = contents(run)
    words = ("train", "tiny", "--data", films, "--resume", *SETTINGS)
    refused(*words, "--out", run, "--set", "train.lr=0.1", naming=run, because="another configuration (train.lr)")
    (run / "state.safetensors").write_bytes(before["state.safetensors"][:-5])
    refused(*words, "--out", run, naming="state.safetensors", because="cut short or altered")
    (run / "state.safetensors").write_bytes(before["state.safetensors"])
    assert contents(run) == before


# words that are none


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("train", "nosuch"), "no recipe is named 'nosuch'; known: "),
        (("train", "tiny", "--set", "size=3"), "--set 'size=3' is not section.field=value"),
        (("train", "tiny", "--set", "train.lr=fast"), "'fast'"),
        (("train", "tiny", "--set", "train.loss=mystery"), "unknown train.loss 'mystery'"),
        (("train", "tiny", "--set", "train.device=abacus"), "train.device 'abacus' is not here"),
    ],
)
def test_a_wrong_setting_is_one_sentence(words: tuple[str, ...], reason: str, films: Path, tmp_path: Path) -> None:
    refused(*words, "--data", films, "--out", tmp_path / "out", because=reason)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words",
    [("predict",), ("predict", "a.png", "--sex", "x"), ("nosuch",), ("train", "tiny"), ("phantom", "x", "--n", "y")],
)
def test_wrong_words_are_usage_errors(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = boneage(*words)
    assert ended.code == 2
    assert ended.err.startswith("Usage: boneage")
    assert "Error: " in ended.err.splitlines()[-1]


def test_what_needs_the_training_part_says_so_where_it_is_not_installed(films: Path, tmp_path: Path) -> None:
    without = "import sys; sys.modules['torch'] = None; from boneage.apps.cli import main; main()"
    ended = child("train", "tiny", "--data", films, "--out", tmp_path / "run", code=without)
    check_sentence(ended.returncode, ended.stderr, because="this needs boneage[train]: torch is not installed")


def test_a_mistake_of_the_program_is_not_blamed_on_the_user(
    film: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(batch, "read", broken)
    with pytest.raises(ZeroDivisionError), contextlib.redirect_stderr(io.StringIO()):
        boneage("predict", film, "--model", tiny_model)
