"""An archive read by Ray: to the same bytes, through kills, and never by more than the cluster has."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command import refused
from jobs import again, planned, readings
from processes import children

from boneage.apps import archive_ray
from boneage.apps.archive_ray import MEMORY, run_on_ray
from boneage.errors import BadConfig, BoneAgeError
from boneage.reading.archive.job import Job
from boneage.reading.archive.run import Part, Ran, read_shard
from boneage.reading.archive.run_log import runs_of

pytest.importorskip("ray", reason="it needs boneage[ray]")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own
GIB = 2**30


@pytest.fixture(scope="module")
def job(films: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Six shards of ten films, read without a break."""
    folder = tmp_path_factory.mktemp("ray")
    found = planned(folder / "job", films / "images", tiny_model, 10)
    for number in range(6):
        read_shard(found.folder, number, "unbroken")
    return found


def below(process: int) -> set[int]:
    """The numbers of the processes that a process and those below it have started."""
    found = children(process)
    return found.union(*map(below, found))


def tasks() -> set[int]:
    """The processes of Ray that are at a task of ours."""
    found = set()
    for process in below(os.getpid()):
        try:
            words = Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            continue
        if words.startswith(b"ray::read_shard"):
            found.add(process)
    return found


def test_ray_comes_to_the_same_bytes_though_its_processes_are_killed(job: Job, tmp_path: Path) -> None:
    """A process is killed after a shard's file is written: it may be at its last steps or at another shard."""
    copy, killed, over = again(job, tmp_path / "job"), list[int](), threading.Event()

    def kill() -> None:
        while not killed and not over.is_set():
            if len(list(copy.finished())) >= 1 and (found := tasks()):
                killed.append(found.pop())
                os.kill(killed[0], signal.SIGKILL)
            time.sleep(0.005)

    murderer = threading.Thread(target=kill)
    murderer.start()
    try:
        seen: list[int] = []
        ran = run_on_ray(copy, Part(), workers=1, advance=lambda done=1, note="": seen.append(done))
    finally:
        over.set()
        murderer.join()
    assert killed
    assert ran.elsewhere == ran.failed == 0
    assert sum(seen) == 60
    assert readings(copy) == readings(job)
    assert not list(copy.work.glob("[0-9]*"))


def test_a_job_that_is_done_gives_ray_nothing_to_do(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, lambda *words, **known: pytest.fail("a task was started"))
    monkeypatch.setattr(sys.modules["ray"], "init", lambda *words, **known: pytest.fail("Ray was started"))
    assert run_on_ray(job, Part(), workers=1) == Ran()


class TaskError(Exception):
    """As Ray wraps what a task raises."""

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.cause = cause


class Lost(Exception):
    """As Ray says that a process is lost for good."""


def stand_in(monkeypatch: pytest.MonkeyPatch, work: Any) -> None:
    """A cluster that does tasks at once and in this process, for what a real one does only when it is broken."""

    def got(ref: Any) -> Any:
        if isinstance(ref.value, BaseException):
            raise ref.value
        return ref.value

    class Ref:
        """A task, which was done when it was asked for."""

        def __init__(self, *words: Any, **known: Any) -> None:
            try:
                self.value: Any = work(*words, **known)
            except Exception as error:
                self.value = error

    module = SimpleNamespace(
        init=lambda *words, **known: None,
        shutdown=lambda: None,
        cluster_resources=lambda: {"CPU": 3.0, "memory": 8.0 * GIB},
        remote=lambda **options: lambda function: SimpleNamespace(remote=Ref),
        wait=lambda refs, num_returns: (refs[:1], refs[1:]),
        get=got,
        exceptions=SimpleNamespace(RayTaskError=TaskError, RayError=Lost),
    )
    monkeypatch.setitem(sys.modules, "ray", module)


def test_a_shard_that_is_lost_for_good_is_named_after_the_others_were_read(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = again(job, tmp_path / "job")

    def work(folder: str, number: int, name: str, *, retry_failed: bool) -> Ran:
        if number == 1:
            raise Lost
        if number == 2:
            raise TaskError(BadConfig("the plan is gone"))
        return read_shard(folder, number, name)

    stand_in(monkeypatch, work)
    with pytest.raises(
        BoneAgeError, match=r"shard 1 could not be read: its processes ended \(Lost\) \(1 more\): boneage"
    ):
        run_on_ray(copy, Part(), workers=2)
    assert list(copy.finished()) == [0, 3, 4, 5]
    assert run_on_ray(job, Part(), workers=2) == Ran()


def test_a_shard_that_another_run_reads_is_not_counted(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = again(job, tmp_path / "job")
    stand_in(monkeypatch, lambda folder, number, name, retry_failed: Ran(films=10 * (number > 1), elsewhere=number < 2))
    run_on_ray(copy, Part(), workers=1)
    (log,) = runs_of(copy)
    assert (log["films"], log["shards"]) == (40, 4)


def test_a_mistake_of_ours_in_a_task_is_raised(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*words: Any, **known: Any) -> Ran:
        raise TaskError(ZeroDivisionError("ours"))

    stand_in(monkeypatch, work)
    with pytest.raises(TaskError):
        run_on_ray(again(job, tmp_path / "job"), Part(), workers=1)


@pytest.mark.parametrize(
    ("has", "workers", "expected"),
    [
        ({"CPU": 4.0, "memory": 8.0 * GIB}, None, 3),
        ({"CPU": 4.0, "memory": 8.0 * GIB}, 3, 3),
        ({"CPU": 64.0, "memory": 2.0 * MEMORY}, None, 2),
        ({"CPU": 4.0, "memory": 8.0 * GIB}, 4, None),
        ({"CPU": 1.0, "memory": 8.0 * GIB}, None, None),
        ({"CPU": 4.0, "memory": 8.0 * GIB}, 0, None),
        ({}, 1, None),
    ],
)
def test_no_more_is_asked_than_a_cluster_has(has: dict[str, float], workers: int | None, expected: int | None) -> None:
    if expected is not None:
        assert archive_ray._enough(has, workers) == expected
        return
    with pytest.raises(BadConfig, match="workers are asked of Ray, which has"):
        archive_ray._enough(has, workers)


def test_an_engine_that_is_none_is_refused(job: Job) -> None:
    refused("archive", "run", job.folder, "--engine", "spark", because="--engine spark is none")
    refused("archive", "run", job.folder, "--address", "auto", because="--engine None is none")


def test_a_cluster_that_is_not_there_is_one_sentence(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def init(*words: Any, **known: Any) -> None:
        raise ConnectionError("no cluster\nat all")

    stand_in(monkeypatch, None)
    monkeypatch.setattr(sys.modules["ray"], "init", init)
    with pytest.raises(BadConfig, match=r"^Ray does not start or answer at 10\.0\.0\.1:6379: no cluster$"):
        run_on_ray(again(job, tmp_path / "job"), Part(), address="10.0.0.1:6379")
