"""Tables in any common format: commas, semicolons or tabs; UTF-8, UTF-16 or Latin-1; Unix, Windows or old Mac lines."""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from .errors import BadTable

_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # and their wide forms, after any apostrophes
_NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_SEPARATOR = re.compile(r'"?sep=([^\w" ])"?', re.IGNORECASE)  # Excel's own first line


def harmless(cell: object) -> object:
    """A cell for a CSV: text that a spreadsheet would run as a formula gets an apostrophe, which `rows_of` takes off.

    Text with apostrophes before such a formula gets one more, so that every text is read back as it was. Numbers, None
    and other text stay as they are.
    """
    return f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell


def whole_numbers(ids: Sequence[str]) -> list[str]:
    """Ids that a program has stored as decimal numbers (``1377.0``, all of them) as whole ones; others as they are."""
    is_decimal = all(re.fullmatch(r"\d+\.0", name) for name in ids if name)
    return [name.removesuffix(".0") for name in ids] if is_decimal else list(ids)


def number(text: str) -> float:
    """The number that a cell holds, with a decimal point or comma.

    Raises:
        ValueError: for any other text, such as ``1_2``, which Python takes for 12, ``nan`` and ``inf``.
    """
    value = float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a number")
    return value


def rows_of(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header and the rows of a table.

    Returns:
        The names of the columns as `simple` writes them, and the rows that are not empty, each with its line number in
        the file. Cells are stripped, and without the apostrophe of `harmless`; a row shorter than the header is filled
        up with empty cells. Excel's first line ``sep=;`` names the delimiter and is no row.

    Raises:
        BadTable: if the file cannot be read, is empty, is no text or has two columns of one name.
    """
    text = _text(path)
    delimiter, is_named = _delimiter(text)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        rows = [(reader.line_num, _trimmed(cells)) for cells in reader]
    except csv.Error as error:
        raise BadTable(f"{path}, line {reader.line_num}: not a table ({error})") from None
    rows = [(line, cells) for line, cells in rows if cells][is_named:]
    if not rows:
        raise BadTable(f"{path} is empty")
    header = [simple(cell) for cell in rows[0][1]]
    doubled = next((name for name in header if name and header.count(name) > 1), None)
    if doubled:
        raise BadTable(f"{path} has two columns named {doubled!r}")
    return header, [(line, cells + [""] * (len(header) - len(cells))) for line, cells in rows[1:]]


def records_of(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """As `rows_of`, each row by the names of its columns; cells beyond the header are left out. Raises BadTable."""
    header, rows = rows_of(path)
    return header, [(line, dict(zip(header, cells, strict=False))) for line, cells in rows]


def simple(name: str) -> str:
    """A name in lower case without accents, with one ``_`` for each run of anything but letters and digits."""
    letters = (letter for letter in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(letter))
    return re.sub(r"[\W_]+", "_", "".join(letters)).strip("_")


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


def _delimiter(text: str) -> tuple[str, bool]:
    """What divides the cells, and whether the first line says so and nothing else."""
    first = text.lstrip("\n").partition("\n")[0]
    named = _SEPARATOR.fullmatch(first.rstrip(" "))
    return (named[1], True) if named else (max(",;\t", key=first.count), False)


def _trimmed(cells: list[str]) -> list[str]:
    cells = [cell.strip() for cell in cells]
    cells = [cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell for cell in cells]
    while cells and not cells[-1]:
        cells.pop()
    return cells
