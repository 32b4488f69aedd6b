"""One film of a job, read: what a worker does. Nothing of Parquet is imported here, so that a worker stays small."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import BoneAgeError, MissingPackage, shown
from ...types import Failure, Flag, Reading
from ..batch import Item, read_all
from ..predictor import Predictor
from . import dicomweb, stores
from .job import Job
from .planned import Planned, as_text

Row = dict[str, Any]  # the fields of a reading as JSON has them, with `id`; or `id`, `file` and `error`
CHANGED = "changed_since_plan"


@dataclass(frozen=True)
class FilmReader:
    """Reads the films of a job. To send it to another process opens the job's model there."""

    job: Job

    @classmethod
    def of(cls, folder: str | os.PathLike[str]) -> FilmReader:
        """The reader of the job in a folder, ready. BadConfig or BadModel as `Job.open` and `Job.predictor` do."""
        reader = cls(Job.open(folder))
        reader.check()
        return reader

    @cached_property
    def predictor(self) -> Predictor:
        """The job's model, opened when it is first asked for."""
        return self.job.predictor()

    def check(self) -> None:
        """Open the model. BadModel where it is not the plan's."""
        self.predictor  # noqa: B018
        with suppress(OSError, AttributeError):  # of glibc
            ctypes.CDLL(None).malloc_trim(0)  # what opening took and gave back: a hundred megabytes

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).of, (str(self.job.folder),)

    def __call__(self, film: Planned) -> list[Row]:
        """The rows of a film: a reading for each hand, or the reason why there is none. Raises nothing of a film's.

        Raises:
            MissingPackage, ImportError: if a package is not installed here: no film's fault, and others would fail too.
        """
        try:
            data, change = _fetched(film)
            path = Path(film.file) if film.file else None
            item = Item(film.file, path, film.sex, film.sex_source, film.reason, data)
            plan = self.job.plan
            results = list(read_all(self.predictor, [item], hand=plan.hand, force=plan.force))
        except (MissingPackage, ImportError):
            raise
        except BoneAgeError as error:
            return [failed(film, str(error))]
        except MemoryError:
            return [failed(film, f"cannot read {shown(film.file)}: there is not enough memory for it")]
        except Exception as error:  # ours: a mistake in one film of very many must not stop the others
            return [failed(film, f"cannot read {shown(film.file)}: the program failed ({type(error).__name__})")]
        return [_row(film, result, change) for result in results]


def failed(film: Planned, reason: str) -> Row:
    """The row of a film that has no reading."""
    return {"id": film.id, "file": as_text(film.file), "error": as_text(reason)}


def _row(film: Planned, result: Reading | Failure, change: str) -> Row:
    if isinstance(result, Failure):
        return failed(film, result.reason)
    row = {"id": film.id} | result.to_dict()
    if change:
        flag = Flag.note(CHANGED, f"The file has changed since the job was planned: {change}.")
        row["flags"] = [*row["flags"], {"code": flag.code, "severity": flag.severity.value, "sentence": flag.sentence}]
    return row | {"file": as_text(film.file)}


def _fetched(film: Planned) -> tuple[bytes | None, str]:
    """The bytes of a film that is no file of this machine, and how it has changed since the plan."""
    if film.reason:
        return None, ""
    if dicomweb.is_query(film.file):
        return dicomweb.fetched(film.file), ""
    if stores.is_address(film.file):
        data, modified = stores.fetched(film.file)
        return data, film.change(len(data), modified)
    return None, change_of(film)


def change_of(film: Planned) -> str:
    """How a file of this machine has changed since the plan, without reading it."""
    try:
        status = os.stat(film.file)
    except FileNotFoundError:
        return "it is gone"
    except (OSError, ValueError):
        return ""  # to read it says why
    return film.change(status.st_size, status.st_mtime_ns)


def is_failure(row: Mapping[str, Any]) -> bool:
    """Whether a row has the reason why there is no reading."""
    return row.get("error") is not None
