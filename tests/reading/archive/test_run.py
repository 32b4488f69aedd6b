"""Reading what is left of a job: broken off, killed, shared out and tried again, the readings are the same bytes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import deadly
import pytest
from command import boneage, done, refused
from jobs import again, planned, readings, rows_of
from processes import children

from boneage import Predictor, Sex, read
from boneage.errors import BadConfig
from boneage.reading.archive import claims
from boneage.reading.archive import run as runs
from boneage.reading.archive import shard as shards
from boneage.reading.archive.claims import Claimant
from boneage.reading.archive.job import Job
from boneage.reading.archive.run import Part, Ran, read_shard, run
from boneage.reading.archive.shard import OpenShard
from boneage.reading.archive.status import status


def test_a_row_is_the_reading_that_predict_gives(unbroken: Job, tiny_model: Path) -> None:
    found = rows_of(unbroken)
    assert len(found) == 35
    film = unbroken.folder.parent / "films/20.png"
    reading = Predictor.load(tiny_model, threads=1).read(read(film))
    assert found["20.png"] == {"id": "20.png"} | reading.to_dict()
    assert found["note.png"] == {
        "id": "note.png",
        "file": str(film.with_name("note.png")),
        "error": f"cannot read {film.with_name('note.png')}: it is not an image this program reads; it looks like text",
    }


def test_a_finished_job_is_not_read_again(unbroken: Job) -> None:
    before = readings(unbroken)
    assert run(unbroken, workers=1) == Ran()
    assert readings(unbroken) == before
    assert not list(unbroken.work.glob("[0-9]*"))


def test_a_part_has_every_nth_shard(unbroken: Job) -> None:
    assert [list(Part(number, 2).shards(unbroken)) for number in (1, 2)] == [[0, 2], [1]]


def test_parts_and_single_shards_come_to_the_same_bytes(unbroken: Job, tmp_path: Path) -> None:
    job = again(unbroken, tmp_path / "job")
    assert read_shard(job.folder, 1, "engine").films == 15
    assert list(job.finished()) == [1]
    assert read_shard(job.folder, 2, "engine").films == 5
    assert read_shard(job.folder, 2, "engine") == Ran()
    assert done("archive", "run", job.folder, "--shard", "1/2", "--workers", 1).out.startswith("15 films read\n")
    assert readings(job) == readings(unbroken)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/2", "²/3"])
def test_a_part_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadConfig, match="is no part of the shards: it should be K/N"):
        Part.parse(text)


def test_a_film_that_ends_its_process_is_named_and_the_others_are_read(
    films: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id\n" + "\n".join(map(str, range(10, 14))))
    job, starts, others = planned(tmp_path / "job", table, tiny_model, images=films), list[int](), children()
    start = runs.Workers._started
    monkeypatch.setattr(runs.Workers, "_started", lambda self: [starts.append(1), start(self)][1])
    monkeypatch.setattr(runs, "FilmReader", deadly.DeadlyReader)
    assert run(job, workers=1).failed == 1
    found = rows_of(job)
    reason = "the process that read it ended each time, so it is left out"
    assert [name for name, row in found.items() if row.get("error", "").endswith(reason)] == ["11"]
    assert len(found) == 4
    assert len(starts) == 1 + 2  # processes
    assert children() <= others
    monkeypatch.undo()
    assert read_shard(job.folder, 0, "engine", retry_failed=True).films == 1
    assert not any("error" in row for row in rows_of(job).values())


def test_a_worker_that_was_killed_once_costs_nothing(
    films: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id\n" + "\n".join(map(str, range(8, 14))))
    one = planned(tmp_path / "one", table, tiny_model, images=films)
    other = again(one, tmp_path / "other")
    read_shard(one.folder, 0, "engine")
    monkeypatch.setattr(runs, "FilmReader", deadly.OnceDeadlyReader)
    assert run(other, workers=2).failed == 0
    assert (other.folder / "was-killed").exists()
    assert readings(other) == readings(one)


def test_work_that_is_stopped_keeps_what_was_read_and_goes_on(
    films: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id\n" + "\n".join(map(str, range(8, 18))))
    job, others = planned(tmp_path / "job", table, tiny_model, images=films), children()
    with monkeypatch.context() as patch:
        patch.setattr(runs, "FilmReader", deadly.StoppedReader)
        ended = boneage("archive", "run", job.folder, "--workers", 1)
    assert ended.code == 130
    assert children() <= others
    assert not list(job.work.glob("*.claim"))
    (journal,) = job.work.glob("*.jsonl")
    events = [json.loads(line) for line in journal.read_text().splitlines() if line]
    assert [event["done"] for event in events if "done" in event] == [0, 1, 2, 3, 4]
    assert events[-1] == {"left": 5}
    assert read_shard(job.folder, 0, "engine").films == 5
    assert len(rows_of(job)) == 10


def test_a_job_that_is_killed_again_and_again_comes_out_the_same(unbroken: Job, tmp_path: Path) -> None:
    job = again(unbroken, tmp_path / "job")
    command = [sys.executable, "-m", "boneage", "archive", "run", str(job.folder), "--workers", "1"]
    for films in (5, 19):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while read_so_far(job) < films:
            assert process.poll() is None
            time.sleep(0.01)
        workers = children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        while any(Path(f"/proc/{worker}").exists() for worker in workers):
            time.sleep(0.01)
    assert sum(read_shard(job.folder, number, "engine").films for number in range(3)) <= 16
    assert readings(job) == readings(unbroken)
    assert not list(job.work.glob("[0-9]*"))


def test_what_a_kill_between_a_shards_file_and_its_last_steps_has_left_is_removed(
    unbroken: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, rows, here = again(unbroken, tmp_path / "job"), rows_of(unbroken), Claimant.here("engine")

    def killed() -> None:
        """As a kill leaves a shard: its file is there, and claim and journal too."""
        (shard,) = runs.claimed(job, iter([2]), Claimant("engine", here.host, 2**22 + 1))
        for film in shard.left:
            shard.begun(film)
            shard.read(film, [rows[shard.films[film].id]])
        with monkeypatch.context() as patch:
            patch.setattr(shards, "journals", lambda *words: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                shard.finish()
        assert {path.suffix for path in job.work.glob("[0-9]*")} == {".claim", ".jsonl"}

    killed()
    (job.work / "2 notes.txt").touch()  # somebody's
    assert read_shard(job.folder, 2, "engine") == Ran()
    (job.work / "2 notes.txt").unlink()
    assert not list(job.work.glob("[0-9]*"))
    job.readings(2).unlink()
    killed()
    for number in (0, 1):
        read_shard(job.folder, number, "engine")
    assert status(job).abandoned == 1
    assert run(job, workers=1) == Ran()
    assert status(job).abandoned == 0
    assert not list(job.work.glob("[0-9]*"))
    assert readings(job) == readings(unbroken)


def test_what_leads_to_a_second_reading_of_failed_films_is_not_removed(unbroken: Job, tmp_path: Path) -> None:
    job, here = again(unbroken, tmp_path / "job"), Claimant.here("engine")
    read_shard(job.folder, 2, "engine")
    (shard,) = runs.claimed(job, iter([2]), here, retry_failed=True)
    (film,) = shard.left
    shard.begun(film)
    journal, claim = sorted(job.work.glob("[0-9]*"))
    shards.sweep(job, range(3), Claimant.here("other"))
    assert claim.exists()
    assert journal.exists()
    shard.close()
    shards.sweep(job, range(3), Claimant.here("other"))
    assert list(job.work.glob("[0-9]*")) == [journal]
    shards.sweep(job, range(2), here)
    assert journal.exists()


def read_so_far(job: Job) -> int:
    """Films with rows, in files and in the journals of shards that have none yet."""
    finished = set(job.finished())
    journals = [path for path in job.work.glob("*.jsonl") if int(path.name.partition(".")[0]) not in finished]
    lines = [line for path in journals for line in path.read_bytes().splitlines()]
    return sum(map(job.size, finished)) + sum(line.startswith(b'{"done"') for line in lines)


def test_runs_share_the_shards_out_and_two_of_one_shard_do_no_harm(unbroken: Job, tmp_path: Path) -> None:
    job = again(unbroken, tmp_path / "job")
    job.work.mkdir()
    other = subprocess.Popen(["sleep", "1000"])
    try:
        assert claims.claim(job.work, 1, Claimant("other", Claimant.here().host, other.pid))
        assert run(job, workers=1) == Ran(films=20, failed=1, elsewhere=1)
    finally:
        other.kill()
        other.wait()
    assert read_shard(job.folder, 1, "engine").films == 15  # the claim of the dead
    assert readings(job) == readings(unbroken)
    job.readings(2).unlink()
    here = Claimant.here("a")
    (first,) = runs.claimed(job, iter([2]), here)
    (second,) = runs.claimed(job, iter([2]), here)
    reader = runs.FilmReader.of(job.folder)
    for shard in (first, second):
        for film in shard.left:
            shard.begun(film)
            shard.read(film, reader(shard.films[film]))
    assert first.finish() == second.finish() == 1
    assert readings(job) == readings(unbroken)


def test_a_part_that_is_started_again_elsewhere_takes_its_own_claims_over(unbroken: Job, tmp_path: Path) -> None:
    """A claim of another machine is fresh for minutes; a scheduler starts a lost part again before."""
    job, rows = again(unbroken, tmp_path / "job"), rows_of(unbroken)
    job.work.mkdir()
    dead = OpenShard(job, 2, Claimant("part-3-of-3", "lost-node", 1))
    assert claims.claim(job.work, 2, Claimant("part-3-of-3", "lost-node", 1))
    for film in dead.left[:4]:
        dead.begun(film)
        dead.read(film, [rows[dead.films[film].id]])
    assert not claims.claim(job.work, 2, Claimant.here("part-1-of-3"))
    seen: list[int] = []
    assert run(job, Part(3, 3), workers=1, advance=lambda done=1, note="": seen.append(done)).films == 1
    assert sum(seen) == 5  # those that were read before the loss are seen too
    assert list(job.finished()) == [2]
    assert Part().run_name is None


def test_failed_films_are_read_again_when_asked_and_changed_ones_are_noted(
    tiny_model: Path, tmp_path: Path, films: Path
) -> None:
    source = tmp_path / "films"
    source.mkdir()
    good = [(films / f"images/{number}.png").read_bytes() for number in (1, 2)]
    (source / "a.png").write_bytes(good[0])
    (source / "b.png").write_bytes(b"not yet")
    job = planned(tmp_path / "job", source, tiny_model)
    assert read_shard(job.folder, 0, "engine").failed == 1
    (source / "b.png").write_bytes(good[1])
    assert read_shard(job.folder, 0, "engine").films == 0
    assert read_shard(job.folder, 0, "engine", retry_failed=True) == Ran(films=1)
    found = rows_of(job)
    assert found["b.png"]["flags"][-1]["code"] == "changed_since_plan"
    assert found["b.png"]["flags"][-1]["sentence"].endswith(f"it had 7 bytes and has {len(good[1]):,}.")
    assert "changed_since_plan" not in [flag["code"] for flag in found["a.png"]["flags"]]


def test_a_run_that_cannot_be_is_refused(unbroken: Job, tmp_path: Path) -> None:
    refused("archive", "run", tmp_path, naming=tmp_path, because="is no job")
    refused("archive", "run", unbroken.folder, "--workers", 0, because="ask for at least 1")
    refused("archive", "run", unbroken.folder, "--shard", "3/2", because="K/N")


def test_workers_that_do_not_start_are_one_sentence(
    unbroken: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = again(unbroken, tmp_path / "job")
    monkeypatch.setattr(sys, "executable", "/bin/false")
    refused("archive", "run", job.folder, "--workers", 1, because="no film can be read: a worker process did not start")


def test_the_sex_of_a_manifest_is_used(films: Path, tiny_model: Path, tmp_path: Path) -> None:
    table = tmp_path / "t.csv"
    table.write_text("id,sex\n1,F\n2,M\n")
    job = planned(tmp_path / "job", table, tiny_model, images=films)
    assert read_shard(job.folder, 0, "engine").films == 2
    assert [(row["sex"], row["sex_source"]) for row in rows_of(job).values()] == [
        (Sex.FEMALE, "table"),
        (Sex.MALE, "table"),
    ]
    assert os.listdir(job.work) == [".clock"] or os.listdir(job.work) == []
