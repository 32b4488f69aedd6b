"""What the commands of an archive do and say."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ..errors import BadConfig
from ..progress import progress
from ..reading.archive.job import Job
from ..reading.archive.merge import Merged
from ..reading.archive.run import Part, Ran, films_done, run
from ..reading.archive.status import Status
from .options import need

RAY = "ray"
SHOWN = 10  # reasons and examples


def read_by(
    engine: str | None, job: Job, part: Part, *, address: str | None, workers: int | None, retry_failed: bool
) -> Ran:
    """Read a part of a job by an engine, with its progress. SIGTERM, by which schedulers end work, is as Ctrl-C."""
    if engine not in (None, RAY) or (address and engine != RAY):
        raise BadConfig(f"--engine {engine} is none: --engine {RAY}, with or without --address, or neither of the two")
    numbers = part.shards(job)
    done = 0 if retry_failed else sum(films_done(job, numbers))
    total = sum(map(job.size, numbers))
    with stopped_by_sigterm(), progress("reading", total, "films", start=done) as advance:
        if engine is None:
            return run(job, part, workers=workers, retry_failed=retry_failed, advance=advance)
        need(RAY)
        from .archive_ray import run_on_ray

        return run_on_ray(job, part, address=address, workers=workers, retry_failed=retry_failed, advance=advance)


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Within the block SIGTERM raises KeyboardInterrupt."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def ran_text(ran: Ran, job: Path) -> str:
    """What a run has done, for people."""
    failed = f", of its shards {ran.failed:,} have no reading" if ran.failed else ""
    elsewhere = f"\n{ran.elsewhere:,} shards are being read by other runs" if ran.elsewhere else ""
    after = "" if ran.elsewhere else f"\nboneage archive status {job}; boneage archive merge {job} --out READINGS"
    return f"{ran.films:,} films read{failed}{elsewhere}{after}"


def status_text(found: Status) -> str:
    """A status, for people."""
    share = found.films_read / found.films if found.films else 1.0
    lines = [f"{found.films_read:,} of {found.films:,} films ({share:.1%})"]
    lines[0] += f", {found.shards_done:,} of {found.shards:,} shards done"
    if found.being_read or found.abandoned:
        lines.append(f"{found.being_read:,} shards are being read, {found.abandoned:,} were left by a run that ended")
    if found.films_per_second:
        left = (found.films - found.films_read) / found.films_per_second / 3600
        lines.append(f"{found.films_per_second:.1f} films/s, {left:.1f} hours left at that rate")
    lines += [f"{path} is damaged: remove it, and a run reads it again" for path in found.damaged]
    if found.failed:
        lines.append(f"{found.failed:,} films have no reading:")
        lines += [f"  {count:,} × {reason}" for reason, count in list(found.reasons.items())[:SHOWN]]
        lines += [f"  {name}: {reason}" for name, reason in list(found.examples.items())[:SHOWN]]
    if found.changed is not None:
        lines.append(f"{len(found.changed):,} files have changed since the plan")
        lines += [f"  {name}: {change}" for name, change in list(found.changed.items())[:SHOWN]]
    return "\n".join(lines)


def merged_text(merged: Merged, out: Path) -> str:
    """What was merged, for people."""
    failed = f", {merged.failed:,} of them without a reading" if merged.failed else ""
    return f"{merged.films:,} films, {merged.rows:,} rows{failed}, in {merged.files:,} files in {out}"
