"""Tables of ratings in both forms."""

from __future__ import annotations

import numpy as np
import pytest

from boneage.errors import BadTable
from boneage.study.ratings import Ratings, read_ratings, to_csv
from boneage.types import Sex

WIDE = "id;Sex;site;Dr. A;Dr. B;program;comment\n1;F;x;120,5;118;119;fine\n2;M;y;;96;101;\n3;F;x;60;62;58;blurred\n"
LONG = "film,reader,rating,repeat,sex\n1,anna,120,1,F\n1,bert,118,1,F\n2,bert,96,1,M\n1,anna,124,2,F\n2,anna,99,1,M\n"


@pytest.fixture
def written(tmp_path):
    def write(text, name="ratings.csv"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_a_column_of_numbers_is_a_reader(written):
    found = read_ratings(written(WIDE), programs=["program"], by=["site"])
    assert found.readers == ("dr_a", "dr_b", "program")
    assert found.people == ("dr_a", "dr_b")
    assert found.sexes == (Sex.FEMALE, Sex.MALE, Sex.FEMALE)
    assert found.groups == {"site": ("x", "y", "x")}
    assert found.column("dr_a")[[0, 2]].tolist() == [120.5, 60]
    assert np.isnan(found.column("dr_a")[1])
    assert "not used: comment" in found.remarks[0]


def test_a_row_a_rating_with_repeats(written):
    found = read_ratings(written(LONG))
    assert (found.ids, found.readers) == (("1", "2"), ("anna", "bert"))
    assert found.first.tolist() == [[120, 118], [99, 96]]
    assert [ratings.tolist() for ratings in found.repeated("anna")] == [[120, 124], [99]]


def test_what_is_written_is_read_back(written):
    found = read_ratings(written(LONG))
    again = read_ratings(written(to_csv(found), "again.csv"))
    assert (again.ids, again.readers, again.sexes) == (found.ids, found.readers, found.sexes)
    assert np.array_equal(again.repeats, found.repeats, equal_nan=True)


def test_some_readers_only(written):
    assert read_ratings(written(WIDE), readers=["Dr. A", "program"]).readers == ("dr_a", "program")
    assert read_ratings(written(LONG + "1,carl,130,1,F\n"), readers=["carl", "anna"]).readers == ("carl", "anna")


def test_the_age_since_birth_and_the_fold_are_no_ratings(written):
    table = written("id,chronological_age,fold,a,b\n1,130,0,120,121\n2,140,1,99,100\n")
    assert read_ratings(table).readers == ("a", "b")


def test_a_silent_reader_is_left_out_and_named(written):
    found = read_ratings(written(LONG + "1,carl,,1,F\n"))
    assert found.readers == ("anna", "bert")
    assert "carl has no ratings" in found.remarks[0]


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("id,a,b\n1,100,x1\n2,100,90\n3,90,90\n", {}, "line 2, b: 'x1' is not a number of months"),
        ("id,a,b\n1,100,900\n2,100,90\n", {}, "'900' is no bone age"),
        ("id,a,b\n1,100,90\n1,100,90\n", {}, "film '1' has two rows"),
        ("id,a\n1,100\n", {}, "ratings of 1 readers"),
        ("id,a,b\n", {}, "no ratings below its header"),
        ("id,a,b\n,100,90\n", {}, "the id of the film is empty"),
        ("id,a,b\n1,8,9\n2,11,12\n3,5,5\n", {}, "a \\(5 to 11\\) looks like years"),
        ("id,sex,a,b\n1,maybe,100,90\n", {}, "unknown sex 'maybe'"),
        (WIDE, {"programs": ["robot"]}, "no column or reader 'robot'; found dr_a"),
        (WIDE, {"by": ["scanner"]}, "no column 'scanner' \\(group\\)"),
        (WIDE, {"readers": ["Dr. Z"]}, "no column 'dr_z' \\(reader\\)"),
        (LONG, {"readers": ["zoe"]}, "no ratings by 'zoe'; found anna, bert"),
        (LONG + "3,anna,100,first,F\n", {}, "line 7, repeat: 'first' is not a number"),
        (LONG + "3,anna,1_2,1,F\n", {}, "'1_2' is not a number of months"),
        (LONG + "3,,100,1,F\n", {}, "line 7: the reader is empty"),
    ],
)
def test_what_is_wrong_is_said(written, text, options, reason):
    with pytest.raises(BadTable, match=reason):
        read_ratings(written(text), **options)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 films and 1 readers"):
        Ratings(("1", "2"), ("a",), np.zeros((2, 2, 1)))
