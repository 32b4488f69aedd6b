"""The manifest: shards in files, read one by one, no id twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from boneage.errors import BadConfig, BadTable
from boneage.reading.archive import manifest
from boneage.reading.archive.job import Job, Plan
from boneage.reading.archive.planned import Planned
from boneage.types import Sex


def films(count: int) -> list[Planned]:
    return [Planned(f"{n}", f"/films/{n}\udce4.png", n, 10**18 + n, Sex.FEMALE, "table") for n in range(count)]


def job_of(folder: Path, count: int, size: int) -> Job:
    about = ("f", count, -(-count // size), size, "default", "default", "0" * 64, None, None, None, False, "1", "now")
    return Job(folder, Plan(*about))


def test_what_was_written_is_read_shard_by_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "SHARDS_IN_PART", 2)
    given = [*films(10), Planned("odd", "", reason="no such folder")]
    assert list(manifest.write(tmp_path / "manifest", iter(given), 3)) == [3, 3, 3, 2]
    job = job_of(tmp_path, 11, 3)
    assert [film for shard in range(4) for film in manifest.films_of(job, shard)] == given
    assert [ids.to_pylist() for part in range(2) for ids in manifest.ids_of(job, part)][3] == ["9", "odd"]
    assert len(list((tmp_path / "manifest").iterdir())) == 2


def test_a_shard_that_is_not_as_planned_is_refused(tmp_path: Path) -> None:
    list(manifest.write(tmp_path / "manifest", iter(films(5)), 3))
    with pytest.raises(BadConfig, match="does not belong to this plan: shard 1 has 2 films"):
        manifest.films_of(job_of(tmp_path, 6, 3), 1)
    (tmp_path / "manifest/part-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(BadConfig, match="is missing, cut short or damaged"):
        manifest.films_of(job_of(tmp_path, 5, 3), 1)


def test_a_file_that_is_damaged_or_lacks_a_shard_gives_no_ids(tmp_path: Path) -> None:
    list(manifest.write(tmp_path / "manifest", iter(films(5)), 3))
    for job, content in ((job_of(tmp_path, 9, 3), None), (job_of(tmp_path, 5, 3), b"PAR1")):
        if content:
            job.part(0).write_bytes(content)
        with pytest.raises(BadConfig, match="is missing, cut short or damaged: plan the job again"):
            list(manifest.ids_of(job, 0))


@pytest.mark.parametrize("at_once", [2, 1000])
def test_an_id_that_comes_twice_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(manifest, "_HASHES", at_once)
    with pytest.raises(BadTable, match="the id '3' is there twice"):
        list(manifest.write(tmp_path, [*films(7), Planned("3", "/else")], 4))
    assert list(manifest.write(tmp_path, films(7), 4)) == [4, 3]


def test_equal_hashes_of_different_ids_are_no_doubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "_hash", lambda name: bytes(8))
    assert list(manifest.write(tmp_path, films(3), 4)) == [3]
