"""Folders of films: what lies in them and below, in an order that no disk decides."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import BadTable
from .read import is_film


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """A folder's visible entries by name; BadTable if it cannot be listed."""
    try:
        with os.scandir(folder) as scan:
            return sorted((entry for entry in scan if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise BadTable(f"{folder} cannot be listed: {error.strerror}") from None


def films_below(folder: Path, closed: dict[Path, str] | None = None) -> Iterator[Path]:
    """Every film (`read.is_film`) in a folder and those below it: nearer ones first, then by name.

    Links to folders are followed, each folder is entered once. A folder that cannot be listed goes into ``closed``
    with the reason; without one it is a BadTable.
    """
    level, entered = [folder], {os.path.realpath(folder)}
    while level:
        below: list[Path] = []
        for place in level:
            try:
                found = entries(place)
            except BadTable as error:
                if closed is None or place == folder:
                    raise
                closed[place] = str(error)
                continue
            for entry in found:
                if not entry.is_dir():
                    yield from [Path(entry.path)] if is_film(entry.path) else []
                elif (real := os.path.realpath(entry.path)) not in entered:
                    entered.add(real)
                    below.append(Path(entry.path))
        level = below
