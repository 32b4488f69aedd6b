"""Many films: what a source stands for, whose sex counts, and that one bad film stops no other."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from refusals import closed_folder

from boneage import Predictor, Reading, Sex
from boneage.errors import BadConfig, BadModel, BadTable, UnreadableImage
from boneage.reading.batch import Item, Notes, Reader, items, read_all, read_and_explain
from boneage.types import Failure

NOT_FOUND = "no image with this id was found"


@pytest.fixture
def folder(films: Path, tmp_path: Path) -> Path:
    """Three films, one of them deeper, and what is none."""
    (tmp_path / "deep").mkdir()
    (tmp_path / ".hidden").mkdir()
    for source, place in ((1, "b.png"), (2, "a.PNG"), (3, "deep/c.png"), (4, "._a.png"), (5, ".hidden/d.png")):
        shutil.copy(films / "images" / f"{source}.png", tmp_path / place)
    (tmp_path / "notes.txt").write_text("no film")
    return tmp_path


def table(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def test_a_file_is_one_film(folder: Path) -> None:
    path = folder / "b.png"
    assert items(path) == [Item("b", path, None)]
    assert items(str(path), Sex.MALE) == [Item("b", path, Sex.MALE, "given")]


def test_a_folder_is_its_films_in_order_and_hidden_files_are_none(folder: Path) -> None:
    assert [item.id for item in items(folder)] == ["a", "b", "c"]


def test_films_of_one_name_are_known_by_their_paths(tmp_path: Path) -> None:
    for name in ("p1/IM1.dcm", "p2/IM1.dcm", "p2/1.2.840.7", "p2/IM2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(bytes(128) + b"DICM")
    assert [item.id for item in items(tmp_path)] == ["p1/IM1.dcm", "1.2.840.7", "p2/IM1.dcm", "IM2"]


def test_a_folder_whose_name_ends_like_a_table_is_a_folder(folder: Path) -> None:
    renamed = folder.rename(folder.with_name("films.csv"))
    assert len(items(renamed)) == 3


def test_a_folder_without_films_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="holds no picture and no DICOM file"):
        items(tmp_path)


def test_a_table_gives_ids_sexes_and_films_also_those_that_are_not_there(folder: Path) -> None:
    found = items(table(folder, "id,sex\nb,F\nc,\ngone,M\n"))
    assert found == [
        Item("b", folder / "b.png", Sex.FEMALE, "table"),
        Item("c", folder / "deep" / "c.png", None, "table"),
        Item("gone", None, Sex.MALE, "table", f"{folder / 'table.csv'}, film gone: {NOT_FOUND} in {folder}"),
    ]


def test_a_table_needs_no_labels_and_no_word_of_a_sex_stops_it(folder: Path) -> None:
    path, notes = table(folder, "id,female,age\nb,yes,10.4\nc,2,old\n"), Notes()
    assert [(item.sex, item.sex_source) for item in items(path, notes=notes)] == [
        (Sex.FEMALE, "table"),
        (None, "table"),
    ]
    assert notes.before == [
        f"{path}: ids from 'id', sexes from 'female'; not used: 'age'",
        f"{path}: the sex is taken for unknown in 1 cell, as the words are not understood: '2'",
    ]


def test_a_folders_table_gives_the_sexes_of_its_films(folder: Path) -> None:
    path, notes = table(folder, "id,sex,age\nB,F,10\nc,,11\ngone,M,12\n"), Notes()
    assert items(folder, notes=notes) == [
        Item("a", folder / "a.PNG", None),
        Item("b", folder / "b.png", Sex.FEMALE, "table"),
        Item("c", folder / "deep" / "c.png", None),
    ]
    assert notes.before == [
        f"{path}: ids from 'id', sexes from 'sex'; not used: 'age'",
        f"{path}: 1 film was found by the only name that fits, such as 'B' for b.png",
        f"{path}: used for the sexes of 1 of 3 films",
        f"{path}: no film here for 1 of its 3 rows",
    ]


def test_what_is_passed_over_is_counted_without_the_table_that_is_used(folder: Path) -> None:
    notes = Notes()
    items(folder, notes=notes)
    assert notes.after == [f"{folder}: 3 files were passed over: 2 hidden, 1 .txt"]
    table(folder, "id,sex\nb,F\n")
    items(folder, notes=(again := Notes()))
    assert again.after == notes.after
    items(folder, Sex.MALE, notes=(given := Notes()))
    assert given.after == [f"{folder}: 4 files were passed over: 2 hidden, 1 .csv, 1 .txt"]


def test_a_folder_without_films_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no film")
    with pytest.raises(UnreadableImage, match=r"no DICOM file; 1 file was passed over: 1 \.txt$"):
        items(tmp_path)


def test_a_sex_given_holds_before_the_folders_table(folder: Path) -> None:
    table(folder, "id,sex\nb,F\n")
    notes = Notes()
    assert {(item.sex, item.sex_source) for item in items(folder, Sex.MALE, notes=notes)} == {(Sex.MALE, "given")}
    assert notes.before == []


def test_a_folders_table_that_is_of_no_use_is_named(folder: Path) -> None:
    table(folder, "id,sex\nb,F\nb,M\n")
    notes = Notes()
    assert {item.sex for item in items(folder, notes=notes)} == {None}
    assert "is not used" in notes.before[0]
    assert "line 3: the id 'b' is there twice" in notes.before[0]
    (folder / "other.csv").write_text("id,sex\nb,F\n")
    notes = Notes()
    assert {item.sex for item in items(folder, notes=notes)} == {None}
    assert notes.before == [
        f"{folder}: none of the tables other.csv, table.csv is used: name the one to use by its own path"
    ]


def test_a_sex_given_holds_for_the_whole_table(folder: Path) -> None:
    found = items(table(folder, "id,sex\nb,F\nc,M\n"), Sex.UNKNOWN)
    assert [(item.sex, item.sex_source) for item in found] == [(Sex.UNKNOWN, "given")] * 2


def test_a_tables_films_may_be_elsewhere(films: Path, tmp_path: Path) -> None:
    path = table(tmp_path, "id,male\n1,True\n")
    assert items(path)[0].path is None
    assert items(path, images=films)[0].path == films / "images" / "1.png"
    with pytest.raises(BadTable, match=r"nowhere is not a folder of images"):
        items(path, images=tmp_path / "nowhere")


def test_only_a_tables_films_can_be_elsewhere(folder: Path) -> None:
    with pytest.raises(BadConfig, match="is no table"):
        items(folder, images=folder)


@pytest.mark.parametrize(
    ("text", "reason"), [("id,sex\n", "has no rows"), ("id,sex\na,F\na,M\n", "line 3: the id"), ("x\n1\n", "no column")]
)
def test_a_bad_table_is_refused_by_name(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(BadTable, match=rf"table\.csv.* {reason}"):
        items(table(tmp_path, text))


def test_every_film_gets_a_reading_or_a_reason(tiny_model: Path, folder: Path) -> None:
    (folder / "a.PNG").write_text("text named .png")
    found = [*items(folder, Sex.MALE), *items(table(folder, "id,sex\ngone,M\n"))]
    results = list(read_all(Predictor.load(tiny_model), found))
    assert [type(result) for result in results] == [Failure, Reading, Reading, Failure]
    bad, good, _, gone = results
    assert isinstance(bad, Failure)
    assert (bad.id, bad.file) == ("a", str(folder / "a.PNG"))
    assert bad.reason.startswith(f"cannot read {folder / 'a.PNG'}: ")
    assert isinstance(good, Reading)
    assert (good.file, good.sex, good.sex_source) == (str(folder / "b.png"), Sex.MALE, "given")
    assert isinstance(gone, Failure)
    assert gone.file == "gone"
    assert gone.reason.endswith(f"table.csv, film gone: {NOT_FOUND} in {folder}")


def test_where_the_table_knows_no_sex_the_film_may(tiny_model: Path, tmp_path: Path) -> None:
    from dicom_files import dicom, written

    (tmp_path / "a.dcm").write_bytes(written(dicom(PatientSex="M")))
    model = Predictor.load(tiny_model)
    for text, sex, source, flags in (
        ("id\na\n", Sex.MALE, "dicom", ()),
        ("id,sex\na,unknown\n", Sex.MALE, "dicom", ()),
        ("id,sex\na,F\n", Sex.FEMALE, "table", ("sex_contradicts_file",)),
    ):
        (reading,) = read_all(model, items(table(tmp_path, text)))
        assert isinstance(reading, Reading)
        assert (reading.sex, reading.sex_source) == (sex, source)
        assert tuple(code for code in reading.codes if code.startswith("sex")) == flags


def test_a_folder_that_cannot_be_listed_stops_no_other(tiny_model: Path, films: Path) -> None:
    predictor, film = Predictor.load(tiny_model), (films / "images" / "1.png").read_bytes()
    with closed_folder() as closed:
        (closed.parent / "1.png").write_bytes(film)
        reading, unread = read_all(predictor, items(closed.parent))
    assert isinstance(reading, Reading)
    assert unread == Failure("closed", "closed", f"{closed} cannot be listed: Permission denied")


class Deadly:
    """Ends the process to which it is sent."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (9,)


def test_processes_of_their_own_read_the_same_and_one_that_dies_costs_its_film_alone(
    tiny_model: Path, folder: Path
) -> None:
    (folder / "a.PNG").write_text("text named .png")
    predictor, films, told = Predictor.load(tiny_model), items(folder, Sex.MALE), []
    here = list(read_and_explain(predictor, films, heatmaps=False))
    deadly = replace(films[1], id="deadly", facts=Deadly())  # type: ignore[arg-type]
    films.insert(1, deadly)
    apart = list(
        read_and_explain(predictor, films, heatmaps=False, workers=2, progress=lambda *_: told.append(len(told)))
    )
    film, failure, _ = apart.pop(1)
    assert apart == here
    assert told == [0, 1, 2, 3]
    assert isinstance(failure, Failure)
    assert (film, failure.id, failure.file) == (deadly, "deadly", str(deadly.path))
    assert failure.reason.startswith("it could not be read: its process was killed")


def test_a_process_does_not_read_with_other_weights_than_were_asked_for(tiny_model: Path, folder: Path) -> None:
    film = items(folder / "b.png")[0]
    with pytest.raises(BadModel, match="has changed since the reading began"):
        Reader(tiny_model, "of other weights")(film)
