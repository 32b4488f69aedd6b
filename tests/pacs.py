"""A PACS for tests: it stores what it is sent, in memory, and can be taken down and brought back on the same port."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

for package in ("pynetdicom", "highdicom", "dicomweb_client"):
    pytest.importorskip(package, reason="the node needs boneage[dicom]")

import pydicom
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.transport import AssociationSocket

from boneage.apps.dicom.classes import SENT, SENT_SYNTAXES, SYNTAXES, TAKEN, VERIFICATION
from boneage.apps.dicom.node import silence

SECONDS = 60.0


def _closed(self: AssociationSocket) -> None:
    """Close a socket also if its peer has left: pynetdicom forgets it then, for Python to find."""
    if self.socket is not None:
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


AssociationSocket._shutdown_socket = _closed  # type: ignore[method-assign]


class Pacs:
    """What was stored: ``objects`` by SOP Instance UID; ``copies``: how often each came; ``differing``: those that came
    again with other bytes."""

    def __init__(self, syntaxes: tuple[str, ...] = SENT_SYNTAXES) -> None:
        silence()
        self.objects: dict[str, bytes] = {}
        self.copies: Counter[str] = Counter()
        self.differing: set[str] = set()
        self.status, self.port, self._server = 0, 0, None
        self._arrived = threading.Condition()
        self._entity = AE("PACS")
        for sop_class in SENT:
            self._entity.add_supported_context(sop_class, list(syntaxes))

    def up(self) -> Pacs:
        """Listen, on the same port as before."""
        handlers: Any = [(evt.EVT_C_STORE, self._store)]
        self._server = self._entity.start_server(("127.0.0.1", self.port), block=False, evt_handlers=handlers)
        assert self._server is not None
        self.port = self._server.server_address[1]
        return self

    def down(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server = None

    def wait(self, count: int, seconds: float = SECONDS) -> None:
        """Until so many objects are there."""
        with self._arrived:
            there = self._arrived.wait_for(lambda: len(self.objects) >= count, seconds)
        assert there, f"{len(self.objects)} of {count} objects"

    def datasets(self) -> list[Dataset]:
        return [pydicom.dcmread(io.BytesIO(data), force=True) for data in list(self.objects.values())]

    def _store(self, event: evt.Event) -> int:
        if self.status:
            return self.status
        data, uid = event.encoded_dataset(), str(event.request.AffectedSOPInstanceUID)
        with self._arrived:
            if self.objects.setdefault(uid, data) != data:
                self.differing.add(uid)
            self.copies[uid] += 1
            self._arrived.notify_all()
        return 0


@contextlib.contextmanager
def pacs(**options: Any) -> Iterator[Pacs]:
    """A `Pacs` that is up, and down at the end."""
    found = Pacs(**options).up()
    try:
        yield found
    finally:
        found.down()


def sender(title: str = "MODALITY", syntaxes: tuple[str, ...] = tuple(SYNTAXES)) -> AE:
    """Who sends films: each transfer syntax has a presentation context of its own."""
    silence()
    found = AE(title)
    found.acse_timeout = found.dimse_timeout = found.network_timeout = SECONDS
    found.add_requested_context(VERIFICATION)
    for sop_class in TAKEN:
        for syntax in syntaxes:
            found.add_requested_context(sop_class, syntax)
    return found


def echo(port: int, title: str = "MODALITY", called: str = "BONEAGE") -> int | None:
    """The status of a C-ECHO, None if the association was rejected."""
    entity = AE(title)
    entity.acse_timeout = entity.dimse_timeout = SECONDS
    entity.add_requested_context(VERIFICATION)
    association = entity.associate("127.0.0.1", port, ae_title=called)
    if not association.is_established:
        return None
    status = association.send_c_echo().get("Status")
    association.release()
    return status


def send(port: int, *films: bytes, **options: Any) -> list[int | None]:
    """Send films by C-STORE; the status of each, None where no answer came."""
    offered = [pydicom.dcmread(io.BytesIO(film)) for film in films]
    association = sender(**options).associate("127.0.0.1", port, ae_title="BONEAGE")
    assert association.is_established
    statuses = [association.send_c_store(one).get("Status") for one in offered]
    if association.is_established:
        association.release()
    return statuses
