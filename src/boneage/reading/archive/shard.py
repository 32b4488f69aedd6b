"""A shard that is being read: which of its films are left, what became of the others, and its file at the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Container, Iterator
from contextlib import suppress
from pathlib import Path

from ...errors import shown
from . import claims, manifest, rows
from .claims import Claimant
from .film import Row, failed, is_failure
from .job import Job, shards_of
from .journal import Journal, journals, known

_ANYONES = {-getattr(signal, name, 0) for name in ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")}
_KILLS = Path("/proc/vmstat")  # where the system says for how many processes it had no memory


class OpenShard:
    """One shard, claimed by this process. Numbers of films are those of their places in the shard.

    Attributes:
        number: of the shard.
        films: all of its films, in order.
        left: the numbers of those that are still to be read; those that may have ended a process come last.
        done: how many were read, or left out, before.
    """

    def __init__(self, job: Job, number: int, who: Claimant, *, retry_failed: bool = False) -> None:
        self.job, self.number, self._who = job, number, who
        self.films = manifest.films_of(job, number)
        self._rows = self._before(retry_failed)
        base = _base(job.readings(number))
        found = known(job.work, number, base)
        self._rows |= {film: read for film, read in found.rows.items() if not (retry_failed and _has_failed(read))}
        self._known, self._kills = found, _out_of_memory()
        self._journal = Journal(job.work, number, base, f"{who.host}-{who.pid}")
        self._open = {number for number in range(len(self.films)) if number not in self._rows}
        self.left = sorted(self._open, key=lambda film: found.own[film] + found.lost[film])
        for film in self.left:
            self._leave_out(film)
        self.left = [film for film in self.left if film in self._open]
        self.done = len(self.films) - len(self.left)

    @property
    def is_complete(self) -> bool:
        """Whether every film has its rows."""
        return not self._open

    def begun(self, film: int) -> None:
        """A film is about to be read."""
        self._journal.begun(film)

    def read(self, film: int, found: list[Row]) -> None:
        """Take the rows of a film."""
        self._journal.done(film, found)
        self._take(film, found)

    def died(self, film: int, code: int | None) -> bool:
        """Its process has ended while a film was read. Whether the film is to be tried once more."""
        kills = _out_of_memory()
        own = code not in _ANYONES or (code == -signal.SIGKILL and kills > self._kills)
        self._kills = kills
        self._journal.died(film, own=own)
        (self._known.own if own else self._known.lost)[film] += 1
        return not self._leave_out(film)

    def stopped(self, films: Iterator[int]) -> None:
        """The work ends in good order, in the midst of these films."""
        for film in films:
            self._journal.left(film)
        self.close()

    def finish(self) -> int:
        """Write the shard's file, and remove what led to it. Gives the number of films that failed."""
        found = [row for film in range(len(self.films)) for row in self._rows[film]]
        rows.write(self.job.readings(self.number), found, shard=self.number, films=len(self.films))
        self._journal.close()
        for path in journals(self.job.work, self.number):
            path.unlink(missing_ok=True)
        self.close()
        return sum(map(is_failure, found))

    def close(self) -> None:
        """Give up the claim; what has been read is kept."""
        self._journal.close()
        claims.release(self.job.work, self.number, self._who)

    def _before(self, retry_failed: bool) -> dict[int, list[Row]]:
        """The rows of an earlier file of this shard, of films that did not fail."""
        path = self.job.readings(self.number)
        if not (retry_failed and path.exists()):
            return {}
        numbers = {film.id: number for number, film in enumerate(self.films)}
        found: dict[int, list[Row]] = {}
        for row in rows.read(path):
            if row["id"] in numbers and not is_failure(row):
                found.setdefault(numbers[row["id"]], []).append(row)
        return found

    def _leave_out(self, film: int) -> bool:
        """Give a film that ends every process that reads it the row that says so; whether it is one."""
        if not self._known.is_deadly(film):
            return False
        place = self.films[film]
        reason = f"cannot read {shown(place.file)}: the process that read it ended each time, so it is left out"
        self._take(film, [failed(place, reason)])
        return True

    def _take(self, film: int, found: list[Row]) -> None:
        self._rows[film] = found
        self._open.discard(film)


def claimed(job: Job, numbers: Iterator[int], who: Claimant, *, retry_failed: bool = False) -> Iterator[OpenShard]:
    """The shards of these numbers that are to be read and that nobody else reads, each claimed when it is asked for."""
    job.work.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        if not is_left(job, number, retry_failed=retry_failed) or not claims.claim(job.work, number, who):
            continue
        if is_left(job, number, retry_failed=retry_failed):  # another may have finished it meanwhile
            yield OpenShard(job, number, who, retry_failed=retry_failed)
        else:
            claims.release(job.work, number, who)


def sweep(job: Job, numbers: Container[int], who: Claimant) -> None:
    """Remove what has led to finished shards, where a process was killed after it had written a shard's file.

    Journals that go on from a shard's file stay: they are of a run that reads its failed films again.
    """
    names = os.listdir(job.work) if job.work.is_dir() else []
    for number in shards_of(names):
        if number not in numbers or not (base := _base(job.readings(number))):
            continue
        if claims.claim(job.work, number, who):  # else another run is at it
            for path in set(journals(job.work, number)) - set(journals(job.work, number, base)):
                path.unlink(missing_ok=True)
            claims.release(job.work, number, who)


def is_left(job: Job, number: int, *, retry_failed: bool = False) -> bool:
    """Whether a shard is to be read: it has no file yet, or, to try again, one with films that failed."""
    path = job.readings(number)
    return not path.exists() or (retry_failed and rows.about(path)["failed"] > 0)


def _has_failed(found: list[Row]) -> bool:
    return any(map(is_failure, found))


def _base(path: Path) -> int:
    """What tells one file of readings from the one that was there before; 0 where there is none."""
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return 0


def _out_of_memory() -> int:
    """How many processes the system has killed for want of memory since it started; 0 where it does not say."""
    with suppress(OSError, ValueError):
        for line in _KILLS.read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
