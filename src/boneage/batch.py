"""Many films, one predictor: every file gets a reading or a reason, whatever happens to the others."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .dataset import read_table, with_paths
from .errors import BadTable, BoneAgeError, UnreadableImage
from .predictor import Predictor
from .read import SUFFIXES, read
from .types import Reading, Sex


@dataclass(frozen=True)
class Item:
    """One film to read. ``sex`` None: what the file says. ``path`` None: the table names a film that is not there."""

    id: str
    path: Path | None
    sex: Sex | None
    sex_source: str = "given"


@dataclass(frozen=True)
class Failure:
    """A film without a reading, and why, in one sentence."""

    file: str
    error: str


def items(source: str | Path, sex: Sex | None = None, images: str | Path | None = None) -> list[Item]:
    """The films that ``source`` stands for: a file, a folder of films (and folders), or a table with ids.

    A sex given here holds for all; without one the table's holds, else the file's. Raises UnreadableImage or BadTable.
    """
    path = Path(source)
    if path.is_dir():
        films = sorted(_films(path))
        if not films:
            raise UnreadableImage(f"{path} holds no file with the ending of a picture or of DICOM")
        return [Item(film.stem, film, sex) for film in films]
    if path.suffix.lower() in {".csv", ".tsv"}:
        return _of_table(path, sex, Path(images) if images else None)
    return [Item(path.stem, path, sex)]


def read_all(predictor: Predictor, films: Sequence[Item]) -> Iterator[Reading | Failure]:
    """A reading or a failure for each film, in order."""
    for film in films:
        if film.path is None:
            yield Failure(film.id, f"{film.id}: no image with this id was found beside the table")
            continue
        try:
            yield predictor.read(read(film.path), film.sex, sex_source=film.sex_source)
        except BoneAgeError as error:
            yield Failure(str(film.path), str(error))


def _of_table(path: Path, sex: Sex | None, images: Path | None) -> list[Item]:
    samples = with_paths(read_table(path), images or path.parent)
    if not samples:
        raise BadTable(f"{path} has no rows")
    return [Item(s.id, s.path, s.sex, "table") if sex is None else Item(s.id, s.path, sex) for s in samples]


def _films(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place) / name for name in names if os.path.splitext(name)[1].lower() in SUFFIXES)
