"""The database of a spool: what it says of itself, and one sentence when it is damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("highdicom", reason="the spool needs boneage[dicom]")

from boneage.clinic.spool import Spool
from boneage.clinic.spool_database import DATABASE, as_cannot_write, look, opened
from boneage.errors import BadConfig, CannotWrite


def test_others_may_look_while_a_node_uses_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path, most_bytes=1000, least_free=0)
    spool.add([b"film"])
    spool.unreached("pacs", "pacs cannot be reached")
    state = look(tmp_path)
    assert state == spool.state()
    assert state["films"] == {"waiting": 1, "held": 0, "ready": 0, "done": 0, "failed": 0}
    spool.close()
    assert look(tmp_path) == state  # and when it is not used any more


def test_an_empty_folder_and_a_damaged_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="holds no spool"):
        look(tmp_path)
    (tmp_path / DATABASE).write_bytes(b"no database" * 200)
    for attempt in (lambda: look(tmp_path), lambda: opened(tmp_path / DATABASE)):
        with pytest.raises(CannotWrite, match=r"cannot be used: its file is no SQLite database$"):
            attempt()


def test_it_is_its_owners_alone(tmp_path: Path) -> None:
    opened(tmp_path / DATABASE).close()
    assert (tmp_path / DATABASE).stat().st_mode & 0o077 == 0


def test_an_error_of_the_disk_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match=str(tmp_path)), as_cannot_write(tmp_path):
        raise OSError(28, "No space left on device")
