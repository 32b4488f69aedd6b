"""A shard that is being read: whose doing a death is, what is tried again, and when a film is left out."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from jobs import again

from boneage.reading.archive import shard as shards
from boneage.reading.archive.claims import Claimant
from boneage.reading.archive.job import Job
from boneage.reading.archive.shard import OpenShard

WHO = Claimant.here("test")


@pytest.fixture
def job(unbroken: Job, tmp_path: Path) -> Job:
    job = again(unbroken, tmp_path / "job")
    job.work.mkdir()
    return job


def died(job: Job, film: int, code: int, *, times: int) -> list[bool]:
    """Whether a film is tried once more, as its process ends again and again."""
    found = []
    for _ in range(times):
        shard = OpenShard(job, 0, WHO)
        shard.begun(film)
        found.append(shard.died(film, code))
        shard.close()
    return found


def test_a_crash_is_the_films_own_doing_and_two_are_enough(job: Job) -> None:
    assert died(job, 3, -signal.SIGSEGV, times=2) == [True, False]
    shard = OpenShard(job, 0, WHO)
    assert 3 not in shard.left
    assert len(shard.left) == 14


def test_anyone_may_kill_and_a_film_is_left_out_after_five(job: Job) -> None:
    assert died(job, 3, -signal.SIGKILL, times=5) == [True, True, True, True, False]


def test_a_kill_for_want_of_memory_is_the_films_own_doing(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = tmp_path / "vmstat"
    monkeypatch.setattr(shards, "_KILLS", counts)
    counts.write_text("nr_free 5\noom_kill 7\n")
    shard = OpenShard(job, 0, WHO)
    shard.begun(3)
    counts.write_text("nr_free 5\noom_kill 8\n")
    assert shard.died(3, -signal.SIGKILL)
    assert shard.died(3, -signal.SIGKILL)  # nobody was killed for want of memory meanwhile
    counts.write_text("nr_free 5\noom_kill 9\n")
    assert not shard.died(3, -signal.SIGKILL)


def test_a_film_in_which_all_was_killed_comes_last_and_is_left_out_after_five(job: Job) -> None:
    for _ in range(4):
        OpenShard(job, 0, WHO).begun(3)
        assert OpenShard(job, 0, WHO).left[-1] == 3
    OpenShard(job, 0, WHO).begun(3)
    assert 3 not in OpenShard(job, 0, WHO).left


def test_a_film_that_was_left_in_good_order_has_nothing_to_do_with_it(job: Job) -> None:
    for _ in range(6):
        shard = OpenShard(job, 0, WHO)
        shard.begun(3)
        shard.stopped(iter([3]))
    assert OpenShard(job, 0, WHO).left == list(range(15))
