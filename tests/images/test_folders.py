"""Films are found in a folder and below, in one order, each folder once; what cannot be listed is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from refusals import closed_folder

from boneage.errors import BadTable
from boneage.images.folders import entries, films_below


def folder_of(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def test_films_below(tmp_path: Path) -> None:
    folder_of(tmp_path, "b.png", "a/1.DCM", "a/x/2.jpg", "a/text.txt")
    found = [path.relative_to(tmp_path).as_posix() for path in films_below(tmp_path)]
    assert found == ["b.png", "a/1.DCM", "a/x/2.jpg"]


def test_dicom_files_need_no_ending(tmp_path: Path) -> None:
    for name in ("IM0001", "1.2.840.7", "DICOMDIR", "text"):
        (tmp_path / name).write_bytes(bytes(128) + (b"DICM" if name != "text" else b"....") + bytes(9))
    assert sorted(path.name for path in films_below(tmp_path)) == ["1.2.840.7", "IM0001"]


def test_linked_folders_are_entered_once(tmp_path: Path) -> None:
    folder_of(tmp_path, "elsewhere/1.png", "data/2.png")
    (tmp_path / "data/images").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/round").symlink_to(tmp_path / "data")
    found = [path.relative_to(tmp_path).as_posix() for path in films_below(tmp_path / "data")]
    assert found == ["data/2.png", "data/again/1.png"]


def test_a_folder_that_cannot_be_listed_is_named() -> None:
    found: dict[Path, str] = {}
    with closed_folder() as closed:
        with pytest.raises(BadTable, match="cannot be listed: Permission denied"):
            list(films_below(closed.parent))
        assert list(films_below(closed.parent, found)) == []
    assert found == {closed: f"{closed} cannot be listed: Permission denied"}


def test_entries_are_by_name_and_hidden_ones_are_none(tmp_path: Path) -> None:
    folder_of(tmp_path, "b.png", "a/1.png", ".hidden", "B.png")
    assert [entry.name for entry in entries(tmp_path)] == ["B.png", "a", "b.png"]
    with pytest.raises(BadTable, match="nowhere cannot be listed: No such file"):
        entries(tmp_path / "nowhere")
