"""One film of a job: its rows, or the reason why it has none, whatever happens."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from jobs import again

from boneage import Predictor, read
from boneage.errors import BadModel, MissingPackage
from boneage.reading.archive import film as films_of_jobs
from boneage.reading.archive.film import FilmReader, failed, is_failure
from boneage.reading.archive.job import Job
from boneage.reading.archive.planned import Planned, of_status
from boneage.types import Sex


@pytest.fixture(scope="module")
def reader(unbroken: Job) -> FilmReader:
    return FilmReader.of(unbroken.folder)


def test_a_film_has_the_row_of_its_reading(reader: FilmReader, films: Path, tiny_model: Path) -> None:
    path = films / "images/7.png"
    planned = Planned("seven", str(path), *of_status(path.stat()), Sex.MALE, "table")
    reading = Predictor.load(tiny_model, threads=1).read(read(path), Sex.MALE, sex_source="table")
    assert reader(planned) == [{"id": "seven"} | reading.to_dict()]


def test_a_picture_of_two_hands_has_two_rows(reader: FilmReader, films: Path, tmp_path: Path) -> None:
    hand = cv2.imread(str(films / "images/7.png"), cv2.IMREAD_GRAYSCALE)
    path = tmp_path / "both.png"
    cv2.imwrite(str(path), np.hstack([hand, np.zeros((len(hand), 12), np.uint8), hand[:, ::-1]]))
    rows = reader(Planned("both", str(path)))
    expected = Predictor.load(reader.job.plan.model, threads=1).read_each(read(path))
    assert [row["part"] for row in rows] == [one.part for one in expected]
    assert {row["id"] for row in rows} == {"both"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("gone.png", None, "there is no such file"),
        ("empty.png", b"", "the file is empty"),
        ("text.png", b"text", "it looks like text"),
        ("cut.png", b"\x89PNG\r\n\x1a\n\0\0", "cannot read"),
    ],
)
def test_a_film_that_cannot_be_read_has_a_row_with_the_reason(
    reader: FilmReader, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    (row,) = reader(Planned(name, str(path)))
    assert set(row) == {"id", "file", "error"}
    assert is_failure(row)
    assert row["error"].startswith(f"cannot read {path}: ")
    assert words in row["error"]


def test_what_was_no_film_when_it_was_planned_keeps_its_reason(reader: FilmReader) -> None:
    assert reader(Planned("x", "", reason="/a/x is closed")) == [{"id": "x", "file": "", "error": "/a/x is closed"}]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "there is not enough memory for it"),
        (ZeroDivisionError("/secret"), "failed (ZeroDivisionError)"),
    ],
)
def test_a_mistake_of_ours_is_one_films_and_quotes_nothing(
    reader: FilmReader, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def broken(*_: object, **known: object) -> None:
        raise error

    monkeypatch.setattr(films_of_jobs, "read_all", broken)
    (row,) = reader(Planned("1", "/films/1.png"))
    assert row["error"].startswith("cannot read /films/1.png: ")
    assert words in row["error"]
    assert "secret" not in row["error"]


@pytest.mark.parametrize("error", [MissingPackage("adlfs is not installed"), ModuleNotFoundError(name="adlfs")])
def test_a_package_that_is_missing_is_no_films_fault(
    reader: FilmReader, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fetched(address: str) -> None:
        raise error

    monkeypatch.setattr(films_of_jobs.stores, "fetched", fetched)
    with pytest.raises(type(error)):
        reader(Planned("1", "adl://store/1.png"))


def test_the_options_of_the_plan_are_used(unbroken: Job, films: Path, tmp_path: Path) -> None:
    path = tmp_path / "none.png"
    cv2.imwrite(str(path), np.random.default_rng(1).integers(0, 255, (200, 160)).astype(np.uint8))
    refused, forced = (
        FilmReader(replace(unbroken, plan=replace(unbroken.plan, force=force)))(Planned("1", str(path)))[0]
        for force in (False, True)
    )
    assert refused["bone_age_months"] is None
    assert forced["forced"]
    assert forced["bone_age_months"] is not None


def test_a_name_that_is_no_text_comes_out_as_text(tmp_path: Path) -> None:
    row = failed(Planned("h", "/h\udce4nd.png"), "cannot read /h\\udce4nd.png: it is gone")
    assert row["file"] == "/h\\udce4nd.png"
    assert row["file"].encode()


def test_a_reader_opens_the_jobs_model_where_it_is_sent(reader: FilmReader, unbroken: Job, tmp_path: Path) -> None:
    sent = pickle.loads(pickle.dumps(reader))
    assert sent.job == reader.job
    assert sent.predictor is not reader.predictor
    job = again(unbroken, tmp_path / "job")
    broken = pickle.dumps(FilmReader(job))
    text = (job.folder / "plan.json").read_text().replace(unbroken.plan.weights_sha256, "f" * 64)
    (job.folder / "plan.json").write_text(text)
    with pytest.raises(BadModel, match="ffffffffffff were planned"):
        pickle.loads(broken)


def test_a_worker_loads_nothing_of_parquet_or_of_training() -> None:
    code = "import sys, boneage.reading.archive.film as f; print({'pyarrow', 'torch', 'fsspec'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ended.stdout == "set()\n", ended.stderr
