"""The queue before the decoders: it bounds how many films are read at once and how many may wait."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

from .errors import Busy, Closing

FIRST_GUESS = 0.3  # seconds a film takes, before any was read
NEWEST = 0.1  # weight of the latest film in the running mean of their times


class Queue:
    """A queue for ``running`` films at once and ``waiting`` behind them, used from one event loop.

    ``inside``: films being read or waiting. ``closed``: set to take no new film; those inside are still read, until
    `give_up`. ``given_up``: whether that was called.
    """

    def __init__(self, running: int, waiting: int) -> None:
        self.running, self.waiting = running, waiting
        self.inside, self.closed, self.given_up = 0, False, False
        self._tasks: set[asyncio.Task[Any]] = set()  # of the films inside
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
        """Wait for a place and hold it for the length of the block; raises as `check` does, and `Closing` when the
        queue gives up."""
        self.check()
        task = asyncio.current_task()
        assert task is not None
        self.inside += 1
        self._tasks.add(task)
        try:
            async with self._places:
                began = monotonic()
                yield
                self._seconds_a_film += NEWEST * (monotonic() - began - self._seconds_a_film)
        except asyncio.CancelledError:
            if not self.given_up:
                raise
            task.uncancel()
            raise Closing from None
        finally:
            self._tasks.discard(task)
            self.inside -= 1

    def give_up(self) -> None:
        """Take no new film and wait for none inside: each ends with `Closing`, also where a thread still reads it."""
        self.closed = self.given_up = True
        for task in self._tasks:
            task.cancel()

    def _seconds_until_free(self) -> int:
        return max(1, math.ceil(self._seconds_a_film * self.inside / self.running))
