"""Tables of ratings: a row a film and a column a reader or program, or a row a rating."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..data.columns import NO_VALUE, OLDEST, YEARS_AT_MOST, columns_of, sex_of_cell
from ..errors import BadTable
from ..table import harmless, number, rows_of, simple, whole_numbers
from ..types import Sex

READERS = ("reader", "rater", "observer", "radiologist")  # the columns of a table with a row a rating
RATINGS = ("rating", "bone_age", "boneage", "months", "reading", "value", "estimate")
LONG = ("id", "reader", "repeat", "months", "sex")  # as `to_csv` writes it
NOT_RATINGS = {"repeat", "order", "position", "seed", "fold", "seconds"}

Row = tuple[int, list[str]]  # its line in the file and its cells


@dataclass(frozen=True)
class Ratings:
    """What k readers and programs say of n films.

    Attributes:
        ids: of the films; unique.
        readers: names of readers and programs, k.
        repeats: float64 [n, k, m], months: the ratings of a film by a reader in their order; NaN where there is none.
        programs: those of the readers that are programs.
        sexes: of the films, where the table has them.
        groups: by column, what the table says of each film.
        remarks: sentences on what was not used.
    """

    ids: tuple[str, ...]
    readers: tuple[str, ...]
    repeats: np.ndarray
    programs: frozenset[str] = frozenset()
    sexes: tuple[Sex, ...] | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.repeats.shape[:2] != (len(self.ids), len(self.readers)) or self.repeats.ndim != 3:
            raise ValueError(f"{len(self.ids)} films and {len(self.readers)} readers, but {self.repeats.shape}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def first(self) -> np.ndarray:
        """The first rating of each film by each reader, float64 [n, k]; NaN for gaps. A repeat measures the reader."""
        return self.repeats[:, :, 0]

    @property
    def people(self) -> tuple[str, ...]:
        """The readers that are no programs."""
        return tuple(name for name in self.readers if name not in self.programs)

    @property
    def judges(self) -> tuple[str, ...]:
        """The people, or all readers where there are not two people: those of whom the consensus is."""
        return self.people if len(self.people) > 1 else self.readers

    def matrix(self, names: Iterable[str]) -> np.ndarray:
        """The first ratings of the named readers, float64 [n, names]."""
        return np.column_stack([self.column(name) for name in names])

    def column(self, reader: str) -> np.ndarray:
        """The first ratings [n] of one reader."""
        return self.first[:, self.readers.index(reader)]

    def repeated(self, reader: str) -> list[np.ndarray]:
        """All ratings of each film by one reader, without gaps."""
        own = self.repeats[:, self.readers.index(reader)]
        return [ratings[np.isfinite(ratings)] for ratings in own]


def read_ratings(
    path: Path, *, programs: Collection[str] = (), readers: Collection[str] = (), by: Collection[str] = ()
) -> Ratings:
    """Read a table of ratings.

    Args:
        path: a row a film with a column a reader, or a row a rating with columns ``reader`` and ``rating``.
        programs: names of readers that are programs.
        readers: the readers that count; by default all, in a table of columns all that hold numbers.
        by: columns of groups.

    Raises:
        BadTable: if there are not two readers with ratings, a column is missing, or a cell is no number of months.
    """
    header, rows = rows_of(path)
    if not rows:
        raise BadTable(f"{path} has no ratings below its header")
    table = _Table(path, header, rows)
    wanted, groups = [simple(name) for name in readers], [simple(name) for name in by]
    for name in groups:
        table.need(name, "group")
    found = _of_rows(table, groups, readers) if table.is_long else _of_columns(table, groups, wanted)
    return _checked(path, found, _programs(path, found, programs))


def to_csv(ratings: Ratings) -> str:
    """The ratings as CSV text, a row a rating, which `read_ratings` reads."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LONG)
    for row, film in enumerate(ratings.ids):
        sex = ratings.sexes[row].value if ratings.sexes else ""
        for reader in ratings.readers:
            for place, months in enumerate(ratings.repeated(reader)[row], start=1):
                writer.writerow((harmless(film), harmless(reader), place, f"{months:g}", sex))
    return text.getvalue()


class _Table:
    """A table's cells by column."""

    def __init__(self, path: Path, header: Sequence[str], rows: Sequence[Row]) -> None:
        self.path, self.header, self.lines = path, list(header), [line for line, _ in rows]
        self.cells = {name: [row[place] for _, row in rows] for place, name in enumerate(header) if name}
        self.meaning = columns_of(path, header, [row for _, row in rows], labelled=False)
        self.films = whole_numbers(self.cells[self.meaning.key])
        for line, film in zip(self.lines, self.films, strict=True):
            if not film:
                raise BadTable(f"{path}, line {line}: the id of the film is empty")

    @property
    def reader(self) -> str | None:
        return next((name for name in READERS if name in self.header), None)

    @property
    def rating(self) -> str | None:
        return next((name for name in RATINGS if name in self.header), None)

    @property
    def is_long(self) -> bool:
        return bool(self.reader and self.rating)

    def need(self, name: str, what: str) -> None:
        if name not in self.cells:
            raise BadTable(f"{self.path} has no column {name!r} ({what}); found {', '.join(self.cells)}")

    def months(self, column: str) -> np.ndarray:
        """A column of ratings [rows]; NaN for empty cells. BadTable for a cell that is none."""
        lines = zip(self.lines, self.cells[column], strict=True)
        return np.array([_months(cell, f"{self.path}, line {line}, {column}") for line, cell in lines])

    def sexes(self) -> list[Sex] | None:
        if not self.meaning.sex:
            return None
        found = []
        for line, cell in zip(self.lines, self.cells[self.meaning.sex], strict=True):
            try:
                found.append(sex_of_cell(cell, self.meaning))
            except ValueError as error:
                raise BadTable(f"{self.path}, line {line}: {error}") from None
        return found


def _months(cell: str, where: str) -> float:
    if cell.lower() in NO_VALUE:
        return math.nan
    try:
        value = number(cell)
    except ValueError:
        raise BadTable(f"{where}: {cell!r} is not a number of months") from None
    if not -OLDEST <= value <= OLDEST:
        raise BadTable(f"{where}: {cell!r} is no bone age in months")
    return value


def _of_columns(table: _Table, groups: Sequence[str], wanted: Sequence[str]) -> Ratings:
    """The ratings of a table with a row a film."""
    for name in wanted:
        table.need(name, "reader")
    if doubled := [film for film, rows in Counter(table.films).items() if rows > 1]:
        raise BadTable(f"{table.path}: film {doubled[0]!r} has two rows; only a table with a column reader may")
    readers = wanted or [name for name in table.meaning.others if _is_reader(table, name) and name not in groups]
    values = np.column_stack([table.months(name) for name in readers]) if readers else np.empty((len(table.films), 0))
    sexes = table.sexes()
    unused = [name for name in table.meaning.others if name not in (*readers, *groups)]
    return Ratings(
        ids=tuple(table.films),
        readers=tuple(readers),
        repeats=values[:, :, None],
        sexes=tuple(sexes) if sexes else None,
        groups={name: tuple(table.cells[name]) for name in groups},
        remarks=(f"{table.path}: not used: {', '.join(unused)}",) if unused else (),
    )


def _is_reader(table: _Table, name: str) -> bool:
    """Whether most cells of a column are numbers and its name is not that of an age since birth or a place in a row."""
    words = set(name.split("_"))
    if words & NOT_RATINGS or (words & {"age", "chronological"} and "bone" not in words):
        return False
    filled = [cell for cell in table.cells[name] if cell.lower() not in NO_VALUE]
    return 2 * sum(map(_is_number, filled)) > len(filled)


def _is_number(cell: str) -> bool:
    try:
        number(cell)
    except ValueError:
        return False
    return True


def _of_rows(table: _Table, groups: Sequence[str], wanted: Collection[str]) -> Ratings:
    """The ratings of a table with a row a rating, in the order of the rows or of its column ``repeat``."""
    readers = _named_readers(table, wanted)
    first = {film: row for row, film in reversed(list(enumerate(table.films)))}
    films = sorted(first, key=first.__getitem__)
    sexes = table.sexes()
    return Ratings(
        ids=tuple(films),
        readers=readers,
        repeats=_stacked(films, readers, _given(table)),
        sexes=tuple(sexes[first[film]] for film in films) if sexes else None,
        groups={name: tuple(table.cells[name][first[film]] for film in films) for name in groups},
    )


def _named_readers(table: _Table, wanted: Collection[str]) -> tuple[str, ...]:
    names = table.cells[table.reader or ""]
    if "" in names:
        raise BadTable(f"{table.path}, line {table.lines[names.index('')]}: the reader is empty")
    if missing := [name for name in wanted if name not in names]:
        raise BadTable(f"{table.path} has no ratings by {missing[0]!r}; found {', '.join(dict.fromkeys(names))}")
    return tuple(dict.fromkeys(wanted or names))


def _given(table: _Table) -> dict[tuple[str, str], list[float]]:
    """The ratings of each film by each reader, in their order."""
    months, names = table.months(table.rating or ""), table.cells[table.reader or ""]
    found: dict[tuple[str, str], list[float]] = {}
    for row in _in_order(table):
        if math.isfinite(months[row]):
            found.setdefault((table.films[row], names[row]), []).append(months[row])
    return found


def _stacked(films: Sequence[str], readers: Sequence[str], given: Mapping[tuple[str, str], list[float]]) -> np.ndarray:
    repeats = np.full((len(films), len(readers), max(map(len, given.values()), default=1)), np.nan)
    rows, columns = ({name: place for place, name in enumerate(names)} for names in (films, readers))
    for (film, reader), ratings in given.items():
        if reader in columns:
            repeats[rows[film], columns[reader], : len(ratings)] = ratings
    return repeats


def _in_order(table: _Table) -> Iterable[int]:
    """The rows, by the column ``repeat`` where there is one."""
    rows = range(len(table.films))
    if "repeat" not in table.cells:
        return rows
    places = []
    for line, cell in zip(table.lines, table.cells["repeat"], strict=True):
        try:
            places.append(number(cell) if cell.lower() not in NO_VALUE else 0.0)
        except ValueError as error:
            raise BadTable(f"{table.path}, line {line}, repeat: {error}") from None
    return sorted(rows, key=places.__getitem__)


def _programs(path: Path, ratings: Ratings, programs: Collection[str]) -> frozenset[str]:
    """The names of programs as the table has them. BadTable for one that is not there."""
    known = {simple(name): name for name in ratings.readers}
    missing = [name for name in programs if simple(name) not in known]
    if missing:
        raise BadTable(f"{path} has no column or reader {missing[0]!r}; found {', '.join(ratings.readers)}")
    return frozenset(known[simple(name)] for name in programs)


def _checked(path: Path, found: Ratings, programs: frozenset[str]) -> Ratings:
    """The ratings without readers who rated nothing; BadTable unless two people or programs are left, in months."""
    rated = np.isfinite(found.first).any(axis=0)
    silent = [name for name, has in zip(found.readers, rated, strict=True) if not has]
    kept = tuple(name for name in found.readers if name not in silent)
    if len(kept) < 2:
        raise BadTable(f"{path} has ratings of {len(kept)} readers ({', '.join(kept) or 'none'}): agreement takes two")
    ratings = Ratings(
        found.ids,
        kept,
        found.repeats[:, rated],
        programs & frozenset(kept),
        found.sexes,
        found.groups,
        (*found.remarks, *(f"{path}: {name} has no ratings" for name in silent)),
    )
    for name in kept:
        own = ratings.column(name)
        own = own[np.isfinite(own)]
        if len(own) >= 3 and own.max() <= YEARS_AT_MOST:
            raise BadTable(f"{path}: {name} ({own.min():g} to {own.max():g}) looks like years; ratings are in months")
    return ratings
