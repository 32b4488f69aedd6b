"""A data folder: its table of films with their bone ages and sexes, every row checked, and where each film lies."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import BadTable
from ..images.folders import entries, films_below, passed_over
from ..images.formats import ending, without_ending
from ..table import records_of, rows_of, simple, whole_numbers
from ..types import Sex
from .columns import (
    NO_VALUE,
    Columns,
    columns_of,
    hidden_sexes,
    look_like_years,
    months_of,
    sex_of_cell,
)
from .film_paths import respelt, with_paths

PUBLISHED = frozenset(
    {
        "boneage-training-dataset.csv",
        "boneage-validation-dataset.csv",
        "boneage-test-dataset.csv",
        "validation dataset.csv",
        "bone age ground truth.csv",
    }
)
NOT_TABLES = frozenset(
    {"original_sizes.csv", "hand_keypoints.csv", "ossification_rois.csv", "split.csv", "predictions.csv"}
)
WRITTEN = ({"bone_age_months", "weights_sha256"}, {"label", "prediction"}, {"label", "as_it_is"})  # by this program
SPLITS = {
    "train": {"train", "training", "tr"},
    "validation": {"validation", "val", "valid", "dev", "development", "tune", "tuning"},
    "calibration": {"calibration", "calib", "cal"},
    "test": {"test", "testing", "holdout", "hold_out"},
}


@dataclass(frozen=True)
class Sample:
    """One film of a table.

    Attributes:
        id: unique in the table.
        path: where it lies, None if it was not found; from `read_table` alone what the image column names, unchecked.
        months: the bone age that it is labelled with, None where the table has none.
        sex: unknown where the table has none.
        patient: the film's id where the table names no patients.
        split: a key of `SPLITS`, or None.
        instead: a film that another cell of the row names, for one that the id does not find.
        hint: for people; for a film that was not found, what may help, else by what other name it was.
    """

    id: str
    path: Path | None
    months: float | None
    sex: Sex
    patient: str
    split: str | None
    instead: Path | None = None
    hint: str = ""


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with one line of a table; ``id`` is empty where the line does not say one."""

    line: int
    id: str
    reason: str


@dataclass(frozen=True)
class Table:
    """A table with the rows that can be used, in order, and what is wrong with the others.

    Attributes:
        path: its file.
        samples: one for each row that can be used.
        problems: one for each other row, and for what is wrong with the whole.
        columns: what was taken for what.
        strange: words in the column of sexes that mean none.
        remarks: sentences for people.
        records: the cells of all rows by column.
    """

    path: Path
    samples: tuple[Sample, ...]
    problems: tuple[RowProblem, ...]
    columns: Columns
    strange: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    records: tuple[Mapping[str, str], ...] = field(default=(), repr=False)

    @property
    def has_labels(self) -> bool:
        """Whether a column of bone ages was recognised."""
        return self.columns.age is not None

    @property
    def has_sex(self) -> bool:
        """Whether a column of sexes was recognised."""
        return self.columns.sex is not None

    @property
    def complaint(self) -> str:
        """What to mend first, for people; empty where nothing is wrong."""
        if not self.problems:
            return ""
        first, others = self.problems[0], [word for word in self.strange if repr(word) not in self.problems[0].reason]
        more = f"; the column {self.columns.sex!r} also holds {', '.join(map(repr, others[:6]))}" if others else ""
        return f"{self.path}, line {first.line}: {first.reason}{more}"


@dataclass(frozen=True)
class Dataset:
    """A data folder ``root`` with its ``table`` and the films in the table's order.

    ``remarks``: sentences on how the table was understood; what is odd about it is in ``doubts``.
    """

    root: Path
    table: Path
    samples: tuple[Sample, ...]
    remarks: tuple[str, ...] = ()

    def of(self, split: str) -> Dataset:
        """The dataset with the films of one split only: ``train``, ``validation``, ``calibration`` or ``test``."""
        return replace(self, samples=tuple(sample for sample in self.samples if sample.split == split))

    @property
    def doubts(self) -> list[str]:
        """Sentences on what is odd about the labels as a whole, although the table may be right."""
        months = [sample.months for sample in self.samples if sample.months is not None]
        if not look_like_years(months):
            return []
        found = f"the labels look like years (the largest is {max(months):g})"
        return [f"{self.table}: {found} but are taken for months, as their column is named"]


def read_table(path: str | os.PathLike[str]) -> list[Sample]:
    """All rows of a table; `with_paths` finds their films.

    The three published RSNA tables are read, and any CSV with a column ``id`` or ``image`` and, where it has them, one
    of bone ages (in months, or in years where its name says so), ``sex``, ``male`` or ``female``, ``patient`` and
    ``split``; see `boneage.data.columns`.

    Raises:
        BadTable: with the table, the line and what is wrong there.
    """
    return list(checked_table(path).samples)


def checked_table(path: str | os.PathLike[str], *, labelled: bool = True) -> Table:
    """`scan_table`, of a table in which nothing is wrong. Raises BadTable with the first thing that is."""
    table = scan_table(path, labelled=labelled)
    if table.problems:
        raise BadTable(table.complaint)
    return table


def scan_table(path: str | os.PathLike[str], *, labelled: bool = True) -> Table:
    """`read_table`, but wrong rows are listed as problems.

    Args:
        path: the table.
        labelled: whether films of known bone age are wanted. Without it ages and splits do not count, and a sex that is
            not understood is unknown, with a remark.

    Raises:
        BadTable: if the table as a whole cannot be used.
    """
    path = Path(path)
    header, rows = rows_of(path)
    columns = columns_of(path, header, [cells for _, cells in rows], labelled=labelled)
    records = [dict(zip(header, cells, strict=False)) for _, cells in rows]
    names = whole_numbers([without_ending(record[columns.key]) for record in records])
    samples: dict[str, Sample] = {}
    problems: list[RowProblem] = []
    strange: list[str] = []
    sex_of = _sexes(columns, strange, strict=labelled)
    for (line, cells), record, name in zip(rows, records, names, strict=True):
        try:
            if len(cells) != len(header):
                raise ValueError(f"has {len(cells)} cells where the header has {len(header)}")
            if name in samples:
                raise ValueError(f"the id {name!r} is there twice")
            samples[name] = _sample(name, record, columns, path.parent, sex_of)
        except ValueError as error:
            problems.append(RowProblem(line, name, str(error)))
    if hidden := hidden_sexes(header, [cells for _, cells in rows], columns):
        problems += [RowProblem(1, "", hidden)] if labelled else []
    if columns.age and columns.factor is None:
        problems += _years(columns.age, [s.months for s in samples.values() if s.months is not None])
    words = tuple(dict.fromkeys(strange))
    remarks = [columns.words, *([hidden] if hidden else []), *([] if labelled else _not_understood(strange))]
    remarks += _doubtful(columns, list(samples.values()))
    sentences = tuple(f"{path}: {remark}" for remark in remarks)
    return Table(path, tuple(samples.values()), tuple(problems), columns, words, sentences, tuple(records))


def _doubtful(columns: Columns, samples: Sequence[Sample]) -> list[str]:
    """Sentences on columns that may not be what they were taken for."""
    found = []
    if columns.age and "bone" not in columns.age:
        found.append(f"the column {columns.age!r} is taken for bone ages; a chronological age is none")
    if columns.sex and samples and all(sample.sex is Sex.UNKNOWN for sample in samples):
        found.append(f"no row tells a sex: the column {columns.sex!r} is empty or says unknown")
    return found


def open_folder(root: str | os.PathLike[str], images: str | os.PathLike[str] | None = None) -> Dataset:
    """The dataset of a folder, or of a table.

    Films are found by their id, with any ending of a film, or by what an image column names, in the folder ``images``
    (by default the table's own) or in its subfolders.

    Raises:
        BadTable: if there is no table, more than one, or one that is wrong.
    """
    table = checked_table(find_table(root))
    if not table.samples:
        raise BadTable(f"{table.path} has no rows")
    folder, closed, passed = table.path.parent if images is None else Path(images), dict[Path, str](), Counter[str]()
    films = list(films_below(folder, closed, passed)) if folder.is_dir() else []
    if folder.resolve() == table.path.parent.resolve():
        passed -= Counter([ending(table.path.name)])
    samples = with_paths(table.samples, table.path, images, films)
    left = len(set(films) - {sample.path for sample in samples})
    words = "1 film has" if left == 1 else f"{left} films have"
    others = [f"{table.path}: {words} no row, of {len(films)} below {folder}"] if left else []
    others += [f"{folder}: {sentence}" for sentence in [passed_over(passed)] if sentence]
    remarks = (*table.remarks, *respelt(samples, table.path), *others, *closed.values())
    return Dataset(table.path.parent, table.path, samples, remarks)


def find_table(root: str | os.PathLike[str]) -> Path:
    """The table of a folder: one with a published name, else the only CSV with the columns of one. A file is its own.

    Raises BadTable if there is none or more than one.
    """
    root = Path(root)
    if root.is_file():
        return root
    if not root.is_dir():
        raise BadTable(f"{root} is neither a data folder nor a table")
    candidates = tables_in(root)
    if len(candidates) > 1:
        names = ", ".join(path.name for path in candidates)
        raise BadTable(f"{root} holds several tables ({names}): name the one to use by its own path")
    if not candidates:
        others = ", ".join(path.name for path in tables_in(root, labelled=False))
        more = f"; {others} has no column of bone ages, and a chronological age is none" if others else ""
        raise BadTable(f"{root} holds no table (a CSV with the columns id, boneage and male, for example){more}")
    return candidates[0]


def tables_in(folder: Path, *, labelled: bool = True) -> list[Path]:
    """The tables of a folder that may be meant: those with a published name, else each CSV with columns of a table.

    What this program writes is none of them. Raises BadTable if the folder cannot be listed.

    Args:
        folder: where to look; not below.
        labelled: without it, where no table has bone ages those with sexes are meant.
    """
    tables = [Path(entry.path) for entry in entries(folder) if entry.name.lower().endswith((".csv", ".tsv"))]
    if published := [path for path in tables if path.name.lower() in PUBLISHED]:
        return published
    columns = {path: found for path in tables if (found := _columns_in(path))}
    with_ages = [path for path, found in columns.items() if found.age]
    return with_ages if with_ages or labelled else [path for path, found in columns.items() if found.sex]


def original_sizes(root: str | os.PathLike[str]) -> dict[str, tuple[int, int]]:
    """Width and height in pixels of each film before it was resized, from ``original_sizes.csv`` if that is there."""
    path = Path(root) / "original_sizes.csv"
    if not path.is_file():
        return {}
    header, records = records_of(path)
    if not {"id", "width", "height"} <= set(header):
        raise BadTable(f"{path} should have the columns id, width and height, found {', '.join(header)}")
    sizes = {}
    for line, row in records:
        try:
            sizes[row["id"]] = (_positive(row["width"]), _positive(row["height"]))
        except (KeyError, ValueError):
            raise BadTable(f"{path}, line {line}: width and height should be whole numbers above 0") from None
    return sizes


def split_name(word: str) -> str | None:
    """The split that a word such as ``Val`` means, None if it is empty. Raises ValueError for any other word."""
    word = simple(word)
    if word in NO_VALUE:
        return None
    for name, spellings in SPLITS.items():
        if word in spellings:
            return name
    raise ValueError(f"unknown split {word!r}: expected {', '.join(SPLITS)}")


def _sample(name: str, record: dict[str, str], columns: Columns, folder: Path, sex_of: Callable[[str], Sex]) -> Sample:
    if not name:
        raise ValueError("has no film id")

    def film(column: str | None) -> Path | None:
        named = record[column] if column else ""
        return folder / named.replace("\\", "/") if named else None

    return Sample(
        id=name,
        path=film(columns.image),
        months=months_of(record[columns.age], columns.factor or 1.0) if columns.age else None,
        sex=sex_of(record[columns.sex]) if columns.sex else Sex.UNKNOWN,
        patient=(record[columns.patient] if columns.patient else "") or name,
        split=split_name(record[columns.split]) if columns.split else None,
        instead=film(columns.guess),
    )


def _sexes(columns: Columns, strange: list[str], *, strict: bool) -> Callable[[str], Sex]:
    """What gives the sex of a cell. ``strange`` takes the words that mean none: with ``strict`` they are a ValueError,
    else no sex is assumed."""

    def sex_of(cell: str) -> Sex:
        try:
            return sex_of_cell(cell, columns)
        except ValueError:
            strange.append(cell)
            if strict:
                raise
            return Sex.UNKNOWN

    return sex_of


def _not_understood(strange: Sequence[str]) -> list[str]:
    words = ", ".join(map(repr, dict.fromkeys(strange)))
    cells = "1 cell" if len(strange) == 1 else f"{len(strange)} cells"
    return [f"the sex is taken for unknown in {cells}, as the words are not understood: {words}"] if words else []


def _years(column: str, months: Sequence[float]) -> list[RowProblem]:
    if not look_like_years(months):
        return []
    found = f"the ages in column {column!r} look like years (the largest is {max(months):g})"
    advice = "name the column bone_age_years or bone_age_months"
    if "bone" not in column:
        advice = "a chronological age is no label, and a column of bone ages should be called so, with its unit"
    return [RowProblem(1, "", f"{found}; {advice}")]


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise ValueError(text)
    return value


def _columns_in(path: Path) -> Columns | None:
    """The columns of a table of films; None for any other, and for what this program writes."""
    if path.name.lower() in NOT_TABLES:
        return None
    try:
        header, rows = rows_of(path)
        is_ours = any(written <= set(header) for written in WRITTEN)
        return None if is_ours else columns_of(path, header, [cells for _, cells in rows])
    except BadTable:
        return None
