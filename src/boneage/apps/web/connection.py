"""uvicorn's HTTP/1.1 connection with the limits it lacks: for slow heads, for readers that stall, for their number, and
for bodies that are still being sent after the answer.

Such a body is discarded as it comes, as far as its kind may be long, since a client that is cut off while it sends may
never hear the answer; a body too large for its kind, or of no declared length, for half a megabyte only. Where the
connection ends with the answer, its sending half is closed at once and the rest when the client has heard.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

import h11
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from ...clinic.limits import MIB, Limits

PAST = MIB // 2  # bytes discarded of a body that is larger than it may be
LINGER = 2.0  # seconds between two pieces of what is discarded
PIECE = 16 * 1024  # bytes of an answer that are written at once


def in_pieces(app: ASGIApp) -> ASGIApp:
    """The same application, its answers written piece by piece: so a reader's time is that of a piece, not of all."""

    async def careful(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            body, more = message.get("body", b""), message.get("more_body", False)
            for start in range(0, len(body) - PIECE, PIECE):
                await send({"type": message["type"], "body": body[start : start + PIECE], "more_body": True})
            if len(body) > PIECE:
                message = {"type": message["type"], "body": body[-(len(body) % PIECE or PIECE) :], "more_body": more}
            await send(message)

        await app(scope, receive, sending)

    return careful


def connection_class(limits: Limits) -> type[H11Protocol]:
    """A protocol for ``uvicorn.Config(http=…)``."""
    waiting: dict[Connection, None] = {}  # connections with no request inside, those that were so longest first

    class Limited(Connection):
        """One with these limits, and the others of the same server beside it."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.limits, self.waiting = limits, waiting

    return Limited


class Connection(H11Protocol):
    """Closed when its head is late, when its client does not take the answer, or to make room for a newer one.

    ``unwanted``: bytes of a body that may still be discarded, None while nothing is. ``parting``: the answer was the
    last one. ``heard_all``: the client will send no more, and still listens.
    """

    limits: Limits
    waiting: dict[Connection, None]
    unwanted: int | None = None
    parting = heard_all = False

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._head: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._late: asyncio.TimerHandle | None = None
        self._end = 0.0  # of discarding

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a head; of too many connections the one goes that has been without a request longest."""
        super().connection_made(transport)
        self._to_part = cast(asyncio.Transport, _Parting(self))
        transport.set_write_buffer_limits(high=1)  # so that writing is paused while anything is still to be taken
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
        """A client that has sent its whole request may end its half and gets its answer; TLS has no such halves."""
        whole = self._in_request() and self.conn.their_state is not h11.SEND_BODY
        self.heard_all = whole and self.scheme == "http"
        return self.heard_all

    def handle_events(self) -> None:
        """The cycle that answers closes through `part`."""
        super().handle_events()
        if self.cycle is not None:
            self.cycle.transport = self._to_part

    def part(self) -> None:
        """Close; where a body is still being sent, end the own half only, and the other when the client has heard."""
        if self.conn.their_state is not h11.SEND_BODY:
            self.transport.close()
        elif not self.transport.is_closing():
            self.parting = True
            if self.transport.can_write_eof():
                self.transport.write_eof()
            self._discard()

    def on_response_complete(self) -> None:
        """What a client goes on sending of a body that nobody wants any more is discarded for a while."""
        super().on_response_complete()
        if self.parting:
            self._unset_keepalive_if_required()
        elif self._is_answered_early() and not self.transport.is_closing():
            self._discard()
        elif self.heard_all and not self._in_request():
            self.transport.close()
        self._rest()

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
        """It took all that was written."""
        self._unset_stall()
        super().resume_writing()
        self._rest()

    def _is_answered_early(self) -> bool:
        return self.conn.our_state is h11.DONE and self.conn.their_state is h11.SEND_BODY

    def _patience(self) -> int:
        declared = dict(self.headers).get(b"content-length", b"")
        length = int(declared) if declared.isdigit() else None
        may_be = self.limits.body(self.scope["method"], self.scope["path"])
        return length if length is not None and length <= may_be else PAST

    def _discard(self) -> None:
        self.unwanted = self._patience()
        self._end = self.loop.time() + self.limits.body_seconds
        self._await_more()

    def _await_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late = self.loop.call_later(max(0.0, min(LINGER, self._end - self.loop.time())), self._cut)

    def _discarded(self, count: int) -> None:
        assert self.unwanted is not None
        self.unwanted -= count
        if not self.parting and not self._is_answered_early():  # the body's end is in, and maybe the next request
            self._stop_discarding()
            self._rest()
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

    def _rest(self) -> None:
        """With no request inside and nothing left to be taken, it may be closed to make room."""
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
    """A connection's transport as a cycle uses it."""

    def __init__(self, connection: Connection) -> None:
        self.close, self.is_closing = connection.part, connection.transport.is_closing
        self.write = connection.transport.write
