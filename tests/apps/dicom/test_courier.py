"""The courier: what goes wrong is tried again, and never sent twice for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom", reason="the node needs boneage[dicom]")
pytest.importorskip("highdicom", reason="the node needs boneage[dicom]")

from boneage.apps.dicom.courier import Courier
from boneage.apps.dicom.destinations import Interrupted, Unreachable
from boneage.clinic.documents.bundle import Document
from boneage.clinic.spool import Spool


class Road:
    """A carrier that does what its ``plan`` says: None, a sentence, or an error."""

    def __init__(self, *plan: object) -> None:
        self.plan, self.brought = list(plan), list[bytes]()
        self.empty = threading.Event()

    def carry(self, documents: Sequence[Path]) -> Iterator[str | None]:
        for path in documents:
            step = self.plan.pop(0) if self.plan else None
            if isinstance(step, Exception):
                raise step
            if step is None:
                self.brought.append(path.read_bytes())
            if not self.plan:
                self.empty.set()
            assert step is None or isinstance(step, str)
            yield step


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    found = Spool(tmp_path, most_bytes=10_000, least_free=0)
    documents = [Document(name, name.encode()) for name in ("a", "b", "c")]
    found.put(found.add([b"film"]), documents, {"pacs": ["a", "b", "c"]})
    yield found
    found.close()


def brought(spool: Spool, road: Road, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    monkeypatch.setattr("boneage.clinic.spool.FIRST_WAIT", 0.01)
    courier = Courier("pacs", road, spool, longest_wait=0.01)
    courier.start()
    try:
        for _ in range(600):
            if len(road.brought) == 3:
                break
            road.empty.wait(0.05)
            courier.call()
            threading.Event().wait(0.02)
    finally:
        courier.stop()
    return road.brought


@pytest.mark.parametrize(
    "plan",
    [
        [],
        [Unreachable("pacs cannot be reached"), Unreachable("pacs cannot be reached")],
        [None, "pacs answered with status A700"],
        [None, None, Unreachable("pacs ended the association")],
        [None, RuntimeError("MRN-4711")],
    ],
    ids=["well", "down", "refused", "cut off", "fault"],
)
def test_each_document_arrives_once(
    plan: list[object], spool: Spool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert sorted(brought(spool, Road(*plan), monkeypatch)) == [b"a", b"b", b"c"]
    assert spool.state()["films"]["done"] == 1
    assert "4711" not in caplog.text
    if plan and "fault" not in str(plan) and not isinstance(plan[-1], RuntimeError):
        assert spool.state()["destinations"][0]["last_error"]["sentence"].startswith("pacs ")


class Stubborn(Road):
    """One that never gets one of the documents across."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def carry(self, documents: Sequence[Path]) -> Iterator[str | None]:
        for path in documents:
            if path.name == "a":
                raise self.error
            self.brought.append(path.read_bytes())
            yield None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (Interrupted("pacs did not answer"), "pacs did not answer"),
        (OSError(5, "Input/output error"), "cannot be sent: Input/output error"),
        (ValueError("MRN-4711"), "cannot be sent: the program failed on it (ValueError)"),
    ],
    ids=["abort", "unreadable", "fault"],
)
def test_a_document_that_never_arrives_keeps_no_other_from_its_way(
    error: Exception, told: str, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("boneage.clinic.spool.FIRST_WAIT", 0.05)
    road = Stubborn(error)
    courier = Courier("pacs", road, spool, longest_wait=0.05)
    courier.start()
    try:
        for _ in range(600):
            if len(road.brought) == 2:
                break
            threading.Event().wait(0.02)
    finally:
        courier.stop()
    assert sorted(road.brought) == [b"b", b"c"]
    state = spool.state()["destinations"][0]
    assert (state["waiting"], state["sent"]) == (1, 2)
    assert told in state["last_error"]["sentence"]
