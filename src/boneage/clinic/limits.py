"""What a stranger may ask of the service: sizes, times and numbers, in one place, and the errors that say no."""

from __future__ import annotations

import os
from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """``film``, ``job`` and ``other``: bytes of a request's body by what is asked. ``held``: of all bodies together.

    ``pixels``: of one film. ``head``: bytes of a request's head. Times in seconds: ``head_seconds`` until the head is
    whole, ``idle_seconds`` between two pieces of a body or of an answer, ``body_seconds`` for a whole body,
    ``decode_seconds`` for one film, ``drain_seconds`` for what runs when the service is told to stop.
    ``running``: films read at once. ``waiting``: films that may stand in line behind them. ``jobs``: jobs at once.
    ``films_a_job``: in one job. ``connections``: open at once. ``memory``: bytes of address space of a decoder.
    """

    film: int = 64 * MIB
    job: int = 256 * MIB
    other: int = 64 * 1024
    held: int = 512 * MIB
    pixels: int = 36_000_000
    head: int = 16 * 1024
    head_seconds: float = 10
    idle_seconds: float = 10
    body_seconds: float = 60
    decode_seconds: float = 20
    drain_seconds: float = 8
    running: int = max(1, min(4, os.cpu_count() or 1))
    waiting: int = 8
    jobs: int = 4
    films_a_job: int = 500
    connections: int = 600
    memory: int = 3 * 2**30

    def body(self, method: str, path: str) -> int:
        """How many bytes of body a request may have."""
        if method != "POST":
            return self.other
        return {"/api/readings": self.film, "/api/films": self.film, "/api/reports": self.film}.get(
            path, self.job if path == "/api/jobs" else self.other
        )


class Refusal(Exception):
    """A request that gets no more than one sentence and a status; ``retry_after`` in seconds, where it may help."""

    def __init__(self, status: int, sentence: str, retry_after: int | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.retry_after = status, sentence, retry_after

    @property
    def headers(self) -> dict[str, str]:
        """``Retry-After`` where there is one."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
