"""A table in any spelling becomes a header and numbered rows of as many cells, or one sentence."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from boneage.errors import BadTable
from boneage.table import harmless, number, records_of, rows_of, simple, whole_numbers


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


@pytest.mark.parametrize(("text", "value"), [("12,5", 12.5), ("-.5", -0.5), ("+3.", 3.0), ("1E2", 100.0)])
def test_a_number_has_a_point_or_a_comma(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize("text", ["", "1_2", "nan", "inf", "1,234.5", "1e999", "\uff11", "0x1"])
def test_what_only_python_reads_as_a_number_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        number(text)


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


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "\ufeffsep=;", "\nsep=; "])
def test_excels_first_line_names_the_delimiter_and_is_no_row(tmp_path: Path, first: str) -> None:
    text = first + "\nid;note\n1;a,b,c,d\n"
    header, rows = rows_of(table(tmp_path, text.encode()))
    assert (header, [cells for _, cells in rows]) == (["id", "note"], [["1", "a,b,c,d"]])


def test_a_first_line_may_name_a_tab_and_lines_keep_their_numbers(tmp_path: Path) -> None:
    assert rows_of(table(tmp_path, b"sep=\t\nid\tsex\n1\tF\n")) == (["id", "sex"], [(3, ["1", "F"])])
    assert rows_of(table(tmp_path, b"sep=x\n1\n"))[0] == ["sep_x"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "'=1", "''=1"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["1377", "a=b", "'quoted'", "", -1.5, None, 3])
def test_other_cells_stay_as_they_are(cell: object) -> None:
    assert harmless(cell) is cell


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.sampled_from("'=+-@1a ,;\"\uff1d"), min_size=1, max_size=6).filter(lambda t: t == t.strip()))
@example("'=1")
@example("'1")
def test_every_guarded_cell_is_read_back_as_it_was(tmp_path: Path, text: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([("note", "id"), ("x", harmless(text))])
    assert rows_of(table(tmp_path, out.getvalue().encode()))[1] == [(2, ["x", text])]


def test_ids_that_were_stored_as_decimal_numbers_are_whole_again() -> None:
    assert whole_numbers(["1377.0", "", "7.0"]) == ["1377", "", "7"]
    assert whole_numbers(["1377.0", "1.2"]) == ["1377.0", "1.2"]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        *(("Bone age (months)", "bone_age_months"), ("  ID ", "id"), ("__", ""), ("Hold-out", "hold_out")),
        *(("Âge osseux", "age_osseux"), ("Пол", "пол"), ("GESCHLECHT", "geschlecht")),
    ],
)
def test_simple_words(name: str, word: str) -> None:
    assert simple(name) == word


def test_records_have_their_cells_by_column(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("Id,Bone Age\na,100\n\nb,110,more\nc\n")
    names = ["id", "bone_age"]
    rows = [(2, {"id": "a", "bone_age": "100"}), (4, {"id": "b", "bone_age": "110"}), (5, {"id": "c", "bone_age": ""})]
    assert records_of(path) == (names, rows)
