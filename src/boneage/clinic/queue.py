"""The queue before the decoders: it bounds how many films are read at once and how many may wait."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from .errors import Busy, Closing

FIRST_GUESS = 0.3  # seconds a film takes, before any was read
NEWEST = 0.1  # weight of the latest film in the running mean of their times


class Queue:
    """A queue for ``running`` films at once and ``waiting`` behind them, used from one event loop.

    ``inside``: films being read or waiting. ``closed``: set to take no new film; those inside are still read.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self.running, self.waiting = running, waiting
        self.inside, self.closed = 0, False
        self._places = asyncio.Semaphore(running)
        self._seconds_a_film = FIRST_GUESS

    def check(self) -> None:
        """Raise `Busy` or `Closing` if a film that came now would not be taken."""
        if self.closed:
            raise Closing
        if self.inside >= self.running + self.waiting:
            raise Busy(self._seconds_until_free())

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place and hold it for the length of the block; raises as `check` does."""
        self.check()
        self.inside += 1
        try:
            async with self._places:
                began = monotonic()
                yield
                self._seconds_a_film += NEWEST * (monotonic() - began - self._seconds_a_film)
        finally:
            self.inside -= 1

    def _seconds_until_free(self) -> int:
        return max(1, math.ceil(self._seconds_a_film * self.inside / self.running))
