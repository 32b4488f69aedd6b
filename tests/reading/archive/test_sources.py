"""Films of folders, tables and manifests, one after the other."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from boneage.errors import BadConfig, BadTable, UnreadableImage
from boneage.reading.archive import manifest
from boneage.reading.archive.planned import Planned
from boneage.reading.archive.sources import source_of
from boneage.types import Sex


def listed(source: object, **known: object) -> list[Planned]:
    return list(source_of(str(source), **known).films())  # type: ignore[arg-type]


def touched(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")


def test_a_folder_gives_its_films_by_their_paths_in_it(tmp_path: Path) -> None:
    touched(*(tmp_path / name for name in ("b.png", "a/1.dcm", "a/1.png", "note.txt", "a/.hidden")))
    source = source_of(str(tmp_path), Sex.MALE)
    films = list(source.films())
    assert [film.id for film in films] == ["a/1.dcm", "a/1.png", "b.png"]
    assert [film.file for film in films] == [str(tmp_path / film.id) for film in films]
    assert {(film.size, film.sex, film.sex_source) for film in films} == {(5, Sex.MALE, "given")}
    assert films[2].modified == (tmp_path / "b.png").stat().st_mtime_ns
    assert source.notes.after == [f"{tmp_path}: 2 files were passed over: 1 .txt, 1 hidden"]


def test_a_folder_without_films_and_a_name_in_another_encoding(tmp_path: Path) -> None:
    touched(tmp_path / "note.txt")
    with pytest.raises(UnreadableImage, match="holds no picture and no DICOM file; 1 file was passed over"):
        listed(tmp_path)
    with open(os.fsencode(tmp_path) + b"/h\xe4nd.png", "wb") as file:
        file.write(b"1")
    assert [(film.id, os.fsencode(film.file)[-8:]) for film in listed(tmp_path)] == [("h\\udce4nd.png", b"h\xe4nd.png")]


def test_a_table_names_its_films_and_their_sexes(tmp_path: Path) -> None:
    touched(tmp_path / "films/1.png")
    table = tmp_path / "t.csv"
    table.write_text("id,sex\n1,F\n2,M\n")
    found = listed(table, images=tmp_path / "films")
    assert found[0][:2] == ("1", str(tmp_path / "films/1.png"))
    assert [(film.sex, film.sex_source) for film in found] == [(Sex.FEMALE, "table"), (Sex.MALE, "table")]
    assert found[1].file == ""
    assert "no image with this id was found" in found[1].reason
    with pytest.raises(BadConfig, match="is no table"):
        source_of(str(tmp_path / "films"), None, tmp_path)


def test_a_manifest_names_files_of_its_own_folder_and_objects_of_an_inventory(tmp_path: Path) -> None:
    touched(tmp_path / "x/1.png")
    own = tmp_path / "own.parquet"
    parquet.write_table(pa.table({"Path": ["x/1.png", "x/2.png"], "id": [7, 8], "Patient Sex": ["F", "?"]}), own)
    source = source_of(str(own))
    assert [film[:3] + film[4:6] for film in source.films()] == [
        ("7", str(tmp_path / "x/1.png"), 5, Sex.FEMALE, "table"),
        ("8", str(tmp_path / "x/2.png"), None, None, "table"),
    ]
    when = datetime(2026, 11, 29, 12, 0, 0, 5000, UTC)
    inventory = tmp_path / "inventory.parquet"
    columns = {"bucket": ["b"], "key": ["a/1.dcm"], "size": [9], "last_modified_date": [when]}
    parquet.write_table(pa.table(columns), inventory)
    (film,) = listed(inventory)
    assert film[:4] == ("a/1.dcm", "s3://b/a/1.dcm", 9, int(when.timestamp()) * 10**9 + 5_000_000)


@pytest.mark.parametrize(("unit", "times"), [("s", 10**9), ("ms", 10**6), ("us", 1000), ("ns", 1)])
def test_a_manifest_may_have_times_of_any_resolution(tmp_path: Path, unit: str, times: int) -> None:
    own, value = tmp_path / "own.parquet", 1_700_000_000_123_456_789 // times
    when = pa.array([value, None]).cast(pa.timestamp(unit))
    parquet.write_table(pa.table({"file": ["s3://b/1.png", "s3://b/2.png"], "modified": when}), own)
    assert [film.modified for film in listed(own)] == [value * times, None]


@pytest.mark.parametrize("sizes", [[9.0, float("nan")], ["9", "nine"], [9, -1], [9, None], [9.0, float("inf")]])
def test_a_size_that_is_none_is_not_known(tmp_path: Path, sizes: list[object]) -> None:
    own = tmp_path / "own.parquet"
    parquet.write_table(pa.table({"file": ["s3://b/1.png", "s3://b/2.png"], "size": sizes}), own)
    films = listed(own)
    assert [film.size for film in films] == [9, None]
    assert list(manifest.write(tmp_path / "manifest", films, 2)) == [2]


def test_words_for_a_sex_that_are_not_understood_are_counted(tmp_path: Path) -> None:
    own = tmp_path / "own.parquet"
    parquet.write_table(pa.table({"file": ["1.png", "2.png", "3.png"], "sex": ["X", "m", "X"]}), own)
    source = source_of(str(own))
    assert [film.sex for film in source.films()] == [None, Sex.MALE, None]
    assert source.notes.after == [f"{own}: the sex is unknown in 2 rows, which say 'X'"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no parquet", "is no Parquet file, or is damaged"),
        ({"id": ["1"]}, "has no column of files"),
        ({"file": ["a.png", None]}, "row 2: no file is named"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: bytes | dict[str, list[str]], words: str) -> None:
    path = tmp_path / "m.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        parquet.write_table(pa.table(content), path)
    with pytest.raises(BadTable, match=words):
        listed(path)
