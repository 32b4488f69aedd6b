"""Jobs for the tests of an archive, and what came out of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from boneage.reading.archive import rows
from boneage.reading.archive.job import Job
from boneage.reading.archive.plan import plan
from boneage.reading.archive.sources import source_of


def planned(folder: Path, source: Path, model: Path, size: int = 25, images: Path | None = None) -> Job:
    """A job for a source, in shards of so many films."""
    return plan(source_of(str(source), None, images), folder, model=str(model), shard_size=size)


def readings(job: Job) -> dict[str, bytes]:
    """The files of readings, by their paths in the job."""
    return {str(path.relative_to(job.folder)): path.read_bytes() for path in job.folder.glob("readings/*/*")}


def rows_of(job: Job) -> dict[str, dict[str, Any]]:
    """All rows, by the films' ids."""
    found = [row for number in job.finished() for row in rows.read(job.readings(number))]
    assert len({row["id"] for row in found}) == len(found)
    return {row["id"]: row for row in found}


def again(job: Job, folder: Path) -> Job:
    """The same job with nothing read, in another folder."""
    folder.mkdir()
    (folder / "plan.json").write_bytes((job.folder / "plan.json").read_bytes())
    os.symlink(job.folder / "manifest", folder / "manifest")
    return Job.open(folder)
