"""How far a job is, how fast, and what failed and why."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from ...errors import BadTable, shown
from ...types import DISCLAIMER
from . import claims, manifest, rows
from .film import change_of
from .job import Job, shards_of
from .journal import known
from .run_log import runs_of
from .stores import is_address

NAMED = 20  # films that failed which a status names


@dataclass
class Status:
    """How far a job is.

    Attributes:
        films, shards: in all.
        films_read, shards_done: of these; films of shards that are not finished count too.
        failed: films of finished shards without a reading.
        reasons: why, without the films' names, and how many.
        examples: of the first of these, their ids and reasons.
        being_read: shards that runs are at.
        abandoned: shards that were claimed by a run that is no more; the next run takes them over.
        damaged: files of readings that cannot be read; to remove them lets a run read them again.
        films_per_second: of all runs together, while they ran.
        changed: films that are no more as they were when the job was planned; None where that was not asked.
    """

    films: int
    shards: int
    films_read: int = 0
    shards_done: int = 0
    failed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    being_read: int = 0
    abandoned: int = 0
    damaged: list[str] = field(default_factory=list)
    films_per_second: float | None = None
    changed: dict[str, str] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every shard has its file."""
        return self.shards_done == self.shards and not self.damaged

    def to_dict(self) -> dict[str, Any]:
        """The status as JSON values."""
        return {**asdict(self), "complete": self.is_complete, "disclaimer": DISCLAIMER}


def status(job: Job, *, changes: bool = False) -> Status:
    """How far a job is, by the files that are there.

    ``changes``: also ask of every film that is a file of this machine whether it has changed since the plan. None is
    opened.
    """
    found, reasons = Status(job.plan.films, job.plan.shards), Counter[str]()
    done = set(job.finished())
    for shard in sorted(done):
        path = job.readings(shard)
        try:
            failed = rows.about(path)["failed"]
        except BadTable:
            found.damaged.append(str(path))
            continue
        found.shards_done, found.films_read = found.shards_done + 1, found.films_read + job.size(shard)
        found.failed += failed
        for name, place, reason in rows.errors(path) if failed else ():
            reasons[_kind(reason, place)] += 1
            if len(found.examples) < NAMED:
                found.examples[name] = reason
    found.reasons = dict(reasons.most_common())
    for shard in set(shards_of(path.name for path in job.work.glob("*.jsonl"))) - done:
        found.films_read += len(known(job.work, shard, 0).rows)
    held = claims.held(job.work)
    found.abandoned = sum(held.values())
    found.being_read = len(held) - found.abandoned
    found.films_per_second = _rate(job)
    found.changed = _changes(job) if changes else None
    return found


def _kind(reason: str, place: str) -> str:
    """A reason without the name of its film, so that equal ones are counted together."""
    return re.sub(r"\d[\d,]*", "N", reason.replace(shown(place), "FILE")) if place else re.sub(r"\d+", "N", reason)


def _rate(job: Job) -> float | None:
    """Films a second of the runs that are going on, all together; of the last where none is."""
    runs = [one for one in runs_of(job) if one["films"] and one["seconds"]]
    chosen = [one for one in runs if not one["ended"]] or runs[-1:]
    return round(sum(one["films"] / one["seconds"] for one in chosen), 2) if chosen else None


def _changes(job: Job) -> dict[str, str]:
    """How films of this machine have changed since the plan, by their ids."""
    found = {}
    for shard in range(job.plan.shards):
        for film in manifest.films_of(job, shard):
            if film.file and not film.reason and not is_address(film.file) and (change := change_of(film)):
                found[film.id] = change
    return found
