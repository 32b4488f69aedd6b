"""A reading room beside a node reads as the node does."""

from __future__ import annotations

from pathlib import Path

import pytest
from held import settings_in

pytest.importorskip("highdicom", reason="a node needs boneage[dicom]")

from boneage.apps.web.node import of_node
from boneage.errors import BadConfig


def test_it_takes_over_the_nodes_model_record_and_spool(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    model, record, worklist = of_node(settings, "default", "own.db")
    assert (model, record, worklist.folder) == ("default", "own.db", tmp_path / "spool")
    settings.write_text(settings.read_text().replace("hold = true", 'model = "best"\nrecord = "readings.db"'))
    model, record, _ = of_node(settings, "default", None)
    assert (model, record) == ("best", "readings.db")


def test_it_refuses_another_model_and_another_record(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    with pytest.raises(BadConfig, match="--model best is not that of"):
        of_node(settings, "best", None)
    settings.write_text(settings.read_text().replace("hold = true", 'record = "readings.db"'))
    with pytest.raises(BadConfig, match=r"--record own\.db is not that of"):
        of_node(settings, "default", "own.db")
    with pytest.raises(BadConfig, match="cannot be read"):
        of_node(tmp_path / "none.toml", "default", None)
