from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage.errors import BadTable
from boneage.evaluation.predictions import Predictions, expected_errors_to_csv, read_predictions, to_csv
from boneage.types import Sex

GOOD = "id,sex,label,prediction\n1,female,94,97.5\n2,male,120,111.25\n"


@pytest.fixture
def written(tmp_path):
    def write(text, name="other.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_reads_a_table_of_another_program(written):
    table = read_predictions(written("Prediction;ID;extra;Label\r\n97,5;1;x;94\r\n111,25;2;y;120\r\n\r\n"))
    assert (table.name, table.ids, table.sexes) == ("other", ("1", "2"), (Sex.UNKNOWN, Sex.UNKNOWN))
    assert table.labels.tolist() == [94, 120]
    assert table.errors.tolist() == [3.5, -8.75]


@pytest.mark.parametrize("mangle", [str.encode, lambda t: t.encode("utf-8-sig"), lambda t: t.encode("utf-16")])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends(written, mangle, end):
    table = read_predictions(written(mangle(GOOD.replace("\n", end))))
    assert table.sexes == (Sex.FEMALE, Sex.MALE)
    assert table.predictions.tolist() == [97.5, 111.25]


def test_an_evaluation_folder_is_read_by_its_table(written, tmp_path):
    written(GOOD, "predictions.csv")
    assert read_predictions(tmp_path).ids == ("1", "2")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id,label\n1,94\n", "column prediction missing"),
        ("name,months\n1,94\n", "column id and label and prediction missing"),
        ("id,label,prediction\n", "no predictions"),
        ("", "empty"),
        (GOOD + "1,male,90,90\n", "line 4: id '1' stands in line 2 already"),
        (GOOD + ",male,90,90\n", "line 4: the id is empty"),
        (GOOD + "3,male,ninety,90\n", "line 4: label 'ninety' is not a number"),
        (GOOD + "3,male,90,nan\n", "line 4: prediction 'nan' is not a number of months"),
        (GOOD + "3,male,90\n", "line 4: prediction '' is not a number"),
        (GOOD + "3,boyish,90,90\n", "line 4: unknown sex 'boyish'"),
        ("id,label,prediction\n1,7.8,94\n2,10,121\n3,12.5,150\n", "column label .* looks like years"),
        ("id,label,prediction\n1,94,7.8\n2,121,10\n3,150,12.5\n", "column prediction .* looks like years"),
        (b"id,label,prediction\n\0\0\0", "zero bytes"),
    ],
)
def test_a_bad_table_is_refused_with_file_and_reason(written, text, reason):
    with pytest.raises(BadTable, match=f"other.csv.*{reason}"):
        read_predictions(written(text))


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadTable, match=r"nothing\.csv: there is no such table"):
        read_predictions(tmp_path / "nothing.csv")
    with pytest.raises(BadTable, match=r"predictions\.csv: there is no such table"):
        read_predictions(tmp_path)


def test_young_children_are_no_years_in_an_evaluation_of_our_own(written, tmp_path):
    written("id,label,prediction\n1,7,8\n2,10,12\n3,12,15\n", "predictions.csv")
    assert read_predictions(tmp_path).labels.max() == 12


names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12)
rows = st.lists(
    st.tuples(names, st.sampled_from(Sex), st.floats(0, 240), st.floats(-50, 300)),
    min_size=1,
    max_size=20,
    unique_by=lambda row: row[0],
)


@given(rows)
def test_what_is_written_is_read(tmp_path_factory, rows):
    ids, sexes, labels, predictions = zip(*rows, strict=True)
    folder = tmp_path_factory.mktemp("table")
    (folder / "predictions.csv").write_text(
        to_csv(Predictions("m", ids, sexes, np.array(labels), np.array(predictions))), encoding="utf-8", newline=""
    )
    back = read_predictions(folder)
    assert (back.ids, back.sexes) == (ids, sexes)
    assert back.labels == pytest.approx(labels, abs=0.0051)
    assert back.predictions == pytest.approx(predictions, abs=0.000051)


def test_select_keeps_rows_together():
    table = Predictions("m", ("a", "b", "c"), (Sex.MALE, Sex.FEMALE, Sex.UNKNOWN), np.arange(3.0), np.arange(3.0) + 5)
    picked = table.select([2, 0])
    assert (picked.ids, picked.sexes, picked.labels.tolist()) == (("c", "a"), (Sex.UNKNOWN, Sex.MALE), [2, 0])


def test_spreads_have_a_table_of_their_own():
    table = Predictions("m", ("a", "b"), (Sex.MALE,) * 2, np.ones(2), np.ones(2), np.array([4.5, 6.0]))
    assert expected_errors_to_csv(table) == "id,expected_error\na,4.5000\nb,6.0000\n"
    assert table.select([1]).expected_errors.tolist() == [6]
    with pytest.raises(ValueError, match="m has no expected error"):
        expected_errors_to_csv(Predictions("m", ("a",), (Sex.MALE,), np.ones(1), np.ones(1)))


def test_columns_of_different_lengths_are_a_mistake():
    with pytest.raises(ValueError, match="different lengths"):
        Predictions("m", ("a",), (Sex.MALE,), np.zeros(2), np.zeros(1))


def test_ids_like_formulas_are_guarded_and_read_back(tmp_path):
    ids = ("=1+1", "-7", "'@x")
    table = Predictions("m", ids, (Sex.MALE,) * 3, np.full(3, 90.0), np.array([-2.0, 80, 90]), np.ones(3))
    path = tmp_path / "predictions.csv"
    path.write_text(to_csv(table))
    assert path.read_text().splitlines()[1] == "'=1+1,male,90.00,-2.0000"
    assert read_predictions(path).ids == ids
    assert expected_errors_to_csv(table).splitlines()[2] == "'-7,1.0000"


def test_ids_stored_as_decimals_join_with_whole_ones(tmp_path):
    path = tmp_path / "theirs.csv"
    path.write_text("id,label,prediction\n1377.0,100,101\n7.0,50,51\n")
    assert read_predictions(path).ids == ("1377", "7")
