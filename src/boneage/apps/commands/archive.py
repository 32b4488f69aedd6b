"""Commands that read an archive of any size: archive plan, run, status, merge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import HandAskedFor, Images, Model, SexOfAll, SiteFile, need, say, tell

ARCHIVE_PACKAGE = "pyarrow"


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
