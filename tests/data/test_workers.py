"""Worker processes: tasks in, results out, the dead replaced, and none left when the work ends in whatever way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import pytest
import works
from processes import children

from boneage.data.dataset import Sample
from boneage.data.workers import Died, Workers, cores
from boneage.types import Sex


def sample(name: str, path: Path | None = None) -> Sample:
    return Sample(name, path or Path(name), 100.0, Sex.MALE, name, None)


def refused(film: Sample, death: Died) -> str:
    return f"{film.id}: {death}"


def test_tasks_come_back_in_order_from_a_process_of_their_own() -> None:
    others = children()
    with Workers(works.where, 1) as pool:
        found = pool.results([sample(str(n)) for n in range(20)], refused)
        assert {process for _, process in found} == children() - others
    assert [name for name, _ in found] == [str(n) for n in range(20)]
    assert children() <= others


def test_a_worker_starts_no_threads_and_loads_nothing_heavy() -> None:
    with Workers(works.threads, 1) as pool:
        assert pool.results([sample("a")], refused) == [(1, 1, "1")]
    with Workers(works.loaded, 1) as pool:
        assert pool.results([sample("a")], refused) == [[]]


def test_what_is_printed_meanwhile_is_no_answer_and_an_answer_may_be_long() -> None:
    with Workers(works.told, 1) as pool:
        assert [len(words) for words in pool.results([sample("a"), sample("b")], refused)] == [works.PIPES] * 2


def test_a_task_that_kills_its_worker_is_lost_and_the_others_are_done() -> None:
    others = children()
    names = ["a", "dies", "b", "c", "dies", "dies"]
    with Workers(works.failing, 1) as pool:
        found = pool.results([sample(name) for name in names], refused)
        dead = "dies: its process was killed (exit code -9)"
        assert found == ["a", dead, "b", "c", dead, dead]
        assert pool.results([sample("d")], refused) == ["d"]
    assert children() <= others


def test_what_a_worker_did_before_it_was_killed_counts_also_while_tasks_are_still_sent() -> None:
    rest = ["b"] * 20_000
    with Workers(works.failing, 1) as pool:
        found = pool.results([sample(name) for name in ("a", "dies", *rest)], refused)
    assert found == ["a", "dies: its process was killed (exit code -9)", *rest]


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("broken", ZeroDivisionError, "a mistake of ours"),
        ("no file", FileNotFoundError, "not here"),
        ("own", RuntimeError, "Own: 1 and 2"),
    ],
)
def test_what_the_work_raises_is_raised_here_and_the_worker_lives(name: str, kind: type[Exception], words: str) -> None:
    with Workers(works.failing, 1) as pool:
        before = children()
        with pytest.raises(kind, match=words):
            pool.results([sample("a"), sample(name)], refused)
        assert pool.results([sample("b")], refused) == ["b"]
        assert children() == before


def test_work_that_cannot_be_imported_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(works.where, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "where", works.where, raising=False)
    with Workers(works.where, 1) as pool, pytest.raises(RuntimeError, match="cannot import its work"):
        pool.results([sample("a")], refused)


def test_a_worker_whose_answer_nobody_takes_ends_without_a_word(capfd: pytest.CaptureFixture[str]) -> None:
    with Workers(works.where, 1) as pool:
        pool.results([sample("a")], refused)
        (worker,) = pool._all
        worker.answered.close()
        worker.tasks.write(len(message := ForkingPickler.dumps(sample("b"))).to_bytes(8, "big") + message)
        worker.tasks.flush()
        assert worker.process.wait(60) == 0
    assert capfd.readouterr().err == ""


def test_a_worker_that_cannot_start_is_an_error_and_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Workers(works.where, 1) as pool, pytest.raises(Died, match=r"did not start \(exit code 1\)"):
        pool.results([sample("a")], refused)


def test_a_worker_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = f"""
import sys
sys.path[:] = {sys.path!r}
import works
from pathlib import Path
from threading import Thread
from boneage.data.dataset import Sample
from boneage.data.workers import Workers
from boneage.types import Sex
pool = Workers(works.slow, 2)
for name in "ab":
    film = Sample(name, Path({str(tmp_path)!r}) / name, 1.0, Sex.MALE, "p", None)
    Thread(target=pool.results, args=([film], None)).start()
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    while len(workers := {int(text) for file in tmp_path.iterdir() if (text := file.read_text())}) < 2:
        time.sleep(0.05)
        assert parent.poll() is None
    assert workers == children(parent.pid)
    parent.kill()
    parent.wait()
    assert all(ended(process) for process in workers)


def ended(process: int) -> bool:
    """Whether a process ends within a minute."""
    for _ in range(600):
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


def test_cores() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)


def test_a_worker_that_is_ended_before_it_is_ready_is_replaced_and_no_task_is_lost() -> None:
    """Whoever ends it: a task that has not begun has nothing to do with it."""
    with Workers(works.where, 1) as pool:
        first = pool._all[0].process
        first.kill()
        first.wait()
        ((name, process),) = pool.results([sample("a")], refused)
    assert name == "a"
    assert process != first.pid
