"""Find the films in a folder and its subfolders, in the same order on every machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ..errors import BadTable
from .read import is_film


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """A folder's entries in the order of their names, without hidden ones. Raises BadTable if it cannot be listed."""
    try:
        with os.scandir(folder) as scan:
            return sorted((entry for entry in scan if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise BadTable(f"{folder} cannot be listed: {error.strerror}") from None


def films_below(folder: Path, closed: dict[Path, str] | None = None) -> Iterator[Path]:
    """Every film (see `boneage.images.read.is_film`) in a folder and its subfolders: nearer ones first, then by name.

    Links to folders are followed; each folder is entered once.

    Args:
        folder: where to look.
        closed: takes the subfolders that cannot be listed, with the reason.

    Raises:
        BadTable: if the folder, or without ``closed`` a subfolder, cannot be listed.
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
