"""Many films: in order, bounded, a result or a reason, the same from one process and from many; and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import works
from processes import children

from boneage.config import PrepareConfig
from boneage.data import pipeline
from boneage.data.dataset import Sample, open_folder
from boneage.data.film_paths import NO_IMAGE
from boneage.data.pipeline import CHUNK, FEW, NO_LABEL, PreparedFilm, each_film, labelled, prepared, restored
from boneage.errors import BadModel
from boneage.types import Failure, Radiograph, Sex

SPEC = PrepareConfig(size=32)


def sample(name: str, path: Path | None = None) -> Sample:
    return Sample(name, path or Path(name), 100.0, Sex.MALE, name, None)


@pytest.mark.parametrize("workers", [1, 2])
def test_films_come_in_order_and_failures_in_their_place(films: Path, tmp_path: Path, workers: int) -> None:
    good = open_folder(films).samples[:30]
    (tmp_path / "torn.png").write_text("no film")
    torn, gone = sample("torn", tmp_path / "torn.png"), replace(sample("gone"), path=None)
    several = [*good[:11], torn, *good[11:], gone]
    found = list(each_film(partial(prepared, spec=SPEC), several, workers=workers))
    assert len(found) == 32
    assert found[31] == Failure("gone", "", NO_IMAGE)
    assert isinstance(found[11], Failure)
    assert (found[11].id, found[11].file) == ("torn", str(tmp_path / "torn.png"))
    assert "it looks like text" in found[11].reason
    for one, film in zip(good, [*found[:11], *found[12:31]], strict=True):
        assert isinstance(film, PreparedFilm)
        np.testing.assert_array_equal(film.pixels, prepared(one, SPEC).pixels)
        assert film.sex is one.sex


def test_a_film_without_a_label_fails_where_one_is_needed(films: Path) -> None:
    first, second = open_folder(films).samples[:2]
    work = partial(labelled, spec=SPEC)
    bare, good = each_film(work, [replace(first, months=None), second])
    assert bare == Failure(first.id, str(first.path), NO_LABEL)
    assert isinstance(good, PreparedFilm)


def test_few_films_are_prepared_in_this_process_and_many_on_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "cores", lambda: 2)
    for count, cost, processes in ((FEW - 1, 1, 1), (FEW, 1, 2), (10, FEW // 10, 2)):
        found = list(each_film(works.where, [sample(str(n)) for n in range(count)], cost=cost))
        assert [name for name, _ in found if isinstance(name, str)] == [str(n) for n in range(count)]
        ran = {process for _, process in found}
        assert len(ran) == processes
        assert (os.getpid() in ran) == (processes == 1)
    monkeypatch.setattr(pipeline, "cores", lambda: 1)
    assert {process for _, process in each_film(works.where, [sample("a")] * FEW)} == {os.getpid()}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("name", "kind"), [("broken", ZeroDivisionError), ("model", BadModel)])
def test_what_is_not_the_films_fault_is_raised(workers: int, name: str, kind: type[Exception]) -> None:
    """A locator that is gone is one error, not ten thousand films that fail."""
    others = children()
    films = [sample("unreadable"), *(sample(str(n)) for n in range(20)), sample(name), sample("b")]
    found = each_film(works.failing, films, workers=workers)
    assert next(found) == Failure("unreadable", "unreadable", "it is torn")
    with pytest.raises(kind):
        list(found)
    assert children() <= others  # those of other tests may end meanwhile


def test_a_film_that_kills_its_worker_is_a_failure_and_the_rest_goes_on() -> None:
    others = children()
    names = [str(n) for n in range(40)]
    names[7] = names[20] = "dies"
    found = list(each_film(works.failing, [sample(name) for name in names], workers=2))
    dead = Failure("dies", "dies", "it could not be read: its process was killed (exit code -9)")
    assert found == [dead if name == "dies" else name for name in names]
    assert children() <= others  # those of other tests may end meanwhile


def test_who_stops_asking_leaves_no_process() -> None:
    others = children()
    films = each_film(works.where, [sample(str(n)) for n in range(500)], workers=2)
    next(films)
    assert len(children() - others) == 2
    films.close()  # type: ignore[attr-defined]
    assert children() <= others  # those of other tests may end meanwhile


def test_only_a_few_films_are_prepared_ahead(tmp_path: Path) -> None:
    """The worker leaves a mark for each film: the fourth chunk of each is not begun while nobody asks."""
    films = [sample(str(n), tmp_path / f"{n}.png") for n in range(40 * CHUNK)]
    asked = each_film(works.marked, films, workers=2)
    next(asked)
    ahead = settled(lambda: len(list(tmp_path.iterdir())))
    assert CHUNK <= ahead <= 5 * CHUNK
    assert len(list(asked)) == len(films) - 1


def settled(count: Callable[[], int]) -> int:
    """A number once it has not changed for a second."""
    before, now = -1, count()
    while now != before:
        time.sleep(1)
        before, now = now, count()
    return now


SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
sys.path[:] = {path!r}
import works
from pathlib import Path
from boneage.data.dataset import Sample
from boneage.data.pipeline import each_film
from boneage.types import Sex
films = [Sample(str(n), Path({folder!r}) / f"{{n}}.png", 1.0, Sex.MALE, "p", None) for n in range(40)]
print(len(list(each_film(works.{work}, films, workers=2))))
"""


@pytest.mark.parametrize("how", ["script", "standard input"])
def test_a_script_needs_no_guard(tmp_path: Path, how: str) -> None:
    """Its own top is not run again by the workers."""
    text = SCRIPT.format(path=sys.path, folder=str(tmp_path), work="where")
    (tmp_path / "script.py").write_text(text)
    words, given = ([str(tmp_path / "script.py")], "") if how == "script" else (["-"], text)
    ended = subprocess.run([sys.executable, *words], input=given, capture_output=True, text=True, timeout=120)
    assert (ended.stdout, ended.stderr) == ("40\n", "")


def test_ctrl_c_ends_all_at_once(tmp_path: Path) -> None:
    text = SCRIPT.format(path=sys.path, folder=str(tmp_path), work="slow")
    running = subprocess.Popen([sys.executable, "-c", text], stderr=subprocess.PIPE, text=True, start_new_session=True)
    while len(begun := list(tmp_path.glob("*.begun"))) < 2 or not all(file.read_text() for file in begun):
        time.sleep(0.05)
        assert running.poll() is None
    workers = {int(file.read_text()) for file in begun}
    assert workers == children(running.pid)
    watch = threading.Timer(60, running.kill)
    watch.start()
    running.send_signal(signal.SIGINT)
    _, err = running.communicate()
    watch.cancel()
    assert err.splitlines()[-1] == "KeyboardInterrupt"
    assert not any(Path(f"/proc/{process}").exists() for process in workers)
    assert {path.suffix for path in tmp_path.iterdir()} == {".begun"}


@pytest.mark.parametrize(
    ("size", "shape"),
    [(None, (60, 60)), ((1500, 2000), (60, 45)), ((2000, 1500), (45, 60)), ((7, 7), (60, 60)), ((1, 1000), (60, 1))],
)
def test_restored_keeps_the_longer_side(size: tuple[int, int] | None, shape: tuple[int, int]) -> None:
    film = Radiograph(np.random.default_rng(0).random((60, 60), np.float32), "film.png", "0" * 64, "PNG")
    assert restored(film, size).pixels.shape == shape
    assert restored(film, size).source == "film.png"
