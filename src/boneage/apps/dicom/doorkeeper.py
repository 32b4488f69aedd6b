"""The doorkeeper: who may connect to the node, and how many connections there are at once.

Connections that have not become an association make room for new ones, oldest first: so nobody can keep others out by
opening connections and saying nothing.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from .settings import Caller, NodeLimits

NOT_LISTED, TOO_MANY, PUSHED_OUT = "not_listed", "too_many", "pushed_out"  # why a connection was closed


class Association(Protocol):
    """The part of pynetdicom's association that the doorkeeper needs."""

    @property
    def is_established(self) -> bool: ...


@dataclass(eq=False)
class Visit:
    """One open connection, and its association once there is one."""

    address: str
    connection: socket.socket
    association: Association | None = field(default=None)

    @property
    def is_established(self) -> bool:
        """Whether it has become an association."""
        return self.association is not None and self.association.is_established

    def end(self) -> None:
        """Close the connection under whoever reads from it."""
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class Doorkeeper:
    """Lets connections in. Several threads may use it at once.

    Args:
        callers: who may call; none: whoever can reach the node's address.
        limits: on connections.

    Attributes:
        turned_away: how many connections were closed, by reason.
    """

    def __init__(self, callers: Sequence[Caller], limits: NodeLimits) -> None:
        self.callers, self.limits = callers, limits
        self.turned_away: Counter[str] = Counter()
        self._visits: list[Visit] = []
        self._lock = threading.Lock()

    def admit(self, connection: socket.socket, address: str) -> Visit | None:
        """Let a connection in, in place of an older one if need be; None if it must be closed."""
        with self._lock:
            if self.callers and not any(caller.admits(address) for caller in self.callers):
                self.turned_away[NOT_LISTED] += 1
                return None
            own = [visit for visit in self._visits if visit.address == address]
            for visits, most in ((own, self.limits.per_peer), (self._visits, self.limits.connections)):
                if len(visits) >= most and not self._freed(visits):
                    self.turned_away[TOO_MANY] += 1
                    return None
            visit = Visit(address, connection)
            self._visits.append(visit)
            return visit

    def leave(self, visit: Visit) -> None:
        """Take note that a connection is closed."""
        with self._lock, suppress(ValueError):
            self._visits.remove(visit)

    def knows(self, address: str, title: str) -> bool:
        """Whether somebody at this address may call by this AE title."""
        listed = [caller for caller in self.callers if caller.admits(address)]
        return not self.callers or any(caller.ae_title in ("", title.strip()) for caller in listed)

    @property
    def inside(self) -> int:
        """How many connections are open."""
        return len(self._visits)

    def _freed(self, visits: Sequence[Visit]) -> bool:
        """Whether a place is freed: the oldest of these connections that is no association is ended."""
        for visit in visits:
            if not visit.is_established:
                visit.end()
                self._visits.remove(visit)
                self.turned_away[PUSHED_OUT] += 1
                return True
        return False
