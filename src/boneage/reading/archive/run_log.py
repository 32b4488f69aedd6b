"""What each run has done, and when: beside the readings, never in them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from ...files import json_value, write_json
from .claims import STALE, Claimant, disk_time
from .job import Job


@dataclass
class RunLog:
    """The record of one run, as a file that is written now and then.

    Attributes:
        films: read so far.
        shards: finished so far.
        failed: films without a reading in those.
    """

    job: Job
    who: Claimant
    workers: int
    films: int = 0
    shards: int = 0
    failed: int = 0
    _began: float = field(default_factory=monotonic)
    _started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __enter__(self) -> RunLog:
        self.write()
        return self

    def __exit__(self, *_: object) -> None:
        self.write(ended=True)

    def read(self) -> None:
        """Count one film."""
        self.films += 1

    def finished(self, failed: int) -> None:
        """Count one shard, with the films in it that failed."""
        self.shards, self.failed = self.shards + 1, self.failed + failed

    def write(self, *, ended: bool = False) -> None:
        """Write the file anew."""
        name = f"{self._started:%Y%m%dT%H%M%S}-{self.who.run}-{self.who.pid}.json"
        values = {name: getattr(self, name) for name in ("workers", "films", "shards", "failed")}
        values |= {"host": self.who.host, "pid": self.who.pid, "started": self._started.isoformat()}
        values |= {"seconds": round(monotonic() - self._began, 1), "ended": ended}
        write_json(self.job.runs / name, values)


def runs_of(job: Job) -> list[dict[str, Any]]:
    """What the runs of a job have written, oldest first; what is damaged is left out.

    A run that has not ended, and has written nothing for long, was killed: it has ``ended`` too.
    """
    found: list[dict[str, Any]] = []
    if not job.runs.is_dir():
        return found
    now = disk_time(job.runs)
    for path in sorted(job.runs.glob("*.json")):
        with suppress(OSError, ValueError):
            values = json_value(path.read_bytes())
            if isinstance(values, dict) and {"films", "seconds", "workers", "ended"} <= values.keys():
                is_silent = now - path.stat().st_mtime > STALE
                found.append(values | {"ended": values["ended"] or is_silent})
    return found
