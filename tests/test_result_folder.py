"""Folders of results: written whole, or not at all."""

from __future__ import annotations

import os

import pytest

from boneage import result_folder
from boneage.errors import CannotWrite

FILES = {"metrics.json": b"{}", "a.png": b"new"}


def check(out):
    result_folder.check(out, FILES, "metrics.json")


def test_a_new_folder_is_written_with_its_parents(tmp_path):
    out = tmp_path / "deep" / "er"
    check(out)
    result_folder.write(out, FILES)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == FILES
    assert os.listdir(out.parent) == ["er"]


def test_an_earlier_report_is_replaced_whole(tmp_path):
    out = tmp_path / "out"
    result_folder.write(out, FILES)
    check(out)
    result_folder.write(out, {"metrics.json": b"[]"})
    assert os.listdir(out) == ["metrics.json"]
    assert os.listdir(tmp_path) == ["out"]


def test_an_empty_folder_is_taken(tmp_path):
    check(tmp_path)


@pytest.mark.parametrize("names", [["thesis.doc"], ["metrics.json", "weights.safetensors"], ["a.png"]])
def test_a_folder_with_other_things_is_refused(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("mine")
    with pytest.raises(CannotWrite, match=rf"{tmp_path.name} exists and holds other things \({names[-1]}\)"):
        check(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(CannotWrite, match="is a file"):
        check(tmp_path / "out")
    with pytest.raises(CannotWrite, match="cannot be written"):
        check(tmp_path / "out" / "below")


def test_a_folder_that_takes_no_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(CannotWrite, match="takes no new files"):
        check(tmp_path / "out")


def full_disk(*_):
    raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_the_earlier_report_and_nothing_else(tmp_path, monkeypatch):
    result_folder.write(tmp_path / "out", FILES)
    monkeypatch.setattr("pathlib.Path.write_bytes", full_disk)
    with pytest.raises(CannotWrite, match="out cannot be written: No space left"):
        result_folder.write(tmp_path / "out", {"metrics.json": b"other"})
    assert (tmp_path / "out" / "metrics.json").read_bytes() == b"{}"
    assert os.listdir(tmp_path) == ["out"]


def test_a_failed_renaming_puts_the_earlier_report_back(tmp_path, monkeypatch):
    result_folder.write(tmp_path / "out", FILES)
    rename = os.replace
    monkeypatch.setattr(os, "replace", lambda a, b: full_disk() if str(a).endswith(".tmp") else rename(a, b))
    with pytest.raises(CannotWrite):
        result_folder.write(tmp_path / "out", {"metrics.json": b"other"})
    assert (tmp_path / "out" / "metrics.json").read_bytes() == b"{}"
    assert os.listdir(tmp_path) == ["out"]


def test_a_link_to_a_folder_is_written_through(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    result_folder.write(tmp_path / "link", FILES)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "a.png").read_bytes() == b"new"


def test_links_that_lead_in_a_circle_are_one_sentence(tmp_path):
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    for write in (check, lambda out: result_folder.write(out, FILES)):
        with pytest.raises(CannotWrite, match="a cannot be written: its links lead in a circle"):
            write(tmp_path / "a")
