from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from refusals import closed_folder, full_disk

from boneage.errors import CannotWrite
from boneage.files import (
    is_standard_output,
    json_value,
    refuse_unwritable,
    remove_leftovers,
    replacing,
    sha256,
    sha256_json,
    write_bytes,
    write_json,
)


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


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.bin").write_bytes(b"old")
    (tmp_path / "folder").symlink_to("real")
    for link, target in (("first", "second"), ("second", "folder/a.bin"), ("dangling", "real/new/b.bin")):
        (tmp_path / link).symlink_to(target)
    write_bytes(tmp_path / "first", b"new")
    write_bytes(tmp_path / "dangling", b"made")
    assert all((tmp_path / link).is_symlink() for link in ("first", "second", "dangling", "folder"))
    assert (tmp_path / "real" / "a.bin").read_bytes() == b"new"
    assert (tmp_path / "real" / "new" / "b.bin").read_bytes() == b"made"
    assert names(tmp_path / "real") == ["a.bin", "new"]


def test_links_that_lead_in_a_circle_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(CannotWrite, match="a cannot be written: its links lead in a circle"):
        write_bytes(tmp_path / "a", b"x")
    assert (tmp_path / "a").is_symlink()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX")
def test_a_pipe_gets_the_content_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe, heard = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(pipe)
    for path in (pipe, tmp_path / "link"):
        reader = threading.Thread(target=lambda: heard.append(pipe.read_bytes()))
        reader.start()
        write_bytes(path, b"streamed")
        reader.join()
    assert heard == [b"streamed"] * 2
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert names(tmp_path) == ["link", "pipe"]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="no such device here")
def test_a_device_is_written_to_and_a_full_one_says_so(tmp_path: Path) -> None:
    for device in ("null", "full"):
        (tmp_path / device).symlink_to(f"/dev/{device}")
    write_bytes(tmp_path / "null", b"gone")
    with pytest.raises(CannotWrite, match="full cannot be written: No space left on device"):
        write_bytes(tmp_path / "full", b"kept")
    assert Path("/dev/full").is_char_device()
    assert all((tmp_path / device).is_symlink() for device in ("null", "full"))


OWN_OUTPUT = """
import sys
from pathlib import Path
from boneage.files import is_standard_output, write_bytes

path = Path(sys.argv[1])
print("before")
write_bytes(path, b"content\\n")
print("after", is_standard_output(path), is_standard_output(Path("other")))
"""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no such links here")
@pytest.mark.parametrize("to", ["file", "pipe"])
@pytest.mark.parametrize("name", ["/dev/stdout", "link", "/proc/self/fd/1"])
def test_the_programs_own_output_is_written_in_its_place(tmp_path: Path, to: str, name: str) -> None:
    """Wherever it goes, through whatever link: nothing is replaced, and nothing that was printed is lost."""
    os.symlink("/proc/self/fd/1", tmp_path / "link")
    command = [sys.executable, "-c", OWN_OUTPUT, name]
    if to == "pipe":
        out = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, check=True).stdout
    else:
        with (tmp_path / "out.txt").open("wb") as file:
            subprocess.run(command, cwd=tmp_path, stdout=file, check=True)
        out = (tmp_path / "out.txt").read_bytes()
    assert out.decode().splitlines() == ["before", "content", "after True False"]
    assert (tmp_path / "link").is_symlink()


def test_another_file_is_not_the_standard_output(tmp_path: Path) -> None:
    assert not is_standard_output(tmp_path / "a.csv")


def test_a_new_name_is_on_the_disk_before_the_writer_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    rename, sync = os.replace, os.fsync

    def synced(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", lambda a, b: done.append("renamed") or rename(a, b))
    write_bytes(tmp_path / "a.bin", b"x")
    assert done == ["file", "renamed", "folder"]


def test_a_folder_whose_parents_may_not_be_looked_into_is_one_sentence(tmp_path: Path) -> None:
    with closed_folder() as folder, pytest.raises(CannotWrite, match="takes no new files"):
        refuse_unwritable(folder / "below" / "it")


def test_json_nested_too_deeply_is_no_json() -> None:
    assert json_value('{"a": [1]}') == {"a": [1]}
    for text, reason in (
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ("{", "Expecting"),
    ):
        with pytest.raises(ValueError, match=reason):
            json_value(text)


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


def test_two_writers_of_one_file_do_not_share_what_is_half_written(tmp_path: Path) -> None:
    """As on two machines, where processes may have the same number."""
    path = tmp_path / "a.bin"
    with replacing(path) as first:
        first.write_bytes(b"first")
        with replacing(path) as second:
            second.write_bytes(b"second")
        assert path.read_bytes() == b"second"
    assert (path.read_bytes(), names(tmp_path)) == (b"first", ["a.bin"])


def test_json_has_no_numbers_that_json_lacks(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"x": float("nan")})
    assert names(tmp_path) == []


def test_hashes() -> None:
    assert sha256(b"ab", memoryview(b"c")) == hashlib.sha256(b"abc").hexdigest()
    assert sha256_json({"a": 1, "b": [2]}) == sha256_json({"b": [2], "a": 1}) != sha256_json({"a": 1, "b": [3]})
