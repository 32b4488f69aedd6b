"""The parts of a run folder that can be read without torch, checked against their hashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .errors import BadModel
from .files import json_bytes, sha256, sha256_json

WEIGHTS, RUN, MODEL = "weights.safetensors", "run.json", "model.onnx"


def load_run(folder: Path) -> dict[str, Any]:
    """The content of ``run.json`` without its own hash; BadModel if it is absent, cut short or altered."""
    path = folder / RUN
    if not path.is_file():
        raise BadModel(f"{folder} is not a run folder: it has no {RUN}")
    data = whole(path)
    try:
        run = json.loads(data)
        # The hash is that of the values; comparing the bytes also finds changed white space.
        intact = isinstance(run, dict) and data == json_bytes(run)
    except ValueError:
        intact = False
    if not intact or run.pop("run_sha256", "") != sha256_json(run):
        raise BadModel(f"{path} is cut short or altered: its content does not match its own hash")
    return run


def weights_of(folder: Path, run: dict[str, Any]) -> bytes:
    """The bytes of the weights; BadModel if they are absent, or not those of ``run``, the content of ``run.json``."""
    data = whole(folder / WEIGHTS)
    if sha256(data) != run["weights_sha256"]:
        raise BadModel(f"{folder / WEIGHTS} is cut short or altered: its hash is not the one in {RUN}")
    return data


def whole(path: Path) -> bytes:
    """The bytes of a file; BadModel, with the reason, if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadModel(f"{path} cannot be read: {error.strerror}") from error
