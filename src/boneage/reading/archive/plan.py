"""Plan a job: list the films of a source into shards, and fix by what they will be read."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from ...errors import BadConfig, CannotWrite
from ...files import refuse_unwritable
from ...progress import Advance
from ..predictor import Predictor
from ..weights import DEFAULT, shipped
from . import manifest
from .job import MANIFEST, PLAN, READINGS, WORK, Job, Plan, described
from .sources import Source

SHARD_SIZE = 2000  # films: four minutes of a core that takes 116 ms for each (docs/results/reading_rate.json)


def plan(
    source: Source,
    out: str | os.PathLike[str],
    *,
    model: str = DEFAULT,
    site: Path | None = None,
    hand: str | None = None,
    force: bool = False,
    shard_size: int = SHARD_SIZE,
    advance: Advance | None = None,
) -> Job:
    """List the films of a source into the folder of a new job. No film is opened; only one shard is in memory.

    Args:
        source: what is to be read.
        out: the folder of the job. What a plan that was stopped has left there is replaced.
        model, site: what reads the films, as `Predictor.load` takes them.
        hand: of two hands in a picture read this one alone, ``L`` or ``R``.
        force: give refused films an age too.
        shard_size: films that one file of readings holds.
        advance: called after each shard.

    Raises:
        CannotWrite: if there is a job already, or what one has read.
        BadConfig: if a shard has no films.
        BadTable, UnreadableImage, BadModel: as the source and the model raise them.
    """
    folder = Path(os.path.abspath(out))
    if shard_size < 1:
        raise BadConfig(f"a shard of {shard_size} films is none: it needs at least 1")
    _refuse_earlier(folder)
    refuse_unwritable(folder)
    place = os.path.abspath(model) if os.path.exists(model) and model not in shipped() else model
    about = described(Predictor.load(place, threads=1, site=site))
    shutil.rmtree(folder / MANIFEST, ignore_errors=True)  # of a plan that was stopped
    films = shards = 0
    for count in manifest.write(folder / MANIFEST, source.films(), shard_size):
        films, shards = films + count, shards + 1
        if advance:
            advance(count)
    job = Job(
        folder,
        Plan(
            source=source.name,
            films=films,
            shards=shards,
            shard_size=shard_size,
            model=place,
            site=os.path.abspath(site) if site else None,
            hand=hand,
            force=force,
            version=version("boneage"),
            planned=datetime.now(UTC).isoformat(timespec="seconds"),
            remarks=(*source.notes.before, *source.notes.after),
            **about,
        ),
    )
    job.write()
    return job


def _refuse_earlier(folder: Path) -> None:
    """CannotWrite if a folder holds a job, or what one has read: the films of its shards would count as read."""
    if (folder / PLAN).exists():
        raise CannotWrite(f"{folder} holds a job already: boneage archive run {folder} goes on with it")
    for old in (folder / READINGS, folder / WORK):
        if old.exists():
            raise CannotWrite(f"{old} is of an earlier job: remove it first, or plan into another folder")
