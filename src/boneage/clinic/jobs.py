"""Jobs: many films read in the background, one after another, so that a single film waits for one of them at most."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import Literal

from .answers import Answer, JobFailure, JobState, ReadingRequest
from .errors import Busy, Closing, NoSuchJob, ServiceError, TooManyFilms, TooManyJobs
from .faults import log_fault
from .service import Service

FINISHED_JOBS = 32  # whose results are kept
RETRY_SECONDS = 0.5  # between two attempts to enter the full queue


@dataclass
class Job:
    """One job. ``films``: names and bytes of those still to be read; ``task``: the task that reads them."""

    id: str
    films: list[tuple[str, bytes]]
    request: ReadingRequest
    total: int
    results: list[Answer | JobFailure] = field(default_factory=list)
    cancelled: bool = False
    task: asyncio.Task[None] | None = None

    @property
    def runs(self) -> bool:
        """Whether films are still to be read."""
        return bool(self.films) and not self.cancelled

    def stop(self) -> None:
        """Read no further film."""
        self.cancelled = self.cancelled or self.runs
        self.films.clear()

    def state(self) -> JobState:
        """The progress and the results so far."""
        state: Literal["running", "done", "cancelled"] = "running" if self.runs else "done"
        state = "cancelled" if self.cancelled else state
        return JobState(id=self.id, state=state, done=len(self.results), total=self.total, results=self.results)


class Jobs:
    """The jobs of one service, by random ids that cannot be guessed."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._jobs: dict[str, Job] = {}

    def start(self, films: list[tuple[str, bytes]], request: ReadingRequest) -> Job:
        """Start to read films in the background of the running event loop.

        Args:
            films: names and bytes of the files.
            request: sex, age and so on, the same for all of them.

        Raises:
            Closing: if the service takes no new film.
            TooManyJobs: if no more jobs, or no more bytes, fit beside those that run.
            TooManyFilms: if the job has more films than a job may have.
        """
        limits = self.service.limits
        if self.service.queue.closed:
            raise Closing
        running = [job for job in self._jobs.values() if job.runs]
        size = sum(len(data) for job in running for _, data in job.films) + sum(len(data) for _, data in films)
        if len(running) >= limits.jobs or size > limits.jobs_bytes:
            raise TooManyJobs
        if len(films) > limits.films_a_job:
            raise TooManyFilms(len(films), limits.films_a_job)
        job = Job(secrets.token_urlsafe(12), list(films), request, len(films))
        self._jobs[job.id] = job
        self._forget_oldest()
        job.task = asyncio.create_task(self._run(job))
        return job

    def find(self, job_id: str) -> Job:
        """The job with this id; NoSuchJob if there is none, or none any more."""
        if job_id not in self._jobs:
            raise NoSuchJob
        return self._jobs[job_id]

    def cancel(self, job_id: str) -> Job:
        """Stop a job and forget it; the job that is returned has the only copy of its results."""
        job = self.find(job_id)
        job.stop()
        del self._jobs[job_id]
        return job

    def cancel_all(self) -> None:
        """Stop all jobs, before the service closes."""
        for job in self._jobs.values():
            job.stop()

    async def _run(self, job: Job) -> None:
        while job.runs:
            name, data = job.films[0]
            try:
                result: Answer | JobFailure = await self.service.read(data, name, job.request)
            except Busy:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            except ServiceError as error:
                result = JobFailure(file=name, error=str(error))
            except Exception as error:
                result = JobFailure(file=name, error=log_fault(error))
            if job.films:  # none, if the job was stopped while this film was read
                job.films.pop(0)
                job.results.append(result)

    def _forget_oldest(self) -> None:
        ended = [job.id for job in self._jobs.values() if not job.runs]
        for job_id in ended[: max(0, len(ended) - FINISHED_JOBS)]:
            del self._jobs[job_id]
