"""What a run folder says of itself, read without torch and checked against its hashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import BadModel
from .files import json_bytes, sha256, sha256_json

WEIGHTS, RUN, MODEL = "weights.safetensors", "run.json", "model.onnx"


def load_run(folder: Path) -> dict[str, Any]:
    """``run.json``, checked against its own hash; BadModel when it is absent, cut short or altered."""
    path = folder / RUN
    if not path.is_file():
        raise BadModel(f"{folder} is not a run folder: it has no {RUN}")
    data = whole(path)
    try:
        record = json.loads(data)
        intact = isinstance(record, dict) and data == json_bytes(record)
    except ValueError:
        intact = False
    if not intact or record.pop("run_sha256", "") != sha256_json(record):
        raise BadModel(f"{path} is cut short or altered: its content does not match its own hash")
    return record


def weights_of(folder: Path, run: dict[str, Any]) -> bytes:
    """The weights as stored; BadModel when they are absent or not those of the record ``run``."""
    data = whole(folder / WEIGHTS)
    if sha256(data) != run["weights_sha256"]:
        raise BadModel(f"{folder / WEIGHTS} is cut short or altered: its hash is not the one in {RUN}")
    return data


def whole(path: Path) -> bytes:
    """The bytes of a file; BadModel naming it and the reason."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadModel(f"{path} cannot be read: {error.strerror}") from error
