"""Reads the body of a request whole, within limits of size and time, before the application hears of the request.

So a slow or endless body costs a few bytes and a timer, but no place in the queue. If the queue is full when the head
of a request with a film arrives, the request is refused before its body: under overload, receiving bodies that are
then refused would be much of the work. What a client still sends after such an answer is discarded by `connection.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...clinic.errors import ServiceError
from .errors import error_answer
from .limits import HttpLimits

BLOCK = 64 * 1024  # bytes of a body from which on the next piece begins a new block
FILM_ROUTES = {("POST", "/api/readings"), ("POST", "/api/films")}  # each has one film, which goes through the queue


class _Body:
    """A body as it arrives, in blocks: one array that grows would be copied many times over.

    ``size``: its bytes so far.
    """

    def __init__(self) -> None:
        self.size, self._blocks = 0, [bytearray()]

    def add(self, piece: bytes) -> None:
        """Add what has arrived; small pieces share a block, so that each costs no more than its bytes."""
        if len(self._blocks[-1]) >= BLOCK:
            self._blocks.append(bytearray())
        self._blocks[-1] += piece
        self.size += len(piece)

    def whole(self) -> bytes:
        """The body in one piece; the blocks are let go."""
        body, self._blocks = b"".join(self._blocks), []
        return body


class Intake:
    """ASGI middleware that hands on requests with their whole body.

    Args:
        app: the application behind it.
        limits: sizes and times.
        expect_film: raises an error of the service if a film would not be taken now.
    """

    def __init__(self, app: ASGIApp, limits: HttpLimits, expect_film: Callable[[], None]) -> None:
        self.app, self.limits, self.expect_film = app, limits, expect_film
        self.held = 0  # bytes of all bodies in memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with its body in one piece, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body()
        try:
            if await self._fill(body, scope, receive):
                await self.app(scope, _replay(body.whole(), receive), send)
        except (HTTPException, ServiceError) as error:
            await error_answer(error)(scope, receive, send)
        finally:
            self.held -= body.size

    async def _fill(self, body: _Body, scope: Scope, receive: Receive) -> bool:
        """Read the body; False if the client went away before its end."""
        limit = self.limits.body(scope["method"], scope["path"])
        if _declared(scope) > limit:
            raise _too_large(limit)
        if (scope["method"], scope["path"]) in FILM_ROUTES:
            self.expect_film()
        end = monotonic() + self.limits.body_seconds
        while True:
            message = await _within(min(self.limits.idle_seconds, end - monotonic()), receive)
            if message["type"] == "http.disconnect":
                return False
            piece = message.get("body", b"")
            body.add(piece)
            self.held += len(piece)
            if body.size > limit:
                raise _too_large(limit)
            if self.held > self.limits.held:
                raise HTTPException(503, "too much is being sent at once: try again", {"Retry-After": "2"})
            if not message.get("more_body"):
                return True


def _declared(scope: Scope) -> int:
    """The value of the header Content-Length; 0 if there is none."""
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(value) if value.isdigit() else 0


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"the request is larger than the limit of {limit:,} bytes")


async def _within(seconds: float, receive: Receive) -> Message:
    try:
        return await asyncio.wait_for(receive(), max(0.001, seconds))
    except TimeoutError:
        raise HTTPException(408, "the request did not arrive in time") from None


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receive function that gives the body as one message, then what the client sends next."""
    first = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return first.pop() if first else await receive()

    return replayed
