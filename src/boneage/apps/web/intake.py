"""Bodies at the door: each is read whole, within its limits of size and time, before the service hears of it.

So a slow or endless body costs a few bytes and a timer, never a place in the line of readings. A film for which there
is no place when its head arrives is refused there: under overload much of the work would be to receive what is refused.
What a client sends of a body that nobody wants is the connection's to discard (`connection.py`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from time import monotonic

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...clinic.limits import Limits, Refusal

FILMS = {("POST", "/api/readings"), ("POST", "/api/films")}  # one film each, which has to stand in line


class Intake:
    """ASGI middleware. ``expect_film``: raises a Refusal for a film that need not be sent, as it would not be taken.

    ``held``: the bytes of all bodies in memory.
    """

    def __init__(self, app: ASGIApp, limits: Limits, expect_film: Callable[[], None]) -> None:
        self.app, self.limits, self.expect_film, self.held = app, limits, expect_film, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on with its body in one piece, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = bytearray()
        try:
            if await self._fill(body, scope, receive):
                await self.app(scope, _replay(bytes(body), receive), send)
        except Refusal as refusal:
            await _refuse(refusal, send)
        finally:
            self.held -= len(body)

    async def _fill(self, body: bytearray, scope: Scope, receive: Receive) -> bool:
        """Read the body; False if the client went away before its end."""
        limit = self.limits.body(scope["method"], scope["path"])
        if _declared(scope) > limit:
            raise _too_large(limit)
        if (scope["method"], scope["path"]) in FILMS:
            self.expect_film()
        end = monotonic() + self.limits.body_seconds
        while True:
            message = await _within(min(self.limits.idle_seconds, end - monotonic()), receive)
            if message["type"] == "http.disconnect":
                return False
            piece = message.get("body", b"")
            body += piece
            self.held += len(piece)
            if len(body) > limit:
                raise _too_large(limit)
            if self.held > self.limits.held:
                raise Refusal(503, "too much is being sent at once: try again", 2)
            if not message.get("more_body"):
                return True


def _declared(scope: Scope) -> int:
    """The length that the request says its body has; 0 if it says none."""
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(value) if value.isdigit() else 0


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"the request is larger than the limit of {limit:,} bytes")


async def _within(seconds: float, receive: Receive) -> Message:
    try:
        return await asyncio.wait_for(receive(), max(0.001, seconds))
    except TimeoutError:
        raise Refusal(408, "the request did not arrive in time") from None


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then whatever the client does next."""
    first = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return first.pop() if first else await receive()

    return replayed


async def _refuse(refusal: Refusal, send: Send) -> None:
    answer = json.dumps({"error": refusal.sentence}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
        *((name.lower().encode(), value.encode()) for name, value in refusal.headers.items()),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer})
