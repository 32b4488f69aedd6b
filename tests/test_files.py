from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from refusals import full_disk

from boneage.errors import CannotWrite
from boneage.files import remove_leftovers, replacing, sha256, sha256_json, write_bytes, write_json


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_writes_whole_files_and_makes_their_folder(tmp_path: Path) -> None:
    write_bytes(tmp_path / "new" / "a.bin", b"first")
    write_bytes(tmp_path / "new" / "a.bin", b"second")
    assert (tmp_path / "new" / "a.bin").read_bytes() == b"second"
    assert names(tmp_path / "new") == ["a.bin"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, failure: type[BaseException]) -> None:
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise failure

    with pytest.raises(failure):
        fail()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")
    with full_disk(1000), pytest.raises(CannotWrite, match=r"a\.bin cannot be written: File too large"):
        write_bytes(path, bytes(5000))
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CannotWrite, match=r"file/a\.bin cannot be written"):
        write_bytes(tmp_path / "file" / "a.bin", b"x")


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(CannotWrite, match=r"a\.bin cannot be written"):
        write_bytes(tmp_path / "a.bin", b"x")
    assert names(tmp_path) == ["a.bin"]


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_text("kept")
    (tmp_path / ".hidden").write_text("kept")
    gone, running = subprocess.Popen([sys.executable, "-c", ""]), os.getppid()
    gone.wait()
    for process in (gone.pid, running):
        (tmp_path / f".b.bin.{process}.tmp").write_text("half")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [f".b.bin.{running}.tmp", ".hidden", "a.bin"]
    remove_leftovers(tmp_path / "absent")


def test_json_has_no_numbers_that_json_lacks(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert names(tmp_path) == []


def test_hashes() -> None:
    assert sha256(b"ab", memoryview(b"c")) == hashlib.sha256(b"abc").hexdigest()
    assert sha256_json({"a": 1, "b": [2]}) == sha256_json({"b": [2], "a": 1}) != sha256_json({"a": 1, "b": [3]})
