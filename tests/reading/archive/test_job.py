"""The folder of a job: where its shards lie, which are done, and by what model it is read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from command import done
from jobs import again

from boneage.errors import BadConfig
from boneage.reading.archive.job import FORMAT, Job, described


def test_shards_lie_in_folders_of_a_thousand(unbroken: Job) -> None:
    assert unbroken.readings(0).parts[-3:] == ("readings", "00000", "00000000.parquet")
    assert unbroken.readings(123_456).parts[-2:] == ("00123", "00123456.parquet")
    assert unbroken.part(7).parts[-2:] == ("manifest", "part-00007.parquet")


def test_the_last_shard_has_what_is_left(unbroken: Job) -> None:
    assert [unbroken.size(shard) for shard in range(3)] == [15, 15, 5]
    even = replace(unbroken, plan=replace(unbroken.plan, films=30, shards=2))
    assert [even.size(shard) for shard in range(2)] == [15, 15]


def test_what_is_done_is_told_by_the_files_alone(unbroken: Job, tmp_path: Path) -> None:
    job = again(unbroken, tmp_path / "job")
    assert list(job.finished()) == []
    for shard in (1001, 2, 0):
        job.readings(shard).parent.mkdir(parents=True, exist_ok=True)
        job.readings(shard).touch()
    for name in (".00000003.parquet.77.tmp", "notes.txt", "other.parquet", ".00000004.parquet"):
        (job.readings(0).parent / name).touch()
    assert list(job.finished()) == [0, 2, 1001]


def test_a_plan_is_read_as_it_was_written_and_says_what_it_is(unbroken: Job, tmp_path: Path) -> None:
    job = replace(unbroken, folder=tmp_path, plan=replace(unbroken.plan, remarks=("one", "two"), hand="L"))
    job.write()
    assert Job.open(tmp_path) == job
    values = json.loads((tmp_path / "plan.json").read_text())
    assert values["format"] == FORMAT
    assert values["weights_sha256"] == unbroken.plan.weights_sha256


def test_a_plan_of_a_later_version_is_refused(unbroken: Job, tmp_path: Path) -> None:
    values = json.loads((unbroken.folder / "plan.json").read_text())
    (tmp_path / "plan.json").write_text(json.dumps(values | {"format": 2}))
    with pytest.raises(BadConfig, match="has format 2, this version of boneage reads format 1"):
        Job.open(tmp_path)


def test_every_output_names_the_model(unbroken: Job) -> None:
    assert described(unbroken.predictor()) == {
        "model_name": unbroken.plan.model_name,
        "weights_sha256": unbroken.plan.weights_sha256,
        "site_sha256": None,
    }
    sited = replace(unbroken, plan=replace(unbroken.plan, site_sha256="e" * 64))
    assert "site calibration eeeeeeeeeeee" in sited.signature
    for words in (("status", unbroken.folder), ("run", unbroken.folder)):
        assert unbroken.signature in done("archive", *words).out
