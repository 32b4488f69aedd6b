"""Where films come from: a folder, a film, a table, a Parquet manifest, an object store, a DICOMweb query.

Every source is a stream of `Planned`, and says in `Notes` what a person should know.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import BadConfig, UnreadableImage
from ...images.folders import each_film_below, passed_over
from ...types import Sex
from ..batch import Item, Notes, items
from . import dicomweb, parquet_source, stores
from .planned import Planned, as_text, of_status


@dataclass(frozen=True)
class Source:
    """What is to be read.

    Attributes:
        name: as it is written into the plan: a path from the root, or an address.
        films: gives them, one after the other.
        notes: for people; complete when the films have all been given.
    """

    name: str
    films: Callable[[], Iterator[Planned]]
    notes: Notes


def source_of(name: str, sex: Sex | None = None, images: Path | None = None) -> Source:
    """The source of a path or an address.

    Args:
        name: a folder, a film, a table (``.csv``, ``.tsv``), a manifest (``.parquet``), ``s3://``, ``gs://`` or
            ``abfs://`` and whatever fsspec knows, or a query ``dicomweb+https://``.
        sex: of all films; by default what a table or a manifest says, else what the file says.
        images: the folder of a table's films, by default the table's own.

    Raises:
        BadConfig: for ``images`` without a table, or an address that is not understood.
    """
    notes, path = Notes(), Path(os.path.abspath(name))
    is_table = path.suffix.lower() in {".csv", ".tsv"} and not path.is_dir()
    if images and not is_table:
        raise BadConfig(f"{name} is no table, and only a table's films can be in another folder such as {images}")
    if dicomweb.is_query(name):
        return Source(name, lambda: dicomweb.films(name, sex), notes)
    if stores.is_address(name):
        return Source(name, lambda: stores.films(name, sex, notes), notes)
    if path.is_dir():
        return Source(str(path), lambda: _of_folder(path, sex, notes), notes)
    if path.suffix.lower() == ".parquet":
        return Source(str(path), lambda: parquet_source.films(path, sex, notes), notes)
    folder = Path(os.path.abspath(images)) if images else None
    return Source(str(path), lambda: map(_of_item, items(path, sex, folder, notes)), notes)


def _of_folder(folder: Path, sex: Sex | None, notes: Notes) -> Iterator[Planned]:
    passed, root, is_empty = Counter[str](), len(os.path.join(folder, "")), True
    for path, status, reason in each_film_below(folder, passed):
        is_empty = False
        yield Planned(as_text(path[root:]), path, *of_status(status), sex, reason=reason)
    sentence = passed_over(passed)
    if is_empty:
        raise UnreadableImage("; ".join(filter(None, (f"{folder} holds no picture and no DICOM file", sentence))))
    notes.after += [f"{folder}: {sentence}"] if sentence else []


def _of_item(item: Item) -> Planned:
    path = os.path.abspath(item.path) if item.path else ""
    try:
        status = os.stat(path) if path else None
    except OSError:
        status = None  # to read it says why
    return Planned(as_text(item.id), path, *of_status(status), item.sex, item.sex_source, item.reason)
