"""Read what is left of a job, on the cores of this machine.

A thread for each worker hands it one film at a time, so that it is always known which film a process was at. The films
of the next shard follow on those of the last: no worker waits for another at a shard's end.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from time import monotonic

from ...data.workers import Died, Workers, cores
from ...errors import BadConfig, BoneAgeError
from ...files import refuse_unwritable
from ...progress import Advance
from . import claims
from .claims import Claimant
from .film import FilmReader, Row
from .job import Job
from .planned import Planned
from .run_log import RunLog
from .shard import OpenShard, claimed, is_left, sweep

_AHEAD = 2  # films for each worker: the one that it reads, and the next


@dataclass(frozen=True)
class Part:
    """Which shards one process reads: part ``number`` of ``of``, from 1."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> Part:
        """The part of ``K/N``. BadConfig for what is none."""
        number, _, of = text.partition("/")
        if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise BadConfig(f"{text!r} is no part of the shards: it should be K/N with K from 1 to N, such as 1/100")
        return cls(int(number), int(of))

    def shards(self, job: Job) -> range:
        """The numbers of its shards."""
        return range(self.number - 1, job.plan.shards, self.of)

    @property
    def run_name(self) -> str | None:
        """Of its run: by it a part that is started again, on any machine, takes its own claims over; None for all."""
        return f"part-{self.number}-of-{self.of}" if self.of > 1 else None


@dataclass
class Ran:
    """What a run has done.

    Attributes:
        films: that it has read.
        failed: of the shards that it finished, films that have no reading.
        elsewhere: shards that another run reads.
    """

    films: int = 0
    failed: int = 0
    elsewhere: int = 0


def run(
    job: Job,
    part: Part | None = None,
    *,
    workers: int | None = None,
    retry_failed: bool = False,
    advance: Advance | None = None,
) -> Ran:
    """Read the shards that have not been read, each into one file.

    Several runs, on one machine or many, share the shards out among themselves; ``part`` shares them out beforehand,
    and one run at a time should read it.

    Args:
        job: the job.
        part: which shards; by default all that no other run is at.
        workers: processes, by default one for each core.
        retry_failed: read the films again that failed before.
        advance: called as films are read.

    Raises:
        BadConfig, BadModel: if the job's model is not what it was when the job was planned.
        CannotWrite: if the job's folder takes no files.
        KeyboardInterrupt: after Ctrl-C; what was read is kept.
    """
    refuse_unwritable(job.folder)
    part = part or Part()
    who, numbers = Claimant.here(part.run_name), part.shards(job)
    count = cores() if workers is None else workers
    if count < 1:
        raise BadConfig(f"{count} workers read nothing: ask for at least 1")
    sweep(job, numbers, who)
    if not any(is_left(job, number, retry_failed=retry_failed) for number in numbers):
        return Ran()
    FilmReader(job).check()  # here, where it can be said; each worker opens its own
    shards = claimed(job, iter(numbers), who, retry_failed=retry_failed)
    with RunLog(job, who, count) as log, Workers(FilmReader(job), count) as pool, ThreadPoolExecutor(count) as threads:
        reading = _Reading(job, pool, threads, log, advance)
        try:
            for shard in shards:
                reading.submit(shard, _AHEAD * count)
            reading.wait_for(0)
        finally:
            pool.close()  # first, so that no thread waits for a worker
            threads.shutdown(cancel_futures=True)
            reading.stop()
    left = sum(is_left(job, number) for number in numbers)
    return Ran(log.films, log.failed, left)


@dataclass
class _Reading:
    """The films that are on their way to workers and back."""

    job: Job
    pool: Workers[Planned, list[Row]]
    threads: ThreadPoolExecutor
    log: RunLog
    advance: Advance | None
    _waiting: dict[Future[list[Row] | Died], tuple[OpenShard, int]] = field(default_factory=dict)
    _begun: set[tuple[int, int]] = field(default_factory=set)
    _open: dict[int, OpenShard] = field(default_factory=dict)
    _renewed: float = 0.0

    def submit(self, shard: OpenShard, most: int) -> None:
        """Send out the films of a shard, never more than ``most`` at once."""
        self._open[shard.number] = shard
        if self.advance and shard.done:
            self.advance(shard.done)
        if shard.is_complete:
            self._finish(shard)
        for film in shard.left:
            self.wait_for(most - 1)
            self._send(shard, film)

    def wait_for(self, most: int) -> None:
        """Take what comes back until no more than ``most`` films are out."""
        while len(self._waiting) > most:
            ready, _ = wait(self._waiting, claims.EVERY, FIRST_COMPLETED)
            self._renew()
            for future in ready:
                self._take(*self._waiting.pop(future), future.result())

    def stop(self) -> None:
        """Note that the shards that are open are left, and the films that are out have nothing to do with it."""
        for shard in self._open.values():
            shard.stopped(film for number, film in tuple(self._begun) if number == shard.number)

    def _send(self, shard: OpenShard, film: int) -> None:
        self._waiting[self.threads.submit(self._read, shard, film)] = (shard, film)

    def _read(self, shard: OpenShard, film: int) -> list[Row] | Died:
        """In a thread: the rows of a film, or how its process ended."""
        shard.begun(film)
        self._begun.add((shard.number, film))
        deaths: list[Died] = []

        def lost(_: Planned, death: Died) -> list[Row]:
            deaths.append(death)
            return []

        try:
            (found,) = self.pool.results([shard.films[film]], lost)
        except Died as death:
            raise BoneAgeError(f"no film can be read: {death}") from None
        return deaths[0] if deaths else found

    def _take(self, shard: OpenShard, film: int, found: list[Row] | Died) -> None:
        self._begun.discard((shard.number, film))
        if isinstance(found, Died):
            if shard.died(film, found.code):
                self._send(shard, film)
                return
        else:
            shard.read(film, found)
        self.log.read()
        if self.advance:
            self.advance()
        if shard.is_complete:
            self._finish(shard)

    def _finish(self, shard: OpenShard) -> None:
        self.log.finished(shard.finish())
        del self._open[shard.number]

    def _renew(self) -> None:
        if monotonic() - self._renewed >= claims.EVERY:
            self._renewed = monotonic()
            claims.renew(self.job.work, self._open)
            self.log.write()


def read_shard(folder: str | os.PathLike[str], number: int, run_name: str, *, retry_failed: bool = False) -> Ran:
    """Read one shard in this process: what an engine with processes of its own calls, as often as it likes.

    Args:
        folder: of the job.
        number: of the shard.
        run_name: of the engine's run: a claim of an earlier process of that run is taken over.
        retry_failed: as for `run`.

    Raises:
        BadConfig, BadModel, CannotWrite: as `run`.
    """
    reader = _reader_of(folder)
    job, who, ran = reader.job, Claimant.here(run_name), Ran()
    sweep(job, [number], who)
    for shard in claimed(job, iter([number]), who, retry_failed=retry_failed):
        ran.films, renewed = len(shard.left), monotonic()
        for film in shard.left:
            shard.begun(film)
            shard.read(film, reader(shard.films[film]))
            if monotonic() - renewed >= claims.EVERY:
                renewed = monotonic()
                claims.renew(job.work, [number])
        ran.failed = shard.finish()
    ran.elsewhere = int(is_left(job, number))
    return ran


_readers: dict[str, FilmReader] = {}


def _reader_of(folder: str | os.PathLike[str]) -> FilmReader:
    """The reader of a job, opened once in a process."""
    key = os.fspath(folder)
    if key not in _readers:
        import cv2

        cv2.setNumThreads(1)
        _readers.clear()
        _readers[key] = FilmReader.of(folder)
    return _readers[key]


def films_done(job: Job, numbers: Iterable[int]) -> Iterator[int]:
    """The films of the shards among these that are done."""
    return (job.size(number) for number in numbers if job.readings(number).exists())
