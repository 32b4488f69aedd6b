"""A data folder: its table of films with their bone ages and sexes, every row checked, and where each film lies."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import BadTable
from ..images.folders import entries, films_below
from ..images.read import SUFFIXES
from ..table import rows_of, simple
from ..types import Sex

NO_IMAGE = "no image with this id was found"
OLDEST = 300.0  # months: a label above it is a mistake
YEARS_AT_MOST = 20.0  # a column without a unit whose labels all lie below is taken for years
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
SPLITS = {
    "train": {"train", "training", "tr"},
    "validation": {"validation", "val", "valid", "dev", "development", "tune", "tuning"},
    "calibration": {"calibration", "calib", "cal"},
    "test": {"test", "testing", "holdout", "hold_out"},
}

_IDS = ("id", "image_id", "case_id")
_IMAGES = ("image", "file", "path", "filename", "file_name", "image_path", "image_file", "file_path")
_PATIENTS = ("patient", "patient_id", "patientid", "subject", "subject_id")
_SPLIT_COLUMNS = ("split", "set", "subset", "partition")
_MONTHS = {"month", "months", "mo", "mos"}
_YEARS = {"year", "years", "yr", "yrs"}
_NOT_LABELS = {"chronological", "predicted", "prediction", "sd", "std", "reference", "group", "band"}
_NO_VALUE = {"", "na", "nan", "none", "null", "n/a"}
_BOOLEANS = {
    "true": Sex.MALE,
    "1": Sex.MALE,
    "1.0": Sex.MALE,
    "false": Sex.FEMALE,
    "0": Sex.FEMALE,
    "0.0": Sex.FEMALE,
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
    """

    id: str
    path: Path | None
    months: float | None
    sex: Sex
    patient: str
    split: str | None


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with one line of a table; ``id`` is empty where the line does not say one."""

    line: int
    id: str
    reason: str


@dataclass(frozen=True)
class Table:
    """A table with the rows that can be used, in order, and what is wrong with the others."""

    path: Path
    samples: tuple[Sample, ...]
    problems: tuple[RowProblem, ...]
    has_labels: bool
    has_sex: bool


@dataclass(frozen=True)
class Dataset:
    """A data folder ``root`` with its ``table`` and the films in the table's order."""

    root: Path
    table: Path
    samples: tuple[Sample, ...]

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


@dataclass(frozen=True)
class _Columns:
    """The names of a table's columns by meaning, None where it has none; ``factor``: months per unit of the ages."""

    id: str | None
    image: str | None
    age: str | None
    sex: str | None
    patient: str | None
    split: str | None
    factor: float | None


def read_table(path: str | os.PathLike[str]) -> list[Sample]:
    """All rows of a table; `with_paths` finds their films.

    The three published RSNA tables are read, and any CSV with a column ``id`` or ``image`` and, where it has them, one
    of ages (in months, or in years where its name says so), ``sex`` or ``male``, ``patient`` and ``split``.
    Raises BadTable with the table, the line and what is wrong there.
    """
    table = scan_table(path)
    if table.problems:
        first = table.problems[0]
        raise BadTable(f"{table.path}, line {first.line}: {first.reason}")
    return list(table.samples)


def scan_table(path: str | os.PathLike[str]) -> Table:
    """`read_table`, but wrong rows are listed as problems. Raises BadTable if the table as a whole cannot be used."""
    path = Path(path)
    header, rows = rows_of(path)
    columns = _columns(path, header)
    samples: dict[str, Sample] = {}
    problems: list[RowProblem] = []
    for line, cells in rows:
        row = dict(zip(header, cells, strict=False))
        try:
            sample = _sample(row, columns, path.parent, len(cells), len(header))
            if sample.id in samples:
                raise ValueError(f"the id {sample.id!r} is there twice")
            samples[sample.id] = sample
        except ValueError as error:
            problems.append(RowProblem(line, _id(row, columns), str(error)))
    if columns.age and columns.factor is None:
        problems += _years(columns.age, [s.months for s in samples.values() if s.months is not None])
    return Table(path, tuple(samples.values()), tuple(problems), columns.age is not None, columns.sex is not None)


def open_folder(root: str | os.PathLike[str], images: str | os.PathLike[str] | None = None) -> Dataset:
    """The dataset of a folder, or of a table.

    Films are found by their id, with any ending of a film, or by what an image column names, in the folder ``images``
    (by default the table's own) or in its subfolders.
    Raises BadTable if there is no table, more than one, or one that is wrong.
    """
    table = find_table(root)
    samples = read_table(table)
    if not samples:
        raise BadTable(f"{table} has no rows")
    return Dataset(table.parent, table, with_paths(samples, table, images))


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
    samples: Sequence[Sample], table: Path, images: str | os.PathLike[str] | None = None
) -> tuple[Sample, ...]:
    """A table's samples with the paths of their films, None for those that were not found.

    A row may name folders that do not exist here: then its film is looked for by fewer parts of its path. It is taken
    only if no other row finds it by as many, or else it could be another row's film.

    ``images``: the folder where the films are, by default the table's own. Raises BadTable if that is no folder.
    """
    folder = table.parent if images is None else Path(images)
    if not folder.is_dir():
        raise BadTable(f"{folder} is not a folder of images")
    known: dict[str, Path] = {}
    for path in films_below(folder):
        names = _without_ending(path.relative_to(folder).as_posix()).split("/")
        for start in range(len(names)):
            known.setdefault("/".join(names[start:]), path)
    places = [_locate(sample, table.parent, folder, known) for sample in samples]
    claims: dict[Path, list[float]] = {}
    for place in places:
        if place:
            claims.setdefault(place.path, []).append(place.words)
    return tuple(
        replace(sample, path=place.path if place and place.is_owned(claims[place.path]) else None)
        for sample, place in zip(samples, places, strict=True)
    )


def find_table(root: str | os.PathLike[str]) -> Path:
    """The table of a folder: one with a published name, else the only CSV with the columns of one. A file is its own.

    Raises BadTable if there is none or more than one.
    """
    root = Path(root)
    if root.is_file():
        return root
    if not root.is_dir():
        raise BadTable(f"{root} is neither a data folder nor a table")
    tables = [Path(entry.path) for entry in entries(root) if entry.name.lower().endswith((".csv", ".tsv"))]
    published = [path for path in tables if path.name.lower() in PUBLISHED]
    candidates = published or [path for path in tables if _is_candidate(path)]
    if len(candidates) > 1:
        names = ", ".join(path.name for path in candidates)
        raise BadTable(f"{root} holds several tables ({names}): name the one to use by its own path")
    if not candidates:
        raise BadTable(f"{root} holds no table (a CSV with the columns id, boneage and male, for example)")
    return candidates[0]


def original_sizes(root: str | os.PathLike[str]) -> dict[str, tuple[int, int]]:
    """Width and height in pixels of each film before it was resized, from ``original_sizes.csv`` if that is there."""
    path = Path(root) / "original_sizes.csv"
    if not path.is_file():
        return {}
    header, rows = rows_of(path)
    if not {"id", "width", "height"} <= set(header):
        raise BadTable(f"{path} should have the columns id, width and height, found {', '.join(header)}")
    sizes = {}
    for line, cells in rows:
        row = dict(zip(header, cells, strict=False))
        try:
            sizes[row["id"]] = (_positive(row["width"]), _positive(row["height"]))
        except (KeyError, ValueError):
            raise BadTable(f"{path}, line {line}: width and height should be whole numbers above 0") from None
    return sizes


def split_name(word: str) -> str | None:
    """The split that a word such as ``Val`` means, None if it is empty. Raises ValueError for any other word."""
    word = simple(word)
    if word in _NO_VALUE:
        return None
    for name, spellings in SPLITS.items():
        if word in spellings:
            return name
    raise ValueError(f"unknown split {word!r}: expected {', '.join(SPLITS)}")


def _columns(path: Path, header: list[str]) -> _Columns:
    def first(names: tuple[str, ...]) -> str | None:
        return next((name for name in names if name in header), None)

    columns_id, image = first(_IDS), first(_IMAGES)
    if not columns_id and not image:
        raise BadTable(f"{path} has no column of film ids (id, image, file or path); found {', '.join(header)!r}")
    age = _age_column(path, header)
    sex = first(("sex", "gender", "male", "patient_sex"))
    return _Columns(columns_id, image, age, sex, first(_PATIENTS), first(_SPLIT_COLUMNS), _factor(age))


def _age_column(path: Path, header: list[str]) -> str | None:
    """The column of labels: rather a bone age than an age, rather months than years. BadTable if that leaves two."""
    ages = [name for name in header if _is_age(name)]
    ages = [name for name in ages if "bone" in name] or ages
    ages = [name for name in ages if _factor(name) == 1.0] or ages
    if len(ages) > 1:
        raise BadTable(f"{path} has several columns of ages ({', '.join(ages)}): name one bone_age_months")
    return ages[0] if ages else None


def _is_age(name: str) -> bool:
    words = set(name.split("_"))
    return bool(words & {"age", "boneage", "months"}) and not words & _NOT_LABELS


def _factor(name: str | None) -> float | None:
    """Months per unit of a column of ages, None where its name does not say."""
    words = set((name or "").split("_"))
    return 1.0 if words & _MONTHS else 12.0 if words & _YEARS else None


def _sample(row: dict[str, str], columns: _Columns, folder: Path, found: int, expected: int) -> Sample:
    if found != expected:
        raise ValueError(f"has {found} cells where the header has {expected}")
    name = _id(row, columns)
    if not name:
        raise ValueError("has no film id")
    image = row[columns.image] if columns.image else ""
    return Sample(
        id=name,
        path=folder / image.replace("\\", "/") if image else None,
        months=_months(row[columns.age], columns.factor or 1.0) if columns.age else None,
        sex=_sex(row[columns.sex], columns.sex) if columns.sex else Sex.UNKNOWN,
        patient=(row[columns.patient] if columns.patient else "") or name,
        split=split_name(row[columns.split]) if columns.split else None,
    )


def _id(row: dict[str, str], columns: _Columns) -> str:
    return _without_ending(row.get(columns.id or columns.image or "", ""))


def _without_ending(name: str) -> str:
    stem, ending = os.path.splitext(name)
    return stem if ending.lower() in SUFFIXES else name


def _months(text: str, factor: float) -> float | None:
    if text.lower() in _NO_VALUE:
        return None
    try:
        months = float(text.replace(",", ".").replace("_", "?")) * factor  # Python reads 1_2 as 12
    except ValueError:
        raise ValueError(f"the age {text!r} is not a number") from None
    if not 0 <= months <= OLDEST:
        raise ValueError(f"the age {text!r} is {months:g} months, outside 0 to {OLDEST:g}")
    return months


def _sex(text: str, column: str) -> Sex:
    if column == "male" and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    return Sex.parse(text)


def look_like_years(months: Sequence[float]) -> bool:
    """Whether labels are likely to be years: two or more (or one that is not whole), and none above 20 or so."""
    whole = all(value == math.floor(value) for value in months)
    return len(months) > whole and max(months) <= (YEARS_AT_MOST if whole else YEARS_AT_MOST + 1)


def _years(column: str, months: list[float]) -> list[RowProblem]:
    if not look_like_years(months):
        return []
    found = f"the ages in column {column!r} look like years (the largest is {max(months):g})"
    return [RowProblem(1, "", f"{found}; name the column bone_age_years or bone_age_months")]


def _positive(text: str) -> int:
    if (value := int(text)) < 1:
        raise ValueError(text)
    return value


def _is_candidate(path: Path) -> bool:
    if path.name.lower() in NOT_TABLES:
        return False
    try:
        header, _ = rows_of(path)
        return _columns(path, header).age is not None
    except BadTable:
        return False


def _locate(sample: Sample, home: Path, folder: Path, known: Mapping[str, Path]) -> _Place | None:
    """The film where its path says, else by as much of the end of that path as matches, else by its id."""
    if sample.path and _is_file(sample.path):
        return _Place(sample.path)
    named = sample.path.relative_to(home) if sample.path and sample.path.is_relative_to(home) else sample.path
    for name in (named.as_posix() if named else "", sample.id):
        parts = _without_ending(name).split("/")
        for start in range(len(parts)):
            if found := known.get("/".join(parts[start:])):
                return _Place(found, is_whole=start == 0, words=len(parts) - start)
    return _Place(folder / sample.id) if _is_file(folder / sample.id) else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
