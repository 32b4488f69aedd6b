"""uvicorn's HTTP/1.1 connection with the limits that it lacks.

They are on slow heads, on clients that do not read their answer, on the number of connections, and on bodies that are
still being sent after the answer (a refusal, for example).

Such a body is discarded as it arrives, because a client that is cut off while it sends may never read the answer: up
to the size that a body of its kind may have, but only `PAST` bytes if it is larger or its length is not declared. If
the connection ends with the answer, its sending half is closed at once, and the other when the client has read it.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ...clinic.limits import MIB
from .limits import HttpLimits

PAST = MIB // 2  # bytes discarded of a body that is too large
LINGER = 2.0  # seconds at most between two pieces that are discarded
PIECE = 16 * 1024  # bytes of an answer that are written at once


def in_pieces(app: ASGIApp) -> ASGIApp:
    """The same application with its answers sent in pieces, so that time limits hold for a piece, not for the whole."""

    async def split(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            body, more = message.get("body", b""), message.get("more_body", False)
            for start in range(0, len(body) - PIECE, PIECE):
                await send({"type": message["type"], "body": body[start : start + PIECE], "more_body": True})
            if len(body) > PIECE:
                message = {"type": message["type"], "body": body[-(len(body) % PIECE or PIECE) :], "more_body": more}
            await send(message)

        await app(scope, receive, sending)

    return split


def connection_class(limits: HttpLimits) -> type[H11Protocol]:
    """A protocol class for ``uvicorn.Config(http=…)``, whose connections share their limits."""
    waiting: dict[Connection, None] = {}  # connections without a request, longest idle first

    class Limited(Connection):
        """A connection with these limits, which knows the idle ones of the same server."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.limits, self.waiting = limits, waiting

    return Limited


class Connection(H11Protocol):
    """Closed if the head is late, if the client does not read the answer, or to make room for a newer connection.

    ``unwanted``: bytes of a body that may still be discarded; None if nothing is being discarded. ``parting``: the
    answer was the last one. ``half_closed``: the client will send no more but still reads.
    """

    limits: HttpLimits
    waiting: dict[Connection, None]
    unwanted: int | None = None
    parting = half_closed = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._late: asyncio.TimerHandle | None = None
        self._end = 0.0  # of the time for discarding

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a head; if there are too many connections, close the one that is idle longest."""
        super().connection_made(transport)
        self._to_part = cast(asyncio.Transport, _Parting(self))
        transport.set_write_buffer_limits(high=1)  # so that writing is paused while anything is still to be taken
        self._expect_head()
        if len(self.connections) > self.limits.connections:
            next(iter(self.waiting))._cut()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers."""
        self._head_is_whole()
        self._unset_stall()
        self._stop_discarding()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Pass data on, or discard it; start and stop the timer of the head."""
        if self.parting:
            self._discarded(len(data))
            return
        super().data_received(data)
        if self.unwanted is not None:
            self._discarded(len(data))
        if self.transport.is_closing() or self._in_request():
            self._head_is_whole()
        elif self._head is None and self.unwanted is None:
            self._expect_head()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Keep the connection open if a client closes its half after a whole request; TLS has no such halves."""
        whole = self._in_request() and self.conn.their_state is not h11.SEND_BODY
        self.half_closed = whole and self.scheme == "http"
        return self.half_closed

    def handle_events(self) -> None:
        """Make the cycle that answers the request close the connection through `part`."""
        super().handle_events()
        if self.cycle is not None:
            self.cycle.transport = self._to_part

    def part(self) -> None:
        """Close the connection; if a body is still arriving, only the sending half, so that the client can read on."""
        if self.conn.their_state is not h11.SEND_BODY:
            self.transport.close()
        elif not self.transport.is_closing():
            self.parting = True
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self._discard()

    def on_response_complete(self) -> None:
        """Start to discard the rest of the body if the answer came before its end."""
        super().on_response_complete()
        if self.parting:
            self._unset_keepalive_if_required()
        elif self._is_answered_early() and not self.transport.is_closing():
            self._discard()
        elif self.half_closed and not self._in_request():
            self.transport.close()
        self._mark_idle()

    def send_400_response(self, msg: str) -> None:
        """Answer a damaged request, unless the client has its answer already: then close."""
        if self.unwanted is None:
            super().send_400_response(msg)
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        """Give a client that reads slowly some time for the next piece."""
        super().pause_writing()
        self._unset_stall()
        self._stall = self.loop.call_later(self.limits.idle_seconds, self._cut)

    def resume_writing(self) -> None:
        """The client has read what was sent."""
        self._unset_stall()
        super().resume_writing()
        self._mark_idle()

    def _is_answered_early(self) -> bool:
        return self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY

    def _discard_limit(self) -> int:
        declared = dict(self.headers).get(b"content-length", b"")
        length = int(declared) if declared.isdigit() else None
        may_be = self.limits.body(self.scope["method"], self.scope["path"])
        return length if length is not None and length <= may_be else PAST

    def _discard(self) -> None:
        self.unwanted = self._discard_limit()
        self._end = self.loop.time() + self.limits.body_seconds
        self._await_more()

    def _await_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late = self.loop.call_later(max(0.0, min(LINGER, self._end - self.loop.time())), self._cut)

    def _discarded(self, count: int) -> None:
        assert self.unwanted is not None
        self.unwanted -= count
        if not self.parting and not self._is_answered_early():  # its end is in, and perhaps the next request
            self._stop_discarding()
            self._mark_idle()
        elif self.unwanted < 0:
            self._cut()
        else:
            self._await_more()

    def _stop_discarding(self) -> None:
        self.unwanted = None
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _in_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _mark_idle(self) -> None:
        """Mark the connection as idle if it has no request and the client has read everything."""
        if not (self._in_request() or self.flow.write_paused or self.transport.is_closing()):
            self.waiting.setdefault(self)

    def _expect_head(self) -> None:
        self._head = self.loop.call_later(self.limits.head_seconds, self._cut)
        self.waiting.setdefault(self)

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


class _Parting:
    """The part of a transport that a request's cycle uses, with `Connection.part` in place of ``close``."""

    def __init__(self, connection: Connection) -> None:
        self.close, self.is_closing = connection.part, connection.transport.is_closing
        self.write = connection.transport.write
