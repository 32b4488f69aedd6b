"""The record of a run: written now and then, at the end in any case, and never among the readings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jobs import again, readings

from boneage.reading.archive.claims import STALE, Claimant
from boneage.reading.archive.job import Job
from boneage.reading.archive.run_log import RunLog, runs_of

WHO = Claimant("run", "machine", 7)


def test_a_run_writes_what_it_has_done(unbroken: Job, tmp_path: Path) -> None:
    job = again(unbroken, tmp_path / "job")
    with RunLog(job, WHO, 3) as log:
        assert [one["ended"] for one in runs_of(job)] == [False]
        for _ in range(5):
            log.read()
        log.finished(2)
        log.finished(1)
    (found,) = runs_of(job)
    assert {name: found[name] for name in ("films", "shards", "failed", "workers", "host", "pid", "ended")} == {
        **{"films": 5, "shards": 2, "failed": 3, "workers": 3},
        **{"host": "machine", "pid": 7, "ended": True},
    }


def test_a_run_that_failed_has_ended_too_and_what_is_damaged_is_left_out(unbroken: Job, tmp_path: Path) -> None:
    job = again(unbroken, tmp_path / "job")

    def fail() -> None:
        with RunLog(job, WHO, 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    for name, text in {"a.json": "{", "b.json": "[]", "c.json": "{}"}.items():
        (job.runs / name).write_text(text)
    assert [one["ended"] for one in runs_of(job)] == [True]


def test_no_time_is_among_the_readings(unbroken: Job) -> None:
    assert runs_of(unbroken)
    assert not any(runs_of(unbroken)[0]["started"][:10].encode() in data for data in readings(unbroken).values())


def test_a_run_that_is_silent_for_long_was_killed(unbroken: Job, tmp_path: Path) -> None:
    job = again(unbroken, tmp_path / "job")
    RunLog(job, WHO, 1).write()
    assert [one["ended"] for one in runs_of(job)] == [False]
    (path,) = job.runs.glob("*.json")
    os.utime(path, (path.stat().st_mtime - STALE - 10,) * 2)
    assert [one["ended"] for one in runs_of(job)] == [True]
