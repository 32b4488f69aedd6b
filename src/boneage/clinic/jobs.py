"""Many films in one request: read one after another, so that single films never wait for more than one of them."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Literal

from .answers import Answer, FormWishes, JobFailure, JobState
from .faults import noted
from .limits import Refusal
from .queue import Full
from .service import Room

KEPT = 32  # finished jobs whose results can still be asked for
PATIENCE = 0.5  # seconds until a film that found the line full stands in it again


@dataclass
class Job:
    """``films``: names and bytes of what is still to be read; ``task``: what reads them."""

    id: str
    films: list[tuple[str, bytes]]
    wishes: FormWishes
    total: int
    results: list[Answer | JobFailure] = field(default_factory=list)
    cancelled: bool = False
    task: asyncio.Task[None] | None = None

    @property
    def runs(self) -> bool:
        """Whether there is still something to read."""
        return bool(self.films) and not self.cancelled

    def stop(self) -> None:
        """Read no further film."""
        self.cancelled = self.cancelled or self.runs
        self.films.clear()

    def state(self) -> JobState:
        """How far it is."""
        state: Literal["running", "done", "cancelled"] = "running" if self.runs else "done"
        state = "cancelled" if self.cancelled else state
        return JobState(id=self.id, state=state, done=len(self.results), total=self.total, results=self.results)


class Jobs:
    """The jobs of one room, by their ids, which cannot be guessed."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self._jobs: dict[str, Job] = {}

    def start(self, films: list[tuple[str, bytes]], wishes: FormWishes) -> Job:
        """Begin to read; Refusal 503 where too many jobs run, or the service is closing."""
        running = [job for job in self._jobs.values() if job.runs]
        held = sum(len(data) for job in running for _, data in job.films) + sum(len(data) for _, data in films)
        limits = self.room.limits
        if self.room.line.closed or len(running) >= limits.jobs or held > limits.held:
            raise Refusal(503, "too many jobs are running: try again later", 30)
        if len(films) > limits.films_a_job:
            raise Refusal(422, f"a job may have {limits.films_a_job} films at most, this has {len(films)}")
        job = Job(secrets.token_urlsafe(12), films, wishes, len(films))
        self._jobs[job.id] = job
        self._forget_oldest()
        job.task = asyncio.create_task(self._run(job))
        return job

    def find(self, name: str) -> Job:
        """Refusal 404 for a job that is not there, or no longer."""
        if name not in self._jobs:
            raise Refusal(404, "there is no such job")
        return self._jobs[name]

    def cancel(self, name: str) -> Job:
        """Read no further film of it, and forget it; its results so far are the caller's."""
        job = self.find(name)
        job.stop()
        del self._jobs[name]
        return job

    def cancel_all(self) -> None:
        """Before the service closes."""
        for job in self._jobs.values():
            job.stop()

    async def _run(self, job: Job) -> None:
        while job.runs:
            name, data = job.films[0]
            try:
                result: Answer | JobFailure = await self.room.read(data, name, job.wishes)
            except Full:
                await asyncio.sleep(PATIENCE)
                continue
            except Refusal as refusal:
                result = JobFailure(file=name, error=refusal.sentence)
            except Exception as error:
                result = JobFailure(file=name, error=noted(error))
            if job.films:
                job.films.pop(0)
                job.results.append(result)

    def _forget_oldest(self) -> None:
        ended = [job.id for job in self._jobs.values() if not job.runs]
        for name in ended[: max(0, len(ended) - KEPT)]:
            del self._jobs[name]
