"""The folder of a job: its plan, its shards, and what is where.

plan.json                       what is read, and by what; the job is planned when it is there
manifest/part-00000.parquet     the films, a row group for each shard
readings/000/00000012.parquet   a shard's readings; the shard is done when it is there
work/                           claims and journals of shards that are being read
runs/                           what each run has done, and when: nothing of it is in the readings
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import BadConfig, BadModel
from ...files import json_value, write_json
from ...types import DISCLAIMER
from ..predictor import Predictor

FORMAT = 1
PLAN, MANIFEST, READINGS, WORK, RUNS = "plan.json", "manifest", "readings", "work", "runs"
SHARDS_IN_PART = 256  # of a manifest: the foot of a file with many row groups is long
SHARDS_IN_FOLDER = 1000


@dataclass(frozen=True)
class Plan:
    """What a job reads, and by what.

    Attributes:
        source: where the films are from.
        films: how many.
        shards: how many.
        shard_size: films in each, fewer in the last.
        model: as it was asked for: a name, or a path from the root.
        model_name: its own name.
        weights_sha256: of its weights. A run by others is refused.
        site: a site calibration's path, or None.
        site_sha256: of the calibration.
        hand: of two hands in a picture read this one alone, ``L`` or ``R``.
        force: whether refused films are given an age too.
        version: of boneage, that planned it.
        planned: when, in UTC.
        remarks: sentences for people on how the source was understood.
    """

    source: str
    films: int
    shards: int
    shard_size: int
    model: str
    model_name: str
    weights_sha256: str
    site: str | None
    site_sha256: str | None
    hand: str | None
    force: bool
    version: str
    planned: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """A job that has been planned."""

    folder: Path
    plan: Plan

    @classmethod
    def open(cls, folder: str | os.PathLike[str]) -> Job:
        """The job in a folder. BadConfig if there is none, or another version planned it."""
        path = Path(os.path.abspath(folder)) / PLAN
        try:
            values = json_value(path.read_bytes())
            written = values.pop("format")
        except FileNotFoundError:
            raise BadConfig(f"{folder} is no job: it holds no {PLAN}, which boneage archive plan writes last") from None
        except OSError as error:
            raise BadConfig(f"{path} cannot be read: {error.strerror}") from None
        except (ValueError, KeyError, AttributeError, TypeError):
            raise BadConfig(f"{path} is no plan of a job") from None
        if written != FORMAT:
            raise BadConfig(f"{path} has format {written}, this version of boneage reads format {FORMAT}")
        try:
            known = {field.name: values[field.name] for field in fields(Plan)}
            return cls(path.parent, Plan(**known | {"remarks": tuple(known["remarks"])}))
        except (KeyError, TypeError):
            raise BadConfig(f"{path} is no plan of a job") from None

    def write(self) -> None:
        """Write the plan, which makes the folder a job."""
        write_json(self.folder / PLAN, {"format": FORMAT, **asdict(self.plan), "disclaimer": DISCLAIMER})

    def predictor(self) -> Predictor:
        """The model of the plan, on one thread. BadModel where that is another one by now."""
        found = Predictor.load(self.plan.model, threads=1, site=self.plan.site)
        now = described(found)
        if (now["weights_sha256"], now["site_sha256"]) != (self.plan.weights_sha256, self.plan.site_sha256):
            what = "weights" if found.weights_sha256 != self.plan.weights_sha256 else "a site calibration"
            raise BadModel(
                f"{self.folder / PLAN} was made for {what} that {self.plan.model} does not have here: "
                f"weights {self.plan.weights_sha256[:12]} were planned, {found.weights_sha256[:12]} are installed"
            )
        return found

    @property
    def signature(self) -> str:
        """The sentence that names the model, as on every output."""
        site = f", site calibration {self.plan.site_sha256[:12]}" if self.plan.site_sha256 else ""
        return f"Model {self.plan.model_name}, weights {self.plan.weights_sha256[:12]}{site}. {DISCLAIMER}"

    def size(self, shard: int) -> int:
        """How many films a shard has."""
        return min(self.plan.shard_size, self.plan.films - shard * self.plan.shard_size)

    def readings(self, shard: int) -> Path:
        """The file of a shard's readings."""
        return self.folder / READINGS / f"{shard // SHARDS_IN_FOLDER:05d}" / f"{shard:08d}.parquet"

    def finished(self) -> Iterator[int]:
        """The shards that are done, in order."""
        above = self.folder / READINGS
        for folder in sorted(above.iterdir()) if above.is_dir() else ():
            yield from shards_of(name for name in os.listdir(folder) if name.endswith(".parquet"))

    @cached_property
    def work(self) -> Path:
        """The folder of claims and journals."""
        return self.folder / WORK

    @cached_property
    def runs(self) -> Path:
        """The folder of what each run has done."""
        return self.folder / RUNS

    def part(self, number: int) -> Path:
        """A file of the manifest."""
        return self.folder / MANIFEST / f"part-{number:05d}.parquet"


def described(predictor: Predictor) -> dict[str, Any]:
    """What a plan says of the model."""
    site = predictor.site.sha256 if predictor.site else None
    return {"model_name": predictor.name, "weights_sha256": predictor.weights_sha256, "site_sha256": site}


def shards_of(names: Iterable[str]) -> list[int]:
    """The numbers of the shards that files are named for, in order; files of other names are somebody's own."""
    found = {name.partition(".")[0] for name in names}
    return sorted(int(number) for number in found if number.isdecimal())
