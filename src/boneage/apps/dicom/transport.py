"""pynetdicom's server with limits that it lacks: on a PDU's length and time, on what has begun to arrive, on callers.

The classes replace those that pynetdicom makes for each connection. A peer that breaks a limit loses its connection.
"""

from __future__ import annotations

import gc
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pynetdicom import evt
from pynetdicom.acse import ACSE
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from ...clinic.faults import log
from .doorkeeper import Doorkeeper, Visit
from .settings import NodeLimits

PIECE = 65536  # bytes that are read at a time
LOOP_SECONDS = 0.004  # between two looks of an association at its connection; pynetdicom's 0.001 costs many a core
HEAD, ASSOCIATE = struct.Struct(">BxL"), 0x01  # of a PDU: its type and length; the type of the first (PS3.8, 9.3.2)
ABORT = bytes.fromhex("07 00 00 00 00 04 00 00 02 00")  # an A-ABORT by the service provider (PS3.8, 9.3.8)
COLLECTED = 60  # associations between two collections of garbage
LONGEST_COMMAND = 4096  # bytes of the part of a message that is no data set
REJECTED, BY_USER, CALLER_UNKNOWN = 0x01, 0x01, 0x03  # result, source and reason of a rejection (PS3.8, 9.3.4)


class Budget:
    """Bytes of all films that have begun to arrive, and how many they may be."""

    def __init__(self, most: int) -> None:
        self.most, self._used, self._lock = most, 0, threading.Lock()

    def take(self, count: int) -> bool:
        """Whether so many bytes more fit; they then count until they are given back."""
        with self._lock:
            if self._used + count > self.most:
                return False
            self._used += count
            return True

    def give_back(self, count: int) -> None:
        """Count so many bytes no more."""
        with self._lock:
            self._used -= count


class GuardedSocket(AssociationSocket):
    """Receives no more than `NodeLimits.pdu` bytes at once, and waits for them no longer than ``idle_seconds``.

    What was ``read`` before there was an association is received first.
    """

    def __init__(self, assoc: Association, connection: socket.socket, limits: NodeLimits, read: bytes) -> None:
        super().__init__(assoc, client_socket=connection)
        self.limits, self.read = limits, bytearray(read)

    @property
    def ready(self) -> bool:
        """Whether there is something to receive."""
        return bool(self.read) or bool(super().ready)

    def recv(self, nr_bytes: int) -> bytearray:
        """Exactly so many bytes, fewer if the peer closes.

        Raises:
            OSError: if a PDU claims to be longer, or comes too slowly.
        """
        if nr_bytes > self.limits.pdu or self.socket is None:
            raise OSError("a PDU is longer than the limit")
        data, at = bytearray(nr_bytes), min(nr_bytes, len(self.read))
        data[:at] = self.read[:at]
        del self.read[:at]
        return data[: at + received(self.socket, memoryview(data)[at:], self.limits.idle_seconds)]


def received(connection: socket.socket, data: memoryview, seconds: float) -> int:
    """Fill ``data``; returns how many bytes came, fewer if the peer closes. OSError if they come too slowly."""
    at, end = 0, time.monotonic() + seconds
    while at < len(data):
        connection.settimeout(max(0.01, end - time.monotonic()))
        count = connection.recv_into(data[at : at + PIECE])
        if not count:
            break
        at += count
        if time.monotonic() > end:
            raise OSError("a PDU comes too slowly")
    return at


def greeting(connection: socket.socket, limits: NodeLimits) -> bytes:
    """The first bytes of a connection, if they begin the request for an association; else the peer gets an A-ABORT.

    An association of pynetdicom takes milliseconds to make, and threads of its own: for those who only say nonsense
    there is none.

    Raises:
        OSError: for anything else, and for nothing within ``greeting_seconds``.
    """
    head = bytearray(HEAD.size)
    if received(connection, memoryview(head), limits.greeting_seconds) == HEAD.size:
        kind, length = HEAD.unpack(head)
        if kind == ASSOCIATE and length <= limits.pdu:
            return bytes(head)
        with suppress(OSError):
            connection.sendall(ABORT)
    raise OSError("no request for an association")


class BoundedDimse(DIMSEServiceProvider):
    """Assembles messages of at most `NodeLimits.object` bytes, all of them together within a budget."""

    def __init__(self, assoc: Association, limits: NodeLimits, budget: Budget) -> None:
        super().__init__(assoc)
        self.limits, self.budget, self.held = limits, budget, 0
        self._commands = 0

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take what came, or end the association if it is too much."""
        pieces = [value for _, value in primitive.presentation_data_value_list]
        count = sum(len(piece) for piece in pieces if not piece[:1] or not piece[0] & 1)
        self._commands += sum(map(len, pieces)) - count
        if self.held + count > self.limits.object or self._commands > LONGEST_COMMAND or not self.budget.take(count):
            self.release()
            self.dul.event_queue.put("Evt19")  # as for an invalid PDU: the association is aborted
            return
        self.held += count
        super().receive_primitive(primitive)
        if self.message is None:  # it is complete, and in the queue
            self.release()

    def release(self) -> None:
        """Give back what is held."""
        self.budget.give_back(self.held)
        self.held = self._commands = 0


class ListedAcse(ACSE):
    """Accepts associations of listed callers only."""

    def __init__(self, assoc: Association, knows: Callable[[str, str], bool]) -> None:
        super().__init__(assoc)
        self.knows = knows

    def _negotiate_as_acceptor(self) -> None:
        requestor = self.requestor
        title, address = requestor.primitive.calling_ae_title, requestor.address  # type: ignore[union-attr]
        if self.knows(str(address), str(title)):
            super()._negotiate_as_acceptor()
            return
        self.send_reject(REJECTED, BY_USER, CALLER_UNKNOWN)
        evt.trigger(self.assoc, evt.EVT_REJECTED, {})
        self.assoc.kill()


class GuardedHandler(RequestHandler):
    """Makes the association of one connection, with the classes of this module."""

    server: GuardedServer

    def setup(self) -> None:
        """Wait for the peer's greeting."""
        self.read = greeting(self.request, self.server.limits)

    def _create_association(self) -> Association:
        association = super()._create_association()
        server = self.server
        association.dul.event_queue.get_nowait()  # that of the socket that is replaced
        association.dul.socket = GuardedSocket(association, self.request, server.limits, self.read)
        association.dul._run_loop_delay = LOOP_SECONDS
        association.dimse = BoundedDimse(association, server.limits, server.budget)
        association.acse = ListedAcse(association, server.doorkeeper.knows)
        server.opened(self.request, association)
        return association


class GuardedServer(ThreadedAssociationServer):
    """The node's listener. The accepting thread never waits for a peer: not for its greeting, nor for its TLS."""

    daemon_threads = True
    request_queue_size = 1024  # connections that come at once wait; one that is turned away tries again after a second
    doorkeeper: Doorkeeper
    limits: NodeLimits
    budget: Budget

    def __init__(self, *args: Any, **options: Any) -> None:
        self._visits: dict[int, Visit] = {}
        self._uncollected = 0
        super().__init__(*args, **options | {"request_handler": GuardedHandler})
        self._encryption: ssl.SSLContext | None = self.ssl_context
        self.ssl_context = None  # its handshake would be made by the thread that accepts

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Whether the doorkeeper lets a connection in."""
        visit = self.doorkeeper.admit(request, client_address[0])
        if visit is not None:
            self._visits[id(request)] = visit
        return visit is not None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection to its end, in a thread of its own, and close it whatever happens."""
        visit = self._visits.pop(id(request))
        try:
            if self._encryption:
                request.settimeout(self.limits.greeting_seconds)
                request = visit.connection = self._encryption.wrap_socket(request, server_side=True)
            self._visits[id(request)] = visit
            super().finish_request(request, client_address)
            if isinstance(visit.association, Association):
                visit.association.join()
                self._ended(visit.association)
        except OSError:
            pass  # it left, or its TLS failed
        except Exception as error:
            self._told(error)
        finally:
            self._visits.pop(id(request), None)
            self.doorkeeper.leave(visit)
            self.shutdown_request(request)

    def opened(self, request: Any, association: Association) -> None:
        """Take note of the association of a connection."""
        self._visits[id(request)].association = association
        self._uncollected += 1

    def service_actions(self) -> None:
        """Free associations that have ended: they lie in cycles, with their films. pynetdicom does so by connections,
        and all threads wait meanwhile."""
        if self._uncollected >= COLLECTED:
            self._uncollected = 0
            gc.collect()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: what a peer does wrong ends its own connection."""

    def _ended(self, association: Association) -> None:
        if isinstance(association.dimse, BoundedDimse):
            association.dul.join(self.limits.greeting_seconds)
            association.dimse.release()

    def _told(self, error: Exception) -> None:
        log.error("a connection ended with %s", type(error).__name__)
