"""A reading session's file, and the films that it names.

STUDY.toml::

    name = "wrist 2026"          # under it the answers are kept
    films = "films"              # a folder, or a table with the columns id and sex; ages in it are not looked at
    seed = 1                     # of each reader's order
    repeats = 20                 # so many films come twice
    show_sex = true

    [readers]                    # or a list of names, on one computer: readers = ["anna", "bert"]
    anna = "a token of 16 characters or more"
    bert = "another"
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..data.dataset import Sample, checked_table, with_paths
from ..errors import BadConfig, BadTable
from ..files import sha256, toml_of
from ..images.folders import films_below
from ..images.formats import without_ending
from ..progress import progress
from ..types import Sex
from .session import SessionFilm, twins

SHORTEST_TOKEN = 16  # characters
LONGEST_NAME, LONGEST_TITLE = 64, 100  # characters, of a reader and of a study
_KINDS: Mapping[str, Any] = {"name": str, "films": str, "seed": int, "repeats": int, "show_sex": bool}


@dataclass(frozen=True)
class Study:
    """What STUDY.toml says.

    Attributes:
        name: under which answers are kept.
        films: a folder of films, or a table.
        readers: their names, and their tokens (empty: a reader only says the name).
        seed, repeats: as `boneage.study.session.order` takes them.
        show_sex: whether a reader is told the patient's sex.
    """

    name: str
    films: Path
    readers: Mapping[str, str] = field(repr=False)
    seed: int = 0
    repeats: int = 0
    show_sex: bool = True


def read_study(path: Path) -> Study:
    """The study of a file; ``films`` is relative to its folder.

    Raises:
        BadConfig: one sentence with the file and the reason.
    """
    values = toml_of(path)
    try:
        found = _study(values, path.absolute().parent)
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from None
    if any(found.readers.values()) and os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise BadConfig(f"{path} can be read by others than its owner: chmod 600 it, as it holds tokens")
    return found


def _study(values: Mapping[str, Any], folder: Path) -> Study:
    if unknown := values.keys() - {*_KINDS, "readers"}:
        raise BadConfig(f"there is no setting {sorted(unknown)[0]}: known are {', '.join((*_KINDS, 'readers'))}")
    if missing := [name for name in ("name", "films", "readers") if not values.get(name)]:
        raise BadConfig(f"it lacks {missing[0]}")
    for name, value in values.items():
        if name in _KINDS and type(value) is not _KINDS[name]:
            raise BadConfig(f"{name} = {value!r} is no {_KINDS[name].__name__}")
    if len(values["name"]) > LONGEST_TITLE:
        raise BadConfig(f"its name is longer than {LONGEST_TITLE} characters")
    if values.get("repeats", 0) < 0:
        raise BadConfig("repeats is less than 0")
    others = {name: value for name, value in values.items() if name not in ("films", "readers")}
    return Study(films=folder / values["films"], readers=_readers(values["readers"]), **others)


def _readers(value: Any) -> dict[str, str]:
    """The names of readers and their tokens."""
    is_list = isinstance(value, list) and all(isinstance(one, str) for one in value)
    found = dict.fromkeys(value, "") if is_list else value
    if not isinstance(found, dict) or not all(isinstance(token, str) for token in found.values()):
        raise BadConfig("readers is neither a list of names nor a table of names and tokens")
    for name in found:
        if not name or name != " ".join(name.split())[:LONGEST_NAME] or not name.isprintable():
            raise BadConfig(f"{name!r} is no name of a reader, of up to {LONGEST_NAME} characters")
    tokens = list(found.values())
    if any(tokens) and (len(set(tokens)) < len(tokens) or min(map(len, tokens)) < SHORTEST_TOKEN):
        raise BadConfig(f"each reader needs a token of their own, of {SHORTEST_TOKEN} characters or more")
    if not all(token.isascii() for token in tokens):
        raise BadConfig("a token has other characters than ASCII")
    return found


def films_of(place: Path) -> list[SessionFilm]:
    """The films of a folder, or of a table with ids and sexes, whose ages are not looked at.

    Raises:
        BadTable: if there are none, a row's film is missing, or two are one file.
    """
    if place.is_dir():
        samples: Sequence[Sample] = _in_folder(place)
    else:
        table = checked_table(place, labelled=False)
        samples = with_paths(table.samples, table.path, None)
    films = known(samples)
    if not films:
        raise BadTable(f"{place} has no films")
    if same := twins(films):
        raise BadTable(f"{place}: {same[0].id} and {same[1].id} are the same file")
    return films


def known(samples: Sequence[Sample]) -> list[SessionFilm]:
    """Films with the SHA-256 of their files. BadTable for one that cannot be opened."""
    found = []
    with progress("opening films", len(samples), "films") as tick:
        for sample in samples:
            if sample.path is None:
                raise BadTable(f"the film {sample.id} was not found{sample.hint and f' ({sample.hint})'}")
            try:
                hashed = sha256(sample.path.read_bytes())
            except OSError as error:
                raise BadTable(f"the film {sample.id} cannot be opened: {error.strerror}") from None
            found.append(SessionFilm(sample.id, sample.path, hashed, sample.sex, sample.months))
            tick()
    return found


def _in_folder(folder: Path) -> list[Sample]:
    """The films of a folder by their paths in it, without endings where that leaves them apart."""
    paths = list(films_below(folder))
    names = Counter(without_ending(path.relative_to(folder).as_posix()) for path in paths)
    ids = [path.relative_to(folder).as_posix() for path in paths]
    ids = [without_ending(name) if names[without_ending(name)] == 1 else name for name in ids]
    return [Sample(name, path, None, Sex.UNKNOWN, name, None) for name, path in zip(ids, paths, strict=True)]
