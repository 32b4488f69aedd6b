"""Tables in any common format: commas, semicolons or tabs; UTF-8, UTF-16 or Latin-1; Unix, Windows or old Mac lines."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from .errors import BadTable


def rows_of(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header and the rows of a table.

    Returns:
        The names of the columns as `simple` writes them, and the rows that are not empty, each with its line number in
        the file. Cells are stripped; a row shorter than the header is filled up with empty cells.

    Raises:
        BadTable: if the file cannot be read, is empty, is no text or has two columns of one name.
    """
    text = _text(path)
    first = text.lstrip("\n").partition("\n")[0]
    reader = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count))
    try:
        rows = [(reader.line_num, _trimmed(cells)) for cells in reader]
    except csv.Error as error:
        raise BadTable(f"{path}, line {reader.line_num}: not a table ({error})") from None
    rows = [(line, cells) for line, cells in rows if cells]
    if not rows:
        raise BadTable(f"{path} is empty")
    header = [simple(cell) for cell in rows[0][1]]
    doubled = next((name for name in header if name and header.count(name) > 1), None)
    if doubled:
        raise BadTable(f"{path} has two columns named {doubled!r}")
    return header, [(line, cells + [""] * (len(header) - len(cells))) for line, cells in rows[1:]]


def simple(name: str) -> str:
    """A name in lower case, with one ``_`` for each run of anything but letters and digits."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadTable(f"{path} cannot be read: {error.strerror}") from None
    utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        if utf16:
            raise BadTable(f"{path} is not text: it is cut short or damaged") from None
        text = data.decode("latin-1")
    if "\0" in text:
        raise BadTable(f"{path} is not a text table: it holds zero bytes")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _trimmed(cells: list[str]) -> list[str]:
    cells = [cell.strip() for cell in cells]
    while cells and not cells[-1]:
        cells.pop()
    return cells
