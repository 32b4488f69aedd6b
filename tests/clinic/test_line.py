"""The line: what is read goes on, what cannot be read is given up, what cannot be read now is read later."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

pytest.importorskip("highdicom", reason="the line needs boneage[dicom]")

from clinical_films import film, pair_film, tells_patient
from clinical_films import opened as opened_film
from in_process import opened

from boneage.clinic import line as lines
from boneage.clinic import spool as spools
from boneage.clinic.decisions import Decision, Verdict, decide, decision_on, held
from boneage.clinic.documents.case import Review
from boneage.clinic.errors import Busy
from boneage.clinic.line import Line
from boneage.clinic.spool import Spool
from boneage.errors import BadConfig, CannotWrite

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
        whole = line.service.cases

        async def cases(*words: object) -> object:
            if left:
                raise left.pop()
            return await whole(*words)  # type: ignore[arg-type]

        monkeypatch.setattr(line.service, "cases", cases)

    with running(tmp_path, broken=broken) as line:
        key = line.spool.add([film()])
        until(line, "ready")
        assert line.spool.tries(key) == 2
    assert not tells_patient(caplog.text)


def test_a_fault_that_stays_ends_with_the_film_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "FIRST_WAIT", 0.001)

    def broken(line: Line) -> None:
        async def cases(*words: object) -> object:
            raise RuntimeError

        monkeypatch.setattr(line.service, "cases", cases)

    for before in (0, spools.MOST_READINGS + 2):  # a full disk may have put it back more often already
        with running(tmp_path / str(before), broken=broken) as line:
            key = line.spool.add([film()])
            for _ in range(before):
                line.spool.put_back(key, "the disk is full")
            until(line, "failed")
            assert "fault" in line.spool.state()["failures"][0]["reason"]


def test_a_fault_while_a_fault_is_dealt_with_does_not_end_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "POLL", 0.01)

    def broken(line: Line) -> None:
        whole, left = line.spool.take, [RuntimeError(), CannotWrite("the disk fails")]

        def fails(key: str) -> int:
            raise RuntimeError

        def take() -> str | None:
            if left:
                raise left.pop()
            return whole()

        monkeypatch.setattr(line.spool, "tries", fails)
        monkeypatch.setattr(line.spool, "take", take)
        monkeypatch.setattr(line.service, "cases", line.spool.tries)

    with running(tmp_path, broken=broken) as line:
        first = line.spool.add([film()])
        until(line, "waiting")
        monkeypatch.undo()
        line.spool.add([film(SOPInstanceUID="1.2.3")])
        until(line, "ready")
        assert line.spool.tries(first) == 0


def test_a_film_that_has_gone_is_given_up(tmp_path: Path) -> None:
    with running(tmp_path, broken=lambda line: line.spool.film(line.spool.add([film()])).unlink()) as line:
        until(line, "failed")
        assert "no longer in the spool" in line.spool.state()["failures"][0]["reason"]


def test_a_decision_on_another_reading_is_none(tmp_path: Path) -> None:
    """As after a change of the model between the two: what goes out verified is what the reviewer saw."""

    def decided(line: Line) -> None:
        for number, verdict in enumerate((Verdict.ACCEPT, Verdict.REJECT)):
            key = line.spool.add([film(SOPInstanceUID=f"1.2.{number}")])
            line.spool.hold(key, "by another model", "another answer")
            reason = "no" if verdict is Verdict.REJECT else ""
            decide(line.spool.folder, key, Decision(verdict, Review("Roe^Ann", "Ward", datetime(2024, 3, 4)), reason))

    with running(tmp_path, hold=True, broken=decided) as line:
        until(line, "held")
        until(line, "done")
        (waiting,) = held(tmp_path)
        assert "Bone age" in waiting.reading
        assert decision_on(line.spool, waiting.key) is None


def test_each_of_two_hands_has_its_documents_and_a_correction_is_about_one_of_them(tmp_path: Path) -> None:
    """The reading is held, decided on and sent; the other hand goes out as it was read."""
    with running(tmp_path, hold=True) as line:
        key = line.spool.add([pair_film()])
        line.call()
        until(line, "held")
        (waiting,) = held(tmp_path)
        assert waiting.parts == ("left", "right")
        assert "Left hand in the picture: Bone age" in waiting.reading
        assert "Right hand in the picture: Bone age" in waiting.reading
        review = Review("Roe^Ann", "Ward", datetime(2024, 3, 4), bone_age_months=131.0)
        for wrong in (None, "upper"):
            with pytest.raises(BadConfig, match="it is about one of left, right"):
                decide(tmp_path, key, Decision(Verdict.CORRECT, replace(review, part=wrong)))
        decide(tmp_path, key, Decision(Verdict.CORRECT, replace(review, part="right")))
        until(line, "ready")
        names = [parcel.document for parcel in line.spool.parcels("pacs", 9)]
        assert names == ["left-part.bone-age-3d.sr.dcm", "right-part.bone-age-3d.sr.dcm"]
        folder = tmp_path / "documents" / key
        left, right = ((folder / name).read_bytes() for name in names)
    assert {opened_film(one).VerificationFlag for one in (left, right)} == {"VERIFIED"}
    assert b"The age is the reviewer" in right
    assert b"A reviewer has accepted this reading" in left
