"""Commands that read an archive of any size: archive plan, run, status, merge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..options import HandAskedFor, Images, Model, SexOfAll, SiteFile, need, say, tell

ARCHIVE_PACKAGE = "pyarrow"
JobFolder = Annotated[Path, typer.Argument(help="the folder of a job, as archive plan wrote it")]


def plan(
    source: Annotated[
        str,
        typer.Argument(help="a folder, TABLE.csv, MANIFEST.parquet, s3://, gs://, abfs:// or dicomweb+https://"),
    ],
    out: Annotated[Path, typer.Option(help="the folder of the job, which every machine that reads must see")],
    model: Model = "default",
    sex: SexOfAll = None,
    images: Images = None,
    hand: HandAskedFor = None,
    force: Annotated[bool, typer.Option("--force", help="give an age to refused films too, marked as forced")] = False,
    site: SiteFile = None,
    shard_size: Annotated[int, typer.Option(help="films that one file of readings holds")] = 2000,
) -> None:
    """List the films of a source in shards, and fix by what they will be read. No film is opened."""
    need(ARCHIVE_PACKAGE)
    from ...progress import progress
    from ...reading.archive.plan import plan
    from ...reading.archive.sources import source_of

    found, side = source_of(source, sex, images), hand and hand.code
    with progress("planning", 0, "films") as advance:
        job = plan(found, out, model=model, site=site, hand=side, force=force, shard_size=shard_size, advance=advance)
    say(job.plan.remarks)
    tell(f"{job.plan.films:,} films in {job.plan.shards:,} shards: boneage archive run {out}\n{job.signature}")


def run(
    job: JobFolder,
    shard: Annotated[
        str | None, typer.Option(metavar="K/N", help="read part K of N of the shards; default: all that no run is at")
    ] = None,
    workers: Annotated[int | None, typer.Option(help="processes; default: one for each core")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="read the films again that failed")] = False,
    engine: Annotated[
        str | None,
        typer.Option(metavar="ray", help="read by Ray, which it starts on this machine; default: by own processes"),
    ] = None,
    address: Annotated[str | None, typer.Option(help="of a cluster of Ray, such as auto")] = None,
) -> None:
    """Read what is left of a job: each shard into one file. It may be stopped and started, on any machine, at will."""
    need(ARCHIVE_PACKAGE)
    from ...reading.archive.job import Job
    from ...reading.archive.run import Part
    from ..archives import ran_text, read_by

    opened, part = Job.open(job), Part.parse(shard or "1/1")
    ran = read_by(engine, opened, part, address=address, workers=workers, retry_failed=retry_failed)
    tell(f"{ran_text(ran, job)}\n{opened.signature}")


def status(
    job: JobFolder,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    changes: Annotated[
        bool, typer.Option("--changes", help="also look which files have changed since the plan; none is opened")
    ] = False,
) -> None:
    """Say how far a job is, how fast, and what failed and why."""
    need(ARCHIVE_PACKAGE)
    from ...reading.archive.job import Job
    from ...reading.archive.status import status
    from ..archives import status_text

    opened = Job.open(job)
    found = status(opened, changes=changes)
    tell(json.dumps(found.to_dict(), indent=2) if as_json else f"{status_text(found)}\n{opened.signature}")


def merge(
    job: JobFolder,
    out: Annotated[Path, typer.Option(help="a new folder for Parquet files with all readings")],
) -> None:
    """Write all readings of a job as one dataset, after every film was found exactly once."""
    need(ARCHIVE_PACKAGE)
    from ...progress import progress
    from ...reading.archive.job import Job
    from ...reading.archive.merge import merge
    from ..archives import merged_text

    opened = Job.open(job)
    with progress("merging", opened.plan.films, "films") as advance:
        merged = merge(opened, out, advance)
    tell(f"{merged_text(merged, out)}\n{opened.signature}")
