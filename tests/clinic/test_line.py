"""The line: what is read goes on, what cannot be read is given up, what cannot be read now is read later."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("highdicom", reason="the line needs boneage[dicom]")

from clinical_films import film
from in_process import opened

from boneage.clinic import spool as spools
from boneage.clinic.errors import Busy
from boneage.clinic.line import Line
from boneage.clinic.spool import Spool
from boneage.errors import CannotWrite

GOES_TO = {"pacs": ["bone-age-3d.sr.dcm"]}


@contextmanager
def running(folder: Path, *, hold: bool = False, broken: Callable[[Line], None] = lambda line: None) -> Iterator[Line]:
    """A line that runs over a spool of its own; ``broken`` may change it before."""
    spool = Spool(folder, most_bytes=10**9, least_free=0)
    called = threading.Event()
    try:
        with opened() as service:
            line = Line(service, spool, GOES_TO, hold=hold, after=called.set)
            broken(line)
            line.start()
            try:
                yield line
            finally:
                line.stop()
    finally:
        spool.close()


def until(line: Line, state: str, count: int = 1) -> None:
    end = time.monotonic() + 60
    while line.spool.state()["films"][state] < count:
        assert time.monotonic() < end, line.spool.state()
        time.sleep(0.02)


def test_a_film_is_read_and_the_documents_that_somebody_wants_are_put(tmp_path: Path) -> None:
    with running(tmp_path) as line:
        key = line.spool.add([film()])
        line.call()
        until(line, "ready")
        assert {path.name for path in (tmp_path / "documents" / key).iterdir()} == {*GOES_TO["pacs"]}
        assert [parcel.document for parcel in line.spool.parcels("pacs", 9)] == GOES_TO["pacs"]


def test_what_is_no_film_is_given_up(tmp_path: Path) -> None:
    with running(tmp_path) as line:
        line.spool.add([b"no film at all"])
        line.spool.add([film(StudyInstanceUID=None)])
        until(line, "failed", 2)
        reasons = " ".join(one["reason"] for one in line.spool.state()["failures"])
    assert "looks like text" in reasons
    assert "film has no valid study UID" in reasons


def test_held_films_are_not_sent(tmp_path: Path) -> None:
    with running(tmp_path, hold=True) as line:
        line.spool.add([film()])
        until(line, "held")
        assert line.spool.parcels("pacs", 9) == []


@pytest.mark.parametrize("error", [Busy(1), CannotWrite("the disk is full"), RuntimeError("MRN-4711")], ids=repr)
def test_what_cannot_be_read_now_is_read_later(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spools, "FIRST_WAIT", 0.01)
    left = [error, error]

    def broken(line: Line) -> None:
        whole = line.service.case

        async def case(*words: object) -> object:
            if left:
                raise left.pop()
            return await whole(*words)  # type: ignore[arg-type]

        monkeypatch.setattr(line.service, "case", case)

    with running(tmp_path, broken=broken) as line:
        key = line.spool.add([film()])
        until(line, "ready")
        assert line.spool.tries(key) == 2
    assert "4711" not in caplog.text


def test_a_fault_that_stays_ends_with_the_film_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "FIRST_WAIT", 0.001)

    def broken(line: Line) -> None:
        async def case(*words: object) -> object:
            raise RuntimeError

        monkeypatch.setattr(line.service, "case", case)

    with running(tmp_path, broken=broken) as line:
        line.spool.add([film()])
        until(line, "failed")
        assert "fault" in line.spool.state()["failures"][0]["reason"]
