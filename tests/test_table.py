"""A table in any spelling becomes a header and numbered rows of as many cells, or one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from boneage.errors import BadTable
from boneage.table import rows_of, simple


def table(folder: Path, data: bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(data)
    return path


def test_rows_are_numbered_trimmed_and_filled_up(tmp_path: Path) -> None:
    header, rows = rows_of(table(tmp_path, b"Image ID ; Bone-Age (months) ;sex\n\n 1;120\n2;90;F;;\n;;\n"))
    assert header == ["image_id", "bone_age_months", "sex"]
    assert rows == [(3, ["1", "120", ""]), (4, ["2", "90", "F"])]


def test_latin_letters_of_old_tables_are_read(tmp_path: Path) -> None:
    assert rows_of(table(tmp_path, "id\nM\xe4dchen\n".encode("latin-1")))[1] == [(2, ["M\xe4dchen"])]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"id,sex,sex\n1,F,F\n", "two columns named 'sex'"),
        (b"id\0,sex\n1,F\n", "zero bytes"),
        (b"\xff\xfei\0d\0,", "cut short"),
        (b"id\n" + b"x" * 200_000, "line 2: not a table"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(BadTable, match=r"table\.csv.*" + words):
        rows_of(table(tmp_path, data))


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match=r"gone\.csv cannot be read: No such file"):
        rows_of(tmp_path / "gone.csv")


@pytest.mark.parametrize(
    ("name", "word"), [("Bone age (months)", "bone_age_months"), ("  ID ", "id"), ("__", ""), ("Hold-out", "hold_out")]
)
def test_simple_words(name: str, word: str) -> None:
    assert simple(name) == word
