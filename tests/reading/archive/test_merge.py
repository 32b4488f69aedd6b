"""One dataset of all shards: whole, in order, and with every film exactly once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow.dataset
import pytest
from command import boneage, contents, done, refused
from jobs import again, planned, readings, rows_of

from boneage.errors import BadTable
from boneage.reading.archive import manifest, rows
from boneage.reading.archive import merge as merges
from boneage.reading.archive.job import Job
from boneage.reading.archive.merge import Merged, merge
from boneage.types import OPTIONAL, Reading


@pytest.fixture
def job(unbroken: Job, tmp_path: Path) -> Job:
    """The job that was read, whose readings may be altered."""
    job = again(unbroken, tmp_path / "job")
    for name, data in readings(unbroken).items():
        (job.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (job.folder / name).write_bytes(data)
    return job


def test_a_dataset_has_the_columns_of_csv_and_the_order_of_the_plan(unbroken: Job, tmp_path: Path, films: Path) -> None:
    ended = done("archive", "merge", unbroken.folder, "--out", tmp_path / "out")
    assert ended.out.startswith(
        f"35 films, 35 rows, 1 of them without a reading, in 1 files in {tmp_path / 'out'}\nModel"
    )
    table = pyarrow.dataset.dataset(tmp_path / "out").to_table()
    csv = tmp_path / "one.csv"
    boneage("predict", films / "images/1.png", "--csv", csv, "--model", unbroken.plan.model)
    assert table.column_names == csv.read_text().splitlines()[0].split(",")
    assert table.column("id").to_pylist() == [film.id for n in range(3) for film in manifest.films_of(unbroken, n)]
    assert json.loads((tmp_path / "out/_about.json").read_text())["rows"] == 35
    row = table.slice(10, 1).to_pylist(maps_as_pydicts="strict")[0]
    left_out = {"id", "error", *(name for name in OPTIONAL if row.get(name) is None)}
    reading = {name: value for name, value in row.items() if name not in left_out}
    assert Reading.from_dict(reading).to_dict() | {"id": row["id"]} == rows_of(unbroken)[row["id"]]


def test_equal_jobs_give_equal_bytes_in_files_of_bounded_length(
    unbroken: Job, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert merge(unbroken, tmp_path / "one") == Merged(35, 35, 1, 1)
    merge(job, tmp_path / "other")
    assert contents(tmp_path / "one") == contents(tmp_path / "other")
    monkeypatch.setattr(merges, "_ROWS", 20)
    merge(job, tmp_path / "small")
    with pyarrow.parquet.ParquetFile(tmp_path / "small/part-00000.parquet") as file:
        assert file.num_row_groups == 3


def test_what_is_missing_is_named_and_nothing_is_written(job: Job, tmp_path: Path) -> None:
    job.readings(1).unlink()
    refused("archive", "merge", job.folder, "--out", tmp_path / "out", because="15 films in 1 of 3 shards are not read")
    job.readings(1).write_bytes(b"PAR1")
    with pytest.raises(BadTable, match="is missing, cut short or damaged"):
        merge(job, tmp_path / "out")
    assert not list(tmp_path.glob("*out*"))


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ([0, 1, 1, 3], "1 film is (12.png) missing; 1 film is (11.png) there twice"),
        ([0, 1, 2], "1 film is (13.png) missing"),
        ([0, 1, 2, 3, 3], "1 film is (13.png) there twice"),
        ([0, 2, 1, 3], "its films are not in the order of the plan"),
        ([0, 1, 2, 3, 40], "1 film is (other) not of the plan"),
    ],
)
def test_a_film_that_is_missing_doubled_or_strange_is_named(
    job: Job, tmp_path: Path, order: list[int], words: str
) -> None:
    found = rows.read(job.readings(0))
    rest = found[4:] if 40 not in order else [*found[4:], found[4] | {"id": "other"}]
    rows.write(job.readings(0), [*(found[place] for place in order if place != 40), *rest], shard=0)
    with pytest.raises(BadTable) as caught:
        merge(job, tmp_path / "out")
    assert words in str(caught.value)
    assert str(job.readings(0)) in str(caught.value)


def test_both_hands_of_a_picture_are_one_film(job: Job, tmp_path: Path) -> None:
    found = rows.read(job.readings(0))
    hands = [found[1] | {"part": part} for part in ("left", "right")]
    rows.write(job.readings(0), [found[0], *hands, *found[2:]], shard=0)
    assert merge(job, tmp_path / "out") == Merged(35, 36, 1, 1)
    rows.write(job.readings(0), [found[0], hands[0], hands[0], *found[2:]], shard=0)
    with pytest.raises(BadTable, match=r"11\.png\) there twice"):
        merge(job, tmp_path / "other")
    rows.write(job.readings(0), [found[0], *hands, *hands, *found[2:]], shard=0)
    with pytest.raises(BadTable, match=r"11\.png\) there twice"):
        merge(job, tmp_path / "other")


def test_an_output_that_is_there_is_not_replaced(job: Job, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    refused("archive", "merge", job.folder, "--out", tmp_path / "out", because="is there already")
    assert os.listdir(tmp_path / "out") == []


def test_rows_are_read_as_they_were_written(job: Job, films: Path, tiny_model: Path, tmp_path: Path) -> None:
    found = rows.read(job.readings(2))
    rows.write(tmp_path / "a.parquet", found, shard=2, films=5)
    assert (tmp_path / "a.parquet").read_bytes() == job.readings(2).read_bytes()
    assert rows.about(tmp_path / "a.parquet")["failed"] == 1
    assert [name for name, _, _ in rows.errors(tmp_path / "a.parquet")] == ["note.png"]
    (tmp_path / "b.parquet").write_bytes((job.folder / "manifest/part-00000.parquet").read_bytes())
    with pytest.raises(BadTable, match="has not the columns of the readings"):
        rows.read(tmp_path / "b.parquet")
    with pytest.raises(BadTable, match="cut short or damaged"):
        rows.about(tmp_path / "b.parquet")
    assert planned(tmp_path / "job2", films / "images", tiny_model).plan.films == 60
