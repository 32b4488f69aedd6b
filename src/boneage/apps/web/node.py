"""A reading room beside a node: it reads as the node does, and shows what the node holds."""

from __future__ import annotations

from pathlib import Path

from ...clinic.worklist import Worklist
from ...errors import BadConfig
from ..options import need


def of_node(settings: Path, model: str, record: str | None) -> tuple[str, str | None, Worklist]:
    """The model and the record of a node, and its worklist.

    Args:
        settings: of the node, TOML.
        model: as the room was asked for it; its default, or the node's.
        record: the room's own, if the node has none.

    Raises:
        BadConfig: if the settings cannot be read, or the room is asked for another model or record than the node's.
    """
    need("highdicom")
    from ..dicom.settings import load

    node = load(settings)
    if model not in ("default", node.model):
        raise BadConfig(f"--model {model} is not that of {settings}, {node.model}: a reviewer would see another age")
    if record and node.record and record != node.record:
        raise BadConfig(f"--record {record} is not that of {settings}, {node.record}")
    return node.model, node.record or record, Worklist(node.spool)
