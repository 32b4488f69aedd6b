"""A manifest of one's own: a Parquet file with a row for each film, as an object store's inventory is one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BadTable
from ...table import simple
from ...types import Sex
from ..batch import Notes
from .planned import Planned, as_text, of_status
from .stores import is_address

if TYPE_CHECKING:
    import pyarrow as pa

_NAMES = {  # what a column means: how it may be called, S3's inventory among others
    "file": ("file", "path", "uri", "url", "image", "key"),
    "id": ("id", "image_id", "film_id", "accession_number"),
    "size": ("size", "bytes"),
    "modified": ("modified", "last_modified_date", "last_modified", "mtime"),
    "sex": ("sex", "patientsex", "patient_sex", "gender"),
    "bucket": ("bucket",),
}
_ROWS = 4096  # of a manifest that are in memory


def films(path: Path, sex: Sex | None, notes: Notes) -> Iterator[Planned]:
    """The films of a Parquet file, row by row.

    A path is taken from the file's own folder. A row of S3's inventory, with ``bucket`` and ``key``, is an object.
    Files of this machine are looked at for their size and time where the manifest does not give both.

    Raises:
        BadTable: if the file is none, or has no column of files.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            columns = _columns(path, file.schema_arrow.names)
            reader = _Rows(path, sex, notes)
            for batch in file.iter_batches(_ROWS, columns=list(columns.values())):
                values = {meaning: _cells(batch.column(name)) for meaning, name in columns.items()}
                for number in range(batch.num_rows):
                    yield reader.film({meaning: cells[number] for meaning, cells in values.items()})
    except OSError as error:
        raise BadTable(f"{path} cannot be read: {error.strerror or 'it is cut short or damaged'}") from None
    except pyarrow.ArrowException:
        raise BadTable(f"{path} is no Parquet file, or is damaged") from None
    reader.note()


def _columns(path: Path, names: list[str]) -> dict[str, str]:
    """The columns by their meaning; BadTable where none holds files."""
    known = {simple(name): name for name in reversed(names)}
    found = {
        meaning: next(known[word] for word in words if word in known)
        for meaning, words in _NAMES.items()
        if any(word in known for word in words)
    }
    if "file" not in found:
        raise BadTable(f"{path} has no column of files ({', '.join(_NAMES['file'])}); it has {', '.join(names[:12])}")
    return found


class _Rows:
    """Turns the rows of one manifest into films, and counts what it could not understand."""

    def __init__(self, path: Path, sex: Sex | None, notes: Notes) -> None:
        self.path, self.sex, self.notes = path, sex, notes
        self.row, self.strange = 0, dict[str, int]()

    def film(self, cells: dict[str, Any]) -> Planned:
        """The film of a row. BadTable for a row without a file."""
        self.row += 1
        name = cells["file"]
        if not isinstance(name, str) or not name:
            raise BadTable(f"{self.path}, row {self.row}: no file is named")
        place = f"s3://{cells['bucket']}/{name}" if cells.get("bucket") else name
        size, modified = _whole(cells.get("size")), cells.get("modified")
        modified = _whole(modified) if isinstance(modified, int) else None
        if not is_address(place):
            place = os.path.join(self.path.parent, place)
            size, modified = (size, modified) if None not in (size, modified) else _looked_at(place)
        sex, source = (self.sex, "given") if self.sex else (self._sex_of(cells.get("sex")), "table")
        identity = cells.get("id")
        return Planned(as_text(str(name if identity is None else identity)), place, size, modified, sex, source)

    def _sex_of(self, word: Any) -> Sex | None:
        try:
            found = Sex.parse(None if word is None else str(word))
        except ValueError:
            self.strange[str(word)] = self.strange.get(str(word), 0) + 1
            return None
        return None if found is Sex.UNKNOWN else found

    def note(self) -> None:
        """Say what was not understood."""
        if self.strange:
            words = ", ".join(map(repr, list(self.strange)[:6]))
            rows = sum(self.strange.values())
            self.notes.after.append(f"{self.path}: the sex is unknown in {rows:,} rows, which say {words}")


def _cells(column: pa.Array) -> list[Any]:
    """The values of a column; timestamps as nanoseconds since 1970, which Python's own times do not hold."""
    from pyarrow import int64, types

    if types.is_timestamp(column.type):
        times = 10 ** (9 - 3 * ("s", "ms", "us", "ns").index(column.type.unit))
        return [value if value is None else value * times for value in column.cast(int64()).to_pylist()]
    return column.to_pylist()


def _whole(value: Any) -> int | None:
    """A whole number that 64 bits hold, of a number or its digits; None for what is none, such as NaN."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < 2**63 else None


def _looked_at(place: str) -> tuple[int | None, int | None]:
    try:
        return of_status(os.stat(place))
    except (OSError, ValueError):
        return None, None
