"""Each row of a table finds its own film, by every spelling that tables leave of an id, and never another row's."""

from __future__ import annotations

from pathlib import Path

import pytest

from boneage.data.dataset import open_folder
from boneage.data.film_paths import NO_IMAGE, not_found, spelling, with_paths
from boneage.errors import BadTable


def table(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def folder_of(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def places(root: Path, text: str, images: Path | None = None) -> list[str | None]:
    table(root, text)
    found = open_folder(root / "table.csv", images).samples
    return [sample.path.relative_to(root).as_posix() if sample.path else None for sample in found]


def test_films_are_found_by_id_nearer_ones_first(tmp_path: Path) -> None:
    folder_of(tmp_path, "b/1.png", "a/deep/1.png", "a/2.AVIF", "3", "notes/4.txt", ".hidden/5.png")
    assert places(tmp_path, "id\n1\n2\n3\n4\n5\n") == ["b/1.png", "a/2.AVIF", "3", None, None]


def test_films_are_found_by_the_image_column(tmp_path: Path) -> None:
    folder_of(tmp_path, "a/1.png", "b/1.png")
    assert places(tmp_path, "image\na/1.png\nb\\1.png\nc/2.png\n") == ["a/1.png", "b/1.png", None]
    assert places(tmp_path, "id,image\nx,/old/disk/b/1.jpg\ny,1.png\n") == ["b/1.png", "a/1.png"]


def test_a_film_that_another_row_names_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    folder_of(tmp_path, "a/1.png", "a/2.png")
    assert places(tmp_path, "image\na/1.png\nb/1.png\n") == ["a/1.png", None]
    assert places(tmp_path, "image\nb/2.png\nc/2.png\n") == [None, None]
    assert places(tmp_path, "id,image\nx,/old/a/1.jpg\ny,b/1.png\n") == ["a/1.png", None]
    assert places(tmp_path, "id,image\nx,a/1.png\ny,a/1.png\n") == ["a/1.png"] * 2


def test_dicom_files_need_no_ending(tmp_path: Path) -> None:
    for name in ("IM0001", "1.2.840.7", "DICOMDIR", "text"):
        (tmp_path / name).write_bytes(bytes(128) + (b"DICM" if name != "text" else b"....") + bytes(9))
    assert places(tmp_path, "id\nIM0001\n1.2.840.7\n") == ["IM0001", "1.2.840.7"]


def test_films_in_another_folder(tmp_path: Path) -> None:
    folder_of(tmp_path, "films/a/1.png", "films/b/1.png", "films/2.png")
    (tmp_path / "tables").mkdir()
    table(tmp_path / "tables", "id,image\nx,b/1.png\ny,2.png\n2,\n")
    found = open_folder(tmp_path / "tables/table.csv", tmp_path / "films").samples
    assert [sample.path for sample in found] == [tmp_path / "films/b/1.png", *[tmp_path / "films/2.png"] * 2]


def test_a_folder_of_images_must_be_one(tmp_path: Path) -> None:
    with pytest.raises(BadTable, match="is not a folder of images"):
        with_paths([], tmp_path / "table.csv", tmp_path / "nowhere")


def test_films_in_linked_folders_are_found(tmp_path: Path) -> None:
    folder_of(tmp_path, "elsewhere/1.png", "data/2.png")
    (tmp_path / "data/images").symlink_to(tmp_path / "elsewhere")
    table(tmp_path / "data", "id,boneage\n1,100\n2,110\n")
    assert all(sample.path for sample in open_folder(tmp_path / "data").samples)


@pytest.mark.parametrize(
    ("name", "film"),
    [("7", "0007.png"), ("0007", "7.png"), ("7,0", "0007.png"), ("im0001", "IM0001.dcm"), ("A.PNG", "a.jpg")],
)
def test_a_spelling_of_an_id_finds_the_only_film_that_fits(tmp_path: Path, name: str, film: str) -> None:
    folder_of(tmp_path, f"sub/{film}", "other.png", "70.png")
    assert places(tmp_path, f"id;sex\n{name};F\nother;M\n") == [f"sub/{film}", "other.png"]
    remark = open_folder(tmp_path / "table.csv").remarks[1]
    assert remark.endswith(
        f"1 film was found by the only name that fits, such as {name.removesuffix('.PNG')!r} for sub/{film}"
    )


def hints(root: Path, text: str, images: Path | None = None) -> list[str]:
    return [sample.hint for sample in open_folder(table(root, text), images).samples if sample.path is None]


def test_where_two_films_fit_none_is_taken_and_both_are_named(tmp_path: Path) -> None:
    folder_of(tmp_path, "007.png", "0007.png")
    assert hints(tmp_path, "id\n7\n") == ["did you mean 0007.png or 007.png?"]


def test_a_film_of_two_spellings_is_nobodys_and_an_exact_id_comes_first(tmp_path: Path) -> None:
    folder_of(tmp_path, "0007.png", "8.png")
    assert places(tmp_path, "id\n7\n07\n8\n08\n") == [None, None, "8.png", None]


def test_a_film_in_the_patients_folder(tmp_path: Path) -> None:
    folder_of(tmp_path, "P001/IM1.png", "P002/IM1.png", "P002/IM2.png")
    assert places(tmp_path, "id\np001\nP002\n") == ["P001/IM1.png", None]
    assert hints(tmp_path, "id\nP002\n") == ["did you mean P002/IM1.png or P002/IM2.png?"]


def test_a_name_that_begins_with_the_id_is_offered_and_not_taken(tmp_path: Path) -> None:
    folder_of(tmp_path, "1377_left.png", "1377 right.png")
    assert hints(tmp_path, "id\n1377\n9\n") == ["did you mean 1377 right.png or 1377_left.png?", ""]
    (first, second) = open_folder(tmp_path / "table.csv").samples
    assert not_found(first, tmp_path).startswith(f"{NO_IMAGE} in {tmp_path}; did you mean")
    assert not_found(second) == NO_IMAGE


def test_the_patients_id_with_the_films_file_in_any_column(tmp_path: Path) -> None:
    folder_of(tmp_path, "a.png", "b.png", "2.png")
    assert places(tmp_path, "id,scan\n1,a.png\n2,b.png\n") == ["a.png", "2.png"]
    assert places(tmp_path, "id,scan\n1,a.png\n1,b.png\n") == ["a.png", "b.png"]


def test_a_column_that_may_hold_files_takes_no_film_of_another_row(tmp_path: Path) -> None:
    folder_of(tmp_path, "1.png", "2.png", "IM3")
    (tmp_path / "IM3").write_bytes(bytes(128) + b"DICM")
    assert places(tmp_path, "id,film\n1,2\n2,1\n") == ["1.png", "2.png"]
    assert places(tmp_path, "id,film\n9,2\n2,1\n8,im3\n7,1\n6,1\n") == [None, "2.png", "IM3", None, None]
    assert places(tmp_path, "PatientID,scan\nP1,2\nP2,IM3\n") == ["2.png", "IM3"]


def test_no_row_leads_out_of_the_folders(tmp_path: Path) -> None:
    folder_of(tmp_path, "secret/x.png", "secret/y.bin", "data/1.png")
    data, secret = tmp_path / "data", tmp_path / "secret"
    rows = f"id,image\na,../secret/x.png\nb,{secret}/x.png\n1,\n"
    assert [s.path for s in open_folder(table(data, rows)).samples] == [None, None, data / "1.png"]
    assert hints(data, rows)[0] == f"{data}/../secret/x.png lies in another folder, which --images may name"
    assert [s.path for s in open_folder(table(data, f"id\n../secret/y.bin\n{secret}/y.bin\n")).samples] == [None, None]
    found = open_folder(table(data, rows), secret).samples
    assert [s.path and s.path.resolve() for s in found[:2]] == [secret / "x.png"] * 2


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("0007", "7"),
        ("7.00", "7"),
        ("0", "0"),
        ("000", "0"),
        ("IM01", "im01"),
        ("1.2.840.7", "1.2.840.7"),
        ("'07", "7"),
    ],
)
def test_spellings(name: str, key: str) -> None:
    assert spelling(name) == key
