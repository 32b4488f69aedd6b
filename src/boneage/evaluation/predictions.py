"""The table of predictions, ``id,sex,label,prediction`` in months: written by `evaluate`, read by `compare`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data.columns import YEARS_AT_MOST
from ..errors import BadTable
from ..table import harmless, number, records_of, whole_numbers
from ..types import Sex

COLUMNS = ("id", "sex", "label", "prediction")
PREDICTIONS = "predictions.csv"
EXPECTED_ERRORS = "expected_errors.csv"


@dataclass(frozen=True)
class Predictions:
    """The predictions of one model for n films.

    Attributes:
        name: of the model.
        ids: of the films; unique.
        sexes: of the films.
        labels, predictions: float64 [n], months, finite.
        expected_errors: float64 [n], months; None if the model has no such output.
    """

    name: str
    ids: tuple[str, ...]
    sexes: tuple[Sex, ...]
    labels: np.ndarray
    predictions: np.ndarray
    expected_errors: np.ndarray | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.ids), len(self.sexes), len(self.labels), len(self.predictions)}
        if len(lengths) != 1:
            raise ValueError(f"columns of different lengths: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def errors(self) -> np.ndarray:
        """Prediction minus label, float64 [n], months."""
        return self.predictions - self.labels

    def select(self, rows: Sequence[int] | np.ndarray) -> Predictions:
        """The films of these rows, in this order."""
        index = np.asarray(rows, dtype=np.intp)
        return Predictions(
            self.name,
            tuple(self.ids[row] for row in index),
            tuple(self.sexes[row] for row in index),
            self.labels[index],
            self.predictions[index],
            None if self.expected_errors is None else self.expected_errors[index],
        )


def to_csv(table: Predictions) -> str:
    """The table as CSV text: labels with two decimals, predictions with four."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for film, sex, label, prediction in zip(table.ids, table.sexes, table.labels, table.predictions, strict=True):
        writer.writerow((harmless(film), sex.value, f"{label:.2f}", f"{prediction:.4f}"))
    return text.getvalue()


def expected_errors_to_csv(table: Predictions) -> str:
    """``id,expected_error`` as CSV text with four decimals; ValueError for a table without expected errors."""
    if table.expected_errors is None:
        raise ValueError(f"{table.name} has no expected error")
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("id", "expected_error"))
    writer.writerows(
        (harmless(film), f"{value:.4f}") for film, value in zip(table.ids, table.expected_errors, strict=True)
    )
    return text.getvalue()


def read_predictions(path: str | Path) -> Predictions:
    """Read a ``predictions.csv``, by its path or that of its folder. Columns are found by name; sex may be absent.

    Raises:
        BadTable: for a missing file or column, a repeated or empty id, a value that is not a finite number, a sex that
            is not known, and a column of ages that look like years.
    """
    source = _source(path)
    rows = _rows(source)
    return _checked(path, source, rows, _ids(rows, source), _months(rows, "label", source))


def has_labels(path: str | Path) -> bool:
    """Whether a table of predictions, by its path or that of its folder, has a column of labels; BadTable for none."""
    return any("label" in row for _, row in _rows(_source(path), ("id", "prediction")))


def read_unlabelled(path: str | Path, labels: Mapping[str, float]) -> tuple[Predictions, tuple[str, ...]]:
    """Read a table of ``id,prediction`` without labels, which ``labels`` has by the films' ids, in months.

    Returns:
        The predictions of the films with a label, and the ids of the others.

    Raises:
        BadTable: as `read_predictions`, and if no film has a label.
    """
    source = _source(path)
    rows = _rows(source, ("id", "prediction"))
    ids = _ids(rows, source)
    known = [(film, row) for film, row in zip(ids, rows, strict=True) if film in labels]
    if not known:
        raise BadTable(f"{source}: has no labels, and no other table has one of its films (its first id: {ids[0]!r})")
    months = np.array([labels[film] for film, _ in known])
    table = _checked(path, source, [row for _, row in known], tuple(film for film, _ in known), months)
    return table, tuple(film for film in ids if film not in labels)


Row = tuple[int, dict[str, str]]


def _source(path: str | Path) -> Path:
    return Path(path) / PREDICTIONS if Path(path).is_dir() else Path(path)


def _checked(
    path: str | Path, source: Path, rows: Sequence[Row], ids: tuple[str, ...], labels: np.ndarray
) -> Predictions:
    """The predictions of these rows; BadTable for years in a table of another program."""
    table = Predictions(
        name=source.resolve().parent.name if source.name == PREDICTIONS else source.stem,
        ids=ids,
        sexes=tuple(_sex(row, line, source) for line, row in rows),
        labels=labels,
        predictions=_months(rows, "prediction", source),
    )
    if source == Path(path):
        _refuse_years(table, source)
    return table


def _rows(source: Path, needed: Sequence[str] = ("id", "label", "prediction")) -> list[Row]:
    """Every line with its number and its cells by column; BadTable unless each needed column is there once."""
    if not source.exists():
        raise BadTable(f"{source}: there is no such table of predictions")
    header, records = records_of(source)
    missing = [name for name in needed if name not in header]
    if missing:
        raise BadTable(f"{source}: column {' and '.join(missing)} missing, found {', '.join(header)[:200]}")
    if not records:
        raise BadTable(f"{source}: has no predictions below its header")
    return records


def _ids(rows: Sequence[Row], source: Path) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    films = whole_numbers([row["id"] for _, row in rows])
    for film, (line, _) in zip(films, rows, strict=True):
        if not film:
            raise BadTable(f"{source}, line {line}: the id is empty")
        if film in seen:
            raise BadTable(f"{source}, line {line}: id {film!r} stands in line {seen[film]} already")
        seen[film] = line
    return tuple(seen)


def _sex(row: dict[str, str], line: int, source: Path) -> Sex:
    try:
        return Sex.parse(row.get("sex"))
    except ValueError as error:
        raise BadTable(f"{source}, line {line}: {error}") from None


def _months(rows: Iterable[Row], column: str, source: Path) -> np.ndarray:
    return np.array([_number(row[column], f"{source}, line {line}: {column}") for line, row in rows])


def _number(text: str, where: str) -> float:
    try:
        return number(text)
    except ValueError:
        raise BadTable(f"{where} {text!r} is not a number of months") from None


def _refuse_years(table: Predictions, source: Path) -> None:
    for column, values in (("label", table.labels), ("prediction", table.predictions)):
        if len(values) >= 3 and values.max() <= YEARS_AT_MOST:
            span = f"{values.min():g} to {values.max():g}"
            raise BadTable(f"{source}: column {column} ({span}) looks like years; this program takes months")
