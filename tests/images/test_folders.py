"""Films are found in a folder and below, in one order, each folder once; what cannot be listed is named."""

from __future__ import annotations

import gzip
import os
import socket
from collections import Counter
from pathlib import Path

import pytest
from picture_files import G, saved
from refusals import closed_folder

from boneage.errors import BadTable
from boneage.images.folders import each_film_below, entries, films_below, passed_over
from boneage.images.formats import is_film


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


def names_and_passed(folder: Path) -> tuple[list[str], Counter[str]]:
    passed: Counter[str] = Counter()
    return [path.relative_to(folder).as_posix() for path in films_below(folder, {}, passed)], passed


def test_every_file_is_a_film_or_counted(tmp_path: Path) -> None:
    png = saved(G, "PNG")
    bare = b"\x08\0\x05\0CS\x0a\0ISO_IR 100" + bytes(99)
    files = {
        "no_ending": png,
        "IM0002": bare,
        "1.2.840.7": b"\xff\xd8\xff" + bytes(99),
        "study.dcm.gz": b"not even gzip",
        "IM0003.gz": gzip.compress(bytes(128) + b"DICM"),
        "photo.HEIC": b"\0\0\0\x18ftypheic",
        "old.bak": png,
        "table.csv": b"id,sex\n",
        "other.CSV": b"id,sex\n",
        "notes.txt.gz": gzip.compress(b"words"),
        "README": b"words",
        "DICOMDIR": bytes(128) + b"DICM",
        ".DS_Store": b"x",
        "below/deep.md": b"words",
    }
    folder_of(tmp_path, *files)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    films, passed = names_and_passed(tmp_path)
    assert films == ["1.2.840.7", "IM0002", "IM0003.gz", "no_ending", "photo.HEIC", "study.dcm.gz"]
    assert len(films) + passed.total() == len(files)
    assert passed == {
        ".csv": 2,
        ".bak": 1,
        ".txt.gz": 1,
        "without ending": 1,
        "DICOMDIR": 1,
        "hidden": 1,
        ".md": 1,
    }
    assert passed_over(passed) == (
        "8 files were passed over: 2 .csv, 1 .bak, 1 .md, 1 .txt.gz, 1 DICOMDIR, 1 hidden, 1 others"
    )


def test_what_was_passed_over_in_a_sentence() -> None:
    assert passed_over(Counter()) == ""
    assert passed_over(Counter({".txt": 1})) == "1 file was passed over: 1 .txt"
    assert passed_over(Counter({".txt": 1200, "pipe": 2})) == "1,202 files were passed over: 1,200 .txt, 2 pipe"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_ordinary_file_is_counted_and_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)  # the name of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.dcm")
        (tmp_path / "link.png").symlink_to("pipe")
        (tmp_path / "null").symlink_to(os.devnull)
        films, passed = names_and_passed(tmp_path)
    assert films == []
    assert passed == {"pipe": 3, "socket": 1, "device": 1}


def test_a_link_in_a_circle_is_one_failure_and_a_broken_one_is_counted(tmp_path: Path) -> None:
    for name, target in (("loop.png", "loop.png"), ("a", "b"), ("b", "a"), ("gone.png", "no.png"), ("gone", "no")):
        (tmp_path / name).symlink_to(target)
    closed: dict[Path, str] = {}
    passed: Counter[str] = Counter()
    assert [path.name for path in films_below(tmp_path, closed, passed)] == ["gone.png"]
    assert passed == {"broken link": 1}
    assert closed == {tmp_path / name: f"{tmp_path / name} is a link that leads in a circle" for name in "ab"} | {
        tmp_path / "loop.png": f"{tmp_path / 'loop.png'} is a link that leads in a circle"
    }
    with pytest.raises(BadTable, match="is a link that leads in a circle"):
        list(films_below(tmp_path))


def test_a_file_that_cannot_be_opened_is_a_film_that_fails() -> None:
    with closed_folder() as closed:
        assert is_film(closed / "IM0001")


def test_control_characters_of_a_folders_name_are_escaped(tmp_path: Path) -> None:
    with pytest.raises(BadTable) as caught:
        entries(tmp_path / "a\n\x1b[31m\udcff")
    assert str(caught.value).endswith(r"a\n\x1b[31m\udcff cannot be listed: No such file or directory")


def names_below(folder: Path, passed: Counter[str] | None = None) -> list[str]:
    """What `each_film_below` finds; a place that it could not look into has a `!`."""
    found = each_film_below(folder, Counter() if passed is None else passed)
    return [Path(one.path).relative_to(folder).as_posix() + "!" * bool(one.reason) for one in found]


def test_very_many_films_are_found_folder_by_folder(tmp_path: Path) -> None:
    folder_of(tmp_path, "b.png", "a/1.DCM", "a/x/2.jpg", "a/text.txt", "a/.hidden", "c/3.png")
    os.mkfifo(tmp_path / "c/pipe.png")
    (tmp_path / "c/gone.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "c/round").symlink_to(tmp_path / "c/round")
    passed: Counter[str] = Counter()
    expected = ["a/1.DCM", "a/x/2.jpg", "b.png", "c/3.png", "c/gone.png", "c/round!"]
    assert names_below(tmp_path, passed) == expected
    known: Counter[str] = Counter()
    closed: dict[Path, str] = {}
    same = {path.relative_to(tmp_path).as_posix() for path in films_below(tmp_path, closed, known)}
    assert same == {name for name in names_below(tmp_path) if not name.endswith("!")}
    assert passed == known == {".txt": 1, "hidden": 1, "pipe": 1}
    with closed_folder() as shut:
        (found,) = each_film_below(shut.parent, Counter())
    assert found == (str(shut), None, f"{shut} cannot be listed: Permission denied")
    with pytest.raises(BadTable, match="cannot be listed"):
        names_below(tmp_path / "nowhere")


def test_a_broken_link_that_is_named_like_a_film_has_no_status_of_another(tmp_path: Path) -> None:
    folder_of(tmp_path, "b.png")
    for name in ("a.png", "c.png"):
        (tmp_path / name).symlink_to(tmp_path / "nowhere")
    found = {Path(one.path).name: one.status for one in each_film_below(tmp_path, Counter())}
    assert found == {"a.png": None, "b.png": os.stat(tmp_path / "b.png"), "c.png": None}


def test_very_many_films_are_found_once_whatever_links_there_are(tmp_path: Path) -> None:
    folder_of(tmp_path, "data/own/1.png", "data/.kept/2.png", "else/3.png", "else/below/4.png")
    links = {"data/a": "else/below", "data/b": "else", "data/c": "data/own", "data/d": "data/.kept", "else/up": "."}
    for link, end in links.items():
        (tmp_path / link).symlink_to(tmp_path / end)
    found = names_below(tmp_path / "data")
    assert found == ["a/4.png", "b/3.png", "d/2.png", "own/1.png"]
