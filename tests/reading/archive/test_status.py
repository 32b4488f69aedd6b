"""How far a job is, how fast, and what failed and why."""

from __future__ import annotations

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from command import done
from jobs import again, planned
from refusals import without_rights

from boneage.reading.archive.claims import Claimant, claim
from boneage.reading.archive.job import Job
from boneage.reading.archive.journal import Journal
from boneage.reading.archive.run_log import RunLog, runs_of
from boneage.reading.archive.status import status


def test_a_finished_job(unbroken: Job) -> None:
    found = status(unbroken)
    assert found.is_complete
    assert (found.films_read, found.shards_done, found.failed) == (35, 3, 1)
    assert found.reasons == {"cannot read FILE: it is not an image this program reads; it looks like text": 1}
    assert list(found.examples) == ["note.png"]
    assert found.films_per_second
    told = done("archive", "status", unbroken.folder).out
    assert told.startswith("35 of 35 films (100.0%), 3 of 3 shards done\n")
    assert "1 films have no reading:\n  1 × cannot read FILE: it is not" in told
    assert "not a medical device" in told


def test_a_job_that_is_under_way(unbroken: Job, tmp_path: Path) -> None:
    job = again(unbroken, tmp_path / "job")
    assert status(job).films_read == 0
    job.readings(0).parent.mkdir(parents=True)
    job.readings(0).write_bytes(unbroken.readings(0).read_bytes())
    job.readings(2).write_bytes(b"PAR1")
    job.work.mkdir()
    for name in ("notes.jsonl", "².claim"):  # somebody's own
        (job.work / name).touch()
    Journal(job.work, 1, 0, "run").done(3, [])
    claim(job.work, 1, Claimant("other", Claimant.here().host, os.getppid()))
    with RunLog(job, Claimant.here(), 2) as log:
        log.films, log._began = 10, log._began - 100
        log.write()
        found = json.loads(done("archive", "status", job.folder, "--json").out)
    assert (found["films_read"], found["shards_done"], found["complete"]) == (16, 1, False)
    assert (found["being_read"], found["abandoned"]) == (1, 0)
    assert found["damaged"] == [str(job.readings(2))]
    assert 0.05 < found["films_per_second"] <= 0.1
    assert runs_of(job)[0]["ended"]


def test_who_may_only_read_a_job_is_told_how_far_it_is(unbroken: Job) -> None:
    with TemporaryDirectory() as outer:
        Path(outer).chmod(0o755)
        job = again(unbroken, Path(outer, "job"))
        job.work.mkdir()
        claim(job.work, 1, Claimant("other", "another-machine", 1))
        with RunLog(job, Claimant.here(), 2) as log:
            log.films = 10
        assert status(job).being_read == 1
        clocks = [job.work / ".clock", job.runs / ".clock"]
        for clock in clocks:
            clock.unlink()
            clock.parent.chmod(0o555)
        with without_rights():
            found = status(job)
        assert (found.being_read, found.abandoned) == (1, 0)
        assert not any(clock.exists() for clock in clocks)


def test_films_that_have_changed_since_the_plan_are_named_and_none_is_opened(
    films: Path, tiny_model: Path, tmp_path: Path
) -> None:
    source = tmp_path / "films"
    source.mkdir()
    for name in "abc":
        (source / f"{name}.png").write_bytes(name.encode())
    job = planned(tmp_path / "job", source, tiny_model)
    assert status(job, changes=True).changed == {}
    (source / "a.png").write_bytes(b"longer")
    os.utime(source / "b.png", ns=(1, 1))
    (source / "c.png").unlink()
    assert status(job, changes=True).changed == {
        "a.png": "it had 1 bytes and has 6",
        "b.png": "it was written again",
        "c.png": "it is gone",
    }
    assert (
        "3 files have changed since the plan\n  a.png: it had 1 bytes"
        in done("archive", "status", job.folder, "--changes").out
    )
