"""uvicorn's HTTP/1.1 connection with the limits it lacks: for slow heads, for readers that stall, for their number, and
for bodies that are still being sent after the answer.

Such a body is discarded as it comes, as far as its kind may be long, since a client that is cut off while it sends may
never hear the answer; a body too large for its kind, or of no declared length, for half a megabyte only.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from .limits import MIB, Limits

PAST = MIB // 2  # bytes discarded of a body that is larger than it may be
LINGER = 2.0  # seconds for what is discarded


def connection_class(limits: Limits) -> type[H11Protocol]:
    """A protocol for ``uvicorn.Config(http=…)``."""
    waiting: dict[Connection, None] = {}  # connections without a whole head, the oldest first

    class Limited(Connection):
        """One with these limits, and the others of the same server beside it."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.limits, self.waiting = limits, waiting

    return Limited


class Connection(H11Protocol):
    """Closed when its head is late, when its client does not take the answer, or to make room for a newer one.

    ``unwanted``: bytes of a body that may still be discarded, None while nothing is.
    """

    limits: Limits
    waiting: dict[Connection, None]
    unwanted: int | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a head; where there are too many connections, the one that has waited longest for its head goes."""
        super().connection_made(transport)
        self._expect_head()
        if len(self.connections) > self.limits.connections:
            next(iter(self.waiting))._cut()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timers."""
        self._head_is_whole()
        self._unset_stall()
        self._stop_discarding()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A head begun on a connection kept alive has its time too, and has no second chance when it is wrong."""
        super().data_received(data)
        if self.unwanted is not None:
            self._discarded(len(data))
        if self.transport.is_closing() or self._in_request():
            self._head_is_whole()
        elif self._head is None and self.unwanted is None:
            self._expect_head()

    def on_response_complete(self) -> None:
        """What a client goes on sending of a body that nobody wants any more is discarded for a while."""
        super().on_response_complete()
        if self._is_answered_early() and not self.transport.is_closing():
            self.unwanted = self._patience()
            self._late = self.loop.call_later(LINGER, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """Nothing more can be said to a client that has had its answer."""
        if self.unwanted is None:
            super().send_400_response(msg)
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        """The client is slower than the answer: for a while that is all right."""
        super().pause_writing()
        self._unset_stall()
        self._stall = self.loop.call_later(self.limits.idle_seconds, self._cut)

    def resume_writing(self) -> None:
        """It took some."""
        self._unset_stall()
        super().resume_writing()

    def _is_answered_early(self) -> bool:
        return self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY

    def _patience(self) -> int:
        declared = dict(self.headers).get(b"content-length", b"")
        length = int(declared) if declared.isdigit() else None
        may_be = self.limits.body(self.scope["method"], self.scope["path"])
        return length if length is not None and length <= may_be else PAST

    def _discarded(self, count: int) -> None:
        assert self.unwanted is not None
        self.unwanted -= count
        if not self._is_answered_early():  # the body's end is in, and the start of the next request may be
            self._stop_discarding()
        elif self.unwanted < 0:
            self.transport.close()

    def _stop_discarding(self) -> None:
        self.unwanted = None
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _in_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        self._head = self.loop.call_later(self.limits.head_seconds, self._cut)
        self.waiting[self] = None

    def _head_is_whole(self) -> None:
        self.waiting.pop(self, None)
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _unset_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _cut(self) -> None:
        self.waiting.pop(self, None)
        self.transport.abort()
