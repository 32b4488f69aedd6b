"""Where the film of each row of a table lies: by the path that the row names, by its id, or by what its id once was.

Tables pass through spreadsheets: ``0007`` comes back as ``7`` or ``7.0``, and ``IM1`` as ``im1``. Such an id finds its
film only where no other film and no other row fits. No row leads out of the folders of the table and of the films.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadTable
from ..images.folders import films_below
from ..images.formats import without_ending

if TYPE_CHECKING:
    from .dataset import Sample

NO_IMAGE = "no image with this id was found"
SUGGESTED = 3  # films that a message names
BY_GUESS, BY_SPELLING, BY_FOLDER = 0.75, 0.5, 0.25  # in place of the words by which a film is found: less than by any


@dataclass
class _Films:
    """The films below ``folder``.

    Attributes:
        exact: by the last parts of their paths, the nearest of each name.
        spelt: by their names, all spellings of one together.
        inside: by the names of the folders that they lie in.
        begun: by the first word of a name of several.
    """

    folder: Path
    exact: dict[str, Path] = field(default_factory=dict)
    spelt: dict[str, list[Path]] = field(default_factory=dict)
    inside: dict[str, list[Path]] = field(default_factory=dict)
    begun: dict[str, list[Path]] = field(default_factory=dict)

    def add(self, film: Path) -> None:
        """Take in one more film."""
        names = without_ending(film.relative_to(self.folder).as_posix()).split("/")
        for start in range(len(names)):
            self.exact.setdefault("/".join(names[start:]), film)
        self.spelt.setdefault(spelling(names[-1]), []).append(film)
        for name in {spelling(name) for name in names[:-1]}:
            self.inside.setdefault(name, []).append(film)
        words = re.split(r"[\W_]+", names[-1])
        if len(words) > 1:
            self.begun.setdefault(spelling(words[0]), []).append(film)


@dataclass(frozen=True)
class _Place:
    """Where a row's film was found, by the last ``words`` parts of its path; ``is_whole``: by all of them."""

    path: Path
    words: float = math.inf
    is_whole: bool = True

    def is_owned(self, claims: Sequence[float]) -> bool:
        """Whether the film is this row's: found by its whole path, or by more words than any other row found it."""
        return self.is_whole or (self.words == max(claims) and claims.count(self.words) == 1)


def with_paths(
    samples: Sequence[Sample],
    table: Path,
    images: str | os.PathLike[str] | None = None,
    films: Iterable[Path] | None = None,
    closed: dict[Path, str] | None = None,
) -> tuple[Sample, ...]:
    """A table's samples with the paths of their films; None and, where there is one, a hint for those not found.

    A row may name folders that do not exist here: then its film is looked for by fewer parts of its path, at last by
    any spelling of its id, or in a folder of that name that holds no other film. It is taken only if no other row finds
    it by as many parts, or else it could be another row's film.

    Args:
        samples: as `boneage.data.dataset.read_table` gives them.
        table: where they are from.
        images: the folder where the films are, by default the table's own.
        films: all films below that folder, where they are known, so that it is not searched again.
        closed: takes the subfolders that cannot be searched, with the reason.

    Raises:
        BadTable: if that is no folder, or cannot be listed; without ``closed`` also if a subfolder cannot be searched.
    """
    folder = table.parent if images is None else Path(images)
    if not folder.is_dir():
        raise BadTable(f"{folder} is not a folder of images")
    known = _Films(folder)
    for path in films_below(folder, closed) if films is None else films:
        known.add(path)
    places = [_locate(sample, table.parent, known) for sample in samples]
    claims: dict[Path, list[float]] = {}
    for place in places:
        if place:
            claims.setdefault(place.path, []).append(place.words)
    return tuple(
        _found(sample, place, folder)
        if place and place.is_owned(claims[place.path])
        else replace(sample, path=None, hint=_hint(sample, table.parent, known))
        for sample, place in zip(samples, places, strict=True)
    )


def spelling(name: str) -> str:
    """A name as all its spellings have it: in lower case, and a whole number without leading zeros and ``.0``."""
    name = name.strip().lstrip("'").casefold()
    number = re.fullmatch(r"0*([0-9]+?)(?:[.,]0+)?", name)
    return number[1] if number else name


def not_found(sample: Sample, folder: Path | None = None) -> str:
    """Why a sample has no film, for people; with the folder that was searched."""
    return NO_IMAGE + (f" in {folder}" if folder else "") + (f"; {sample.hint}" if sample.hint else "")


def respelt(samples: Sequence[Sample], table: Path) -> list[str]:
    """A sentence on films that were not found by their very ids; none where there are none."""
    those = [sample for sample in samples if sample.path and sample.hint]
    if not those:
        return []
    films = "1 film was" if len(those) == 1 else f"{len(those)} films were"
    return [f"{table}: {films} found by the only name that fits, such as {those[0].id!r} {those[0].hint}"]


def _locate(sample: Sample, home: Path, films: _Films) -> _Place | None:
    """The film where its path says, else by as much of the end of that path as matches, else by its id, else where
    another cell of its row says, else by the only name that fits."""
    within = (home, films.folder)
    if sample.path and _is_file(sample.path, within):
        return _Place(sample.path)
    for name in _names(sample, home):
        parts = without_ending(name).split("/")
        for start in range(len(parts)):
            if found := films.exact.get("/".join(parts[start:])):
                return _Place(found, is_whole=start == 0, words=len(parts) - start)
    if _is_file(films.folder / sample.id, within):
        return _Place(films.folder / sample.id)
    guessed = _locate(replace(sample, path=sample.instead, instead=None), home, films) if sample.instead else None
    if guessed:
        return replace(guessed, words=min(guessed.words, BY_GUESS), is_whole=False)
    return _only(sample, home, films)


def _only(sample: Sample, home: Path, films: _Films) -> _Place | None:
    for name in _names(sample, home):
        spelt = films.spelt.get(_last(name), [])
        if spelt:
            return _Place(spelt[0], words=BY_SPELLING, is_whole=False) if len(spelt) == 1 else None
    inside = films.inside.get(spelling(sample.id), [])
    return _Place(inside[0], words=BY_FOLDER, is_whole=False) if len(inside) == 1 else None


def _names(sample: Sample, home: Path) -> Iterator[str]:
    """How a row names its film: by a path, from the table's folder where it lies there, and by an id."""
    if sample.path:
        yield (sample.path.relative_to(home) if sample.path.is_relative_to(home) else sample.path).as_posix()
    yield sample.id


def _last(name: str) -> str:
    return spelling(without_ending(name).split("/")[-1])


def _found(sample: Sample, place: _Place, folder: Path) -> Sample:
    hint = "" if place.words >= 1 else f"for {place.path.relative_to(folder).as_posix()}"
    return replace(sample, path=place.path, hint=hint)


def _hint(sample: Sample, home: Path, films: _Films) -> str:
    """What to do about a film that was not found; empty where nothing comes to mind."""
    if sample.path and not _is_within(sample.path, (home, films.folder)):
        return f"{sample.path} lies in another folder, which --images may name"
    keys = [_last(name) for name in _names(sample, home)]
    near = [film for index in (films.spelt, films.inside, films.begun) for key in keys for film in index.get(key, [])]
    names = list(dict.fromkeys(film.relative_to(films.folder).as_posix() for film in near))[:SUGGESTED]
    return f"did you mean {' or '.join(names)}?" if names else ""


def _is_file(path: Path, within: Sequence[Path]) -> bool:
    try:
        return _is_within(path, within) and path.is_file()
    except (OSError, ValueError):
        return False


def _is_within(path: Path, folders: Sequence[Path]) -> bool:
    """Whether a path leads into one of the folders, as it is written: links inside them are theirs."""
    written = Path(os.path.abspath(path))
    return any(written.is_relative_to(os.path.abspath(folder)) for folder in folders)
