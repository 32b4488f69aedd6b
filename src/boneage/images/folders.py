"""Find the films in a folder and its subfolders, in the same order on every machine, and count what is passed over."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import BadTable, shown
from .formats import ending, is_film
from .pixels import printable

_SPECIAL = ((stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"), (stat.S_ISCHR, "device"), (stat.S_ISBLK, "device"))
_LONGEST = 12  # characters kept of an ending
_KINDS = 6  # kinds of files that a sentence names


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """A folder's entries in the order of their names, without hidden ones. Raises BadTable if it cannot be listed."""
    return [entry for entry in _listed(folder) if not entry.name.startswith(".")]


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as scan:
            return sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        raise BadTable(f"{shown(str(folder))} cannot be listed: {error.strerror}") from None


def films_below(
    folder: Path, closed: dict[Path, str] | None = None, passed: Counter[str] | None = None
) -> Iterator[Path]:
    """Every film (see `boneage.images.formats.is_film`) in a folder and below: nearer ones first, then by name.

    Links to folders are followed; each folder is entered once. Only ordinary files are ever opened.

    Args:
        folder: where to look.
        closed: takes the subfolders that cannot be listed and the links that lead in a circle, with the reason.
        passed: takes how many files are passed over, by their ending, as ``.txt``, or what they are, as ``pipe``
            (`passed_over` says it in a sentence).

    Raises:
        BadTable: if the folder, or without ``closed`` a subfolder, cannot be listed.
    """
    level, entered = [folder], {os.path.realpath(folder)}
    counted: Counter[str] = Counter() if passed is None else passed
    while level:
        below: list[Path] = []
        for place in level:
            try:
                found = _listed(place)
            except BadTable as error:
                if closed is None or place == folder:
                    raise
                closed[place] = str(error)
                continue
            for entry in found:
                kind = _kind(entry)
                if kind == "film":
                    yield Path(entry.path)
                elif kind == "circle":
                    _close(entry, closed)
                elif kind != "folder":
                    counted[kind] += 1
                elif (real := os.path.realpath(entry.path)) not in entered:
                    entered.add(real)
                    below.append(Path(entry.path))
        level = below


def _close(entry: os.DirEntry[str], closed: dict[Path, str] | None) -> None:
    reason = f"{shown(entry.path)} is a link that leads in a circle"
    if closed is None:
        raise BadTable(reason)
    closed[Path(entry.path)] = reason


def _kind(entry: os.DirEntry[str]) -> str:
    """``folder``, ``film``, ``circle``, or by what a file that is passed over is counted."""
    try:
        if entry.name.startswith("."):
            return "hidden"
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "film" if is_film(entry.path) else _ending(entry.name)
        mode = entry.stat().st_mode
        return next((word for is_one, word in _SPECIAL if is_one(mode)), "no ordinary file")
    except FileNotFoundError:
        return "film" if ending(entry.name) and is_film(entry.path) else "broken link"
    except OSError:
        return "circle"


def _ending(name: str) -> str:
    return name if name == "DICOMDIR" else printable(ending(name), _LONGEST) or "without ending"


# --- very many ------------------------------------------------------------------------------------------------------


class Found(NamedTuple):
    """One film below a folder, or a place that could not be looked into.

    Attributes:
        path: its path.
        status: of the file; None where it has none.
        reason: why there is nothing to read; empty for a film.
    """

    path: str
    status: os.stat_result | None
    reason: str = ""


def each_film_below(folder: Path, passed: Counter[str]) -> Iterator[Found]:
    """The films that `films_below` finds, one by one, with the size and the time of each: for very many.

    Folder by folder in the order of their names, depth first. Only the names in the folders that are open at the moment
    are in memory. A folder that is reached by its own path is not entered by a link.

    Args:
        folder: where to look.
        passed: takes how many files are passed over, as `films_below` counts them.

    Raises:
        BadTable: if the folder itself cannot be listed.
    """
    trees = [os.path.realpath(folder)]  # it, and where links have led
    start = os.fspath(folder).rstrip(os.sep)
    waiting = [(start, iter(_names(start or os.sep)))]
    while waiting:
        place, names = waiting[-1]
        name = next(names, None)
        if name is None:
            waiting.pop()
            continue
        path = f"{place}{os.sep}{name}"
        status: os.stat_result | None = None  # what a broken link has
        try:
            if not name.startswith("."):
                status = os.stat(path)
            if status and stat.S_ISDIR(status.st_mode):
                if _is_entered(path, trees):
                    waiting.append((path, iter(_names(path))))
                continue
            kind = _kind_of(name, path, status)
        except FileNotFoundError:
            kind = "film" if ending(name) and is_film(path) else "broken link"
        except (OSError, BadTable) as error:
            yield Found(path, None, _why(path, error))
            continue
        if kind == "film":
            yield Found(path, status)
        else:
            passed[kind] += 1


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise BadTable(f"{shown(folder)} cannot be listed: {error.strerror}") from None


def _kind_of(name: str, path: str, status: os.stat_result | None) -> str:
    if status is None:
        return "hidden"
    if stat.S_ISREG(status.st_mode):
        return "film" if is_film(path) else _ending(name)
    return next((word for is_one, word in _SPECIAL if is_one(status.st_mode)), "no ordinary file")


def _is_entered(path: str, trees: list[str]) -> bool:
    """Whether a folder is to be entered: it is not, or will not be, by another path. ``trees`` takes a link's end."""
    if not os.path.islink(path):
        return len(trees) == 1 or os.path.realpath(path) not in trees
    end = os.path.realpath(path)
    for tree in trees:
        below = os.path.relpath(end, tree)
        if below == "." or not any(part.startswith(".") for part in below.split(os.sep)):
            return False
    trees.append(end)
    return True


def _why(path: str, error: OSError | BadTable) -> str:
    if isinstance(error, BadTable):
        return str(error)
    if error.errno == errno.ELOOP:
        return f"{shown(path)} is a link that leads in a circle"
    return f"{shown(path)} cannot be looked at: {error.strerror}"


def passed_over(passed: Counter[str]) -> str:
    """What `films_below` passed over, as ``3 files were passed over: 2 .txt, 1 pipe``; empty where it was nothing."""
    if not passed:
        return ""
    kinds = sorted(passed.items(), key=lambda item: (-item[1], item[0]))
    words = [f"{count:,} {kind}" for kind, count in kinds[:_KINDS]]
    if kinds[_KINDS:]:
        words.append(f"{sum(count for _, count in kinds[_KINDS:]):,} others")
    count = passed.total()
    return f"{count:,} {'file was' if count == 1 else 'files were'} passed over: {', '.join(words)}"
