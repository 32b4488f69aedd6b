"""The line of films: so many are read at once, so many may wait, and the next is told to come back later."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from .limits import Refusal


class Full(Refusal):
    """Too many films wait: this one may come again."""


class Line:
    """``inside``: films being read or waiting. ``closed``: no film is taken any more, those inside are finished."""

    def __init__(self, running: int, waiting: int) -> None:
        self.running, self.waiting = running, waiting
        self.inside, self.closed = 0, False
        self._places = asyncio.Semaphore(running)
        self._usual = 0.3  # seconds that a film takes, as a running mean

    def check(self) -> None:
        """Full where too many wait already, Refusal 503 where the service is closing."""
        if self.closed:
            raise Refusal(503, "the service is closing: try again in a moment", 10)
        if self.inside >= self.running + self.waiting:
            raise Full(503, "too many films are waiting: try again in a moment", self._until_free())

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place and hold it; refused as by ``check``."""
        self.check()
        self.inside += 1
        try:
            async with self._places:
                began = monotonic()
                yield
                self._usual += 0.1 * (monotonic() - began - self._usual)
        finally:
            self.inside -= 1

    def _until_free(self) -> int:
        return max(1, math.ceil(self._usual * self.inside / self.running))
