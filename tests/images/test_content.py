"""The bytes of a file: within limits, from ordinary files only, and let go of."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from boneage.errors import UnreadableImage
from boneage.images.content import NAMELESS, Content, content_of, name_of, naming


def test_bytes_and_files_are_taken_alike(tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(b"film")
    assert content_of(b"film") == content_of(path) == content_of(str(path)) == Content(b"film")
    assert (name_of(b"film"), name_of(path)) == (NAMELESS, str(path))


def test_what_is_released_is_gone_and_is_never_shown() -> None:
    content = content_of(b"a patient")
    assert "patient" not in repr(content)
    content.release()
    assert content.data == b""


@pytest.mark.parametrize(
    ("data", "reason"), [(b"", "the file is empty"), (b"films", "5 bytes is more than the limit of 4")]
)
def test_too_little_and_too_much(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(data)
    for source in (data, path):
        with pytest.raises(UnreadableImage, match=reason):
            content_of(source, 4)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are POSIX")
def test_only_ordinary_files_are_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    os.symlink("round", "round")
    os.symlink("/dev/zero", "device")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        for name, reason in {
            "pipe": "it is not an ordinary file",
            "socket": "it is not an ordinary file",
            "device": "it is not an ordinary file",
            "round": "it cannot be opened",
            ".": "it is a folder, not a file",
            "gone": "there is no such file",
            "a\0b": "it cannot be opened",
        }.items():
            with pytest.raises(UnreadableImage, match=reason):
                content_of(name)


def test_the_reason_gets_the_name_and_stays_one_line() -> None:
    with pytest.raises(UnreadableImage) as raised, naming("a\x1b[31m\n.png"):
        raise UnreadableImage("it is\nno film")
    assert str(raised.value) == r"cannot read a\x1b[31m\n.png: it is no film"
