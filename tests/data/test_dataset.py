"""Tables of any spelling become checked samples or one sentence, and films are found wherever they lie."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from places import RSNA

from boneage.data.dataset import (
    Sample,
    checked_table,
    find_table,
    open_folder,
    original_sizes,
    read_table,
    scan_table,
    split_name,
    tables_in,
)
from boneage.errors import BadTable
from boneage.images.formats import SUFFIXES
from boneage.table import harmless
from boneage.types import Sex

HEADERS = ("id", "image", "boneage", "bone_age_years", "age", "male", "sex", "patient", "split", "", "other")
CELLS = ("", "1", "1.png", "x/2.png", "120", "12.5", "-1", "1e9", "nan", "inf", "True", "F", "boy", "O", "train", "?")
relaxed = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def table(folder: Path, text: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def one(folder: Path, text: str | bytes) -> Sample:
    (sample,) = read_table(table(folder, text))
    return sample


def reason(folder: Path, text: str) -> str:
    with pytest.raises(BadTable) as caught:
        read_table(table(folder, text))
    message = str(caught.value)
    assert "table.csv" in message
    assert "\n" not in message
    return message


def samples_or_reason(path: Path) -> list[Sample]:
    try:
        return read_table(path)
    except BadTable:
        return []


@relaxed
@given(data=st.binary(max_size=300))
@example(b"\xff\xfeid")
@example(b"id\n" + b"x" * 200_000)
@example(b'id,boneage\n"1')
@example(b"\n\n\n")
def test_any_bytes_are_a_table_or_a_reason(tmp_path: Path, data: bytes) -> None:
    samples_or_reason(table(tmp_path, data))


@relaxed
@given(
    header=st.lists(st.sampled_from(HEADERS), min_size=1, max_size=6),
    rows=st.lists(st.lists(st.sampled_from(CELLS) | st.text(max_size=6), max_size=7), max_size=6),
)
def test_any_cells_are_checked_samples_or_a_reason(tmp_path: Path, header: list[str], rows: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    samples = samples_or_reason(table(tmp_path, text.getvalue().encode("utf-8", "surrogatepass")))
    assert len({sample.id for sample in samples}) == len(samples)
    for sample in samples:
        assert sample.id
        assert sample.patient
        assert sample.months is None or 0 <= sample.months <= 300
        assert sample.split in (None, "train", "validation", "calibration", "test")


ids = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=12).filter(
    lambda name: name == name.strip() and not name.lower().endswith((".0", *SUFFIXES))
)
rows = st.tuples(ids, st.integers(0, 228), st.sampled_from(Sex), st.sampled_from(("train", "validation", "")))


@relaxed
@given(
    films=st.lists(rows, min_size=1, max_size=8, unique_by=lambda row: row[0]),
    delimiter=st.sampled_from(",;\t"),
    newline=st.sampled_from(("\n", "\r\n", "\r")),
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "utf-16")),
)
@example(films=[("'=", 0, Sex.FEMALE, "train")], delimiter=",", newline="\n", encoding="utf-8")
def test_what_is_written_is_read(
    tmp_path: Path, films: list[tuple[str, int, Sex, str]], delimiter: str, newline: str, encoding: str
) -> None:
    text = io.StringIO()
    header = ("id", "bone age (months)", "sex", "split")
    lines = [header, *([harmless(cell) for cell in film] for film in films)]
    csv.writer(text, delimiter=delimiter, lineterminator=newline, quoting=csv.QUOTE_ALL).writerows(lines)
    found = read_table(table(tmp_path, text.getvalue().encode(encoding)))
    got = [(sample.id, sample.months, sample.sex, sample.split or "") for sample in found]
    assert got == films


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"id,boneage,male\n1377,180,False\n", ("1377", 180, Sex.FEMALE)),
        (b"\xef\xbb\xbfImage ID,male,Bone Age (months)\r\n1386,TRUE,30.5\r\n", ("1386", 30.5, Sex.MALE)),
        (b"Case ID,Sex,Ground truth bone age (months)\r4360,M,168.9\r4361,F,47\r", ("4360", 168.9, Sex.MALE)),
        (b"Case ID;Sex;Ground truth bone age (months)\n4360;F;168,9\n", ("4360", 168.9, Sex.FEMALE)),
    ],
    ids=["training", "validation", "test with Mac line ends", "decimal commas"],
)
def test_the_published_tables(tmp_path: Path, text: bytes, expected: tuple[str, float, Sex]) -> None:
    first = read_table(table(tmp_path, text))[0]
    assert (first.id, first.months, first.sex) == expected
    assert first.patient == first.id


def test_named_columns_of_any_table(tmp_path: Path) -> None:
    found = one(tmp_path, "Image File,Patient ID,Bone Age (years),Gender,Subset\nx/7.PNG,p1,2.5,girl,Val\n")
    assert found == Sample("x/7", tmp_path / "x/7.PNG", 30.0, Sex.FEMALE, "p1", "validation")


def test_empty_cells(tmp_path: Path) -> None:
    assert one(tmp_path, "id,boneage,sex,split\n1,,,\n") == Sample("1", None, None, Sex.UNKNOWN, "1", None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("boneage,male\n120,True\n", "no column of film ids"),
        ("id,boneage\n1,120\n1,121\n", "line 3: the id '1' is there twice"),
        ("id,boneage\n1,120\n1.png,121\n", "line 3: the id '1' is there twice"),
        ("id,boneage\n1,old\n", "line 2: the age 'old' is not a number"),
        ("id,boneage\n1,-1\n", "line 2: the age '-1' is -1 months, outside 0 to 300"),
        ("id,boneage_years\n1,120\n", "line 2: the age '120' is 1440 months"),
        ("id,boneage\n1,1_2\n", "line 2: the age '1_2' is not a number"),
        ("id,boneage\n1,7\n2,12.5\n", "line 1: the ages in column 'boneage' look like years"),
        ("id,age,bone_age,bone_age_2\n1,2,3,4\n", "several columns of ages"),
        ("id,sex\n1,both\n", "line 2: unknown sex 'both'"),
        ("id,split\n1,maybe\n", "line 2: unknown split 'maybe'"),
        ("id,sex\n1,F,3\n", "line 2: has 3 cells where the header has 2"),
        ("id,sex\n,F\n", "line 2: has no film id"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: str) -> None:
    assert words in reason(tmp_path, text)


def test_a_scan_lists_every_wrong_row(tmp_path: Path) -> None:
    found = scan_table(table(tmp_path, "id,boneage\n1,120\n1,120\n2,old\n,7\n3,150\n"))
    assert [sample.id for sample in found.samples] == ["1", "3"]
    assert [(problem.line, problem.id) for problem in found.problems] == [(3, "1"), (4, "2"), (5, "")]
    assert (found.has_labels, found.has_sex) == (True, False)


def test_words_that_are_no_sexes_are_all_named(tmp_path: Path) -> None:
    message = reason(tmp_path, "id,sex\n1,F\n2,1\n3,2\n4,1\n")
    assert "line 3: unknown sex '1'" in message
    assert message.endswith("; the column 'sex' also holds '2'")


def test_a_table_to_predict_needs_no_labels(tmp_path: Path) -> None:
    for header, row in (
        ("id,sex,age", "1,F,10.4"),
        ("id,sex,PatientAge", "1,F,010Y"),
        ("id,sex,bone_age_1,bone_age_2", "1,F,100,twelve"),
        ("id,sex,birth date,bone_age_months", "1,F,2001-02-03,unknown"),
        ("id,sex,split", "1,F,maybe"),
    ):
        found = checked_table(table(tmp_path, f"{header}\n{row}\n2{',' * header.count(',')}\n"), labelled=False)
        assert [(s.id, s.months, s.sex, s.split) for s in found.samples] == [
            ("1", None, Sex.FEMALE, None),
            ("2", None, Sex.UNKNOWN, None),
        ]


def test_a_sex_that_is_not_understood_is_unknown_without_labels_and_said(tmp_path: Path) -> None:
    found = checked_table(table(tmp_path, "id,sex\n1,F\n2,1\n3,1\n4,both\n"), labelled=False)
    assert [sample.sex for sample in found.samples] == [Sex.FEMALE, *[Sex.UNKNOWN] * 3]
    assert found.remarks[1].endswith(
        "the sex is taken for unknown in 3 cells, as the words are not understood: '1', 'both'"
    )


def test_ids_that_a_program_stored_as_decimals(tmp_path: Path) -> None:
    assert [s.id for s in read_table(table(tmp_path, "id,sex\n1377.0,F\n7.0,M\n"))] == ["1377", "7"]


def test_split_names() -> None:
    assert [split_name(word) for word in ("TRAIN", "val", "Hold-out", "cal", "")] == [
        "train",
        "validation",
        "test",
        "calibration",
        None,
    ]


def test_the_table_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match="holds no table"):
        find_table(tmp_path)
    table(tmp_path, "id,note\n1,x\n", "notes.csv")
    table(tmp_path, "id,width,height\n1,2,3\n", "original_sizes.csv")
    mine = table(tmp_path, "id,bone_age\n1,100\n", "mine.csv")
    assert find_table(tmp_path) == find_table(mine) == mine
    table(tmp_path, "id,bone_age\n1,100\n", "other.csv")
    with pytest.raises(BadTable, match=r"several tables \(mine.csv, other.csv\)"):
        find_table(tmp_path)
    published = table(tmp_path, "id,boneage,male\n1,100,True\n", "boneage-training-dataset.csv")
    assert find_table(tmp_path) == published
    with pytest.raises(BadTable, match="neither a data folder nor a table"):
        find_table(tmp_path / "nowhere")


def test_a_folder_whose_table_has_no_bone_ages(tmp_path: Path) -> None:
    table(tmp_path, "id,sex,patient_age\n1,F,100\n", "mine.csv")
    with pytest.raises(BadTable, match=r"holds no table .*; mine.csv has no column of bone ages, and a chronological"):
        find_table(tmp_path)


def test_films_without_a_row_and_links_in_a_circle_are_said(tmp_path: Path) -> None:
    for name in ("1.png", "2.png", "3.png"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "round").symlink_to(tmp_path / "round")
    found = open_folder(table(tmp_path, "id,bone_age,sex\n1,100,F\n"))
    assert found.samples[0].path == tmp_path / "1.png"
    assert found.remarks[1:] == (
        f"{found.table}: 2 films have no row, of 3 below {tmp_path}",
        f"{tmp_path / 'round'} is a link that leads in a circle",
    )


def test_files_that_are_no_films_are_counted(tmp_path: Path) -> None:
    table(tmp_path, "id,boneage\na,12\n")
    for name in ("a.png", "notes.txt", "more.txt", "old.csv"):
        (tmp_path / name).touch()
    found = open_folder(tmp_path)
    assert found.remarks[1:] == (f"{tmp_path}: 3 files were passed over: 2 .txt, 1 .csv",)


def test_what_this_program_wrote_is_not_taken_for_a_table(tmp_path: Path) -> None:
    table(tmp_path, "id,bone_age_months,sex,weights_sha256\n1,100,female,ab\n", "out.csv")
    table(tmp_path, "id,sex,label,prediction\n1,F,100,101\n", "run.csv")
    assert tables_in(tmp_path) == tables_in(tmp_path, labelled=False) == []
    mine = table(tmp_path, "id,sex\n1,F\n", "mine.csv")
    assert (tables_in(tmp_path), tables_in(tmp_path, labelled=False)) == ([], [mine])
    labelled = table(tmp_path, "id,boneage\n1,100\n", "labels.csv")
    assert tables_in(tmp_path) == tables_in(tmp_path, labelled=False) == [labelled]


def test_a_folder_with_a_table_without_rows(tmp_path: Path) -> None:
    table(tmp_path, "id,boneage\n")
    with pytest.raises(BadTable, match="has no rows"):
        open_folder(tmp_path)


def test_the_films_of_a_split(tmp_path: Path) -> None:
    table(tmp_path, "id,boneage,split\n1,100,train\n2,100,test\n3,100,train\n")
    dataset = open_folder(tmp_path)
    assert [sample.id for sample in dataset.of("train").samples] == ["1", "3"]
    assert dataset.of("validation").samples == ()


def test_original_sizes(tmp_path: Path) -> None:
    assert original_sizes(tmp_path) == {}
    table(tmp_path, "id,width,height\n1,1000,2000\n", "original_sizes.csv")
    assert original_sizes(tmp_path) == {"1": (1000, 2000)}
    table(tmp_path, "id,width,height\n1,1000,0\n", "original_sizes.csv")
    with pytest.raises(BadTable, match="line 2: width and height"):
        original_sizes(tmp_path)
    table(tmp_path, "id,width\n1,1000\n", "original_sizes.csv")
    with pytest.raises(BadTable, match="should have the columns id, width and height"):
        original_sizes(tmp_path)


@pytest.mark.real
@pytest.mark.skipif(not RSNA.is_dir(), reason="the real films are not here")
def test_the_real_table() -> None:
    dataset = open_folder(RSNA)
    assert len(dataset.samples) == 11901
    assert all(sample.path and sample.path.parent.name == "images" for sample in dataset.samples)
    assert {sample.sex for sample in dataset.samples} == {Sex.FEMALE, Sex.MALE}
    assert all(sample.months == int(sample.months or 0) for sample in dataset.samples)
    ages = Counter(sample.months for sample in dataset.samples)
    assert sum(count for _, count in ages.most_common(8)) / len(dataset.samples) == pytest.approx(0.53, abs=0.005)
    assert original_sizes(RSNA).keys() >= {sample.id for sample in dataset.samples}
