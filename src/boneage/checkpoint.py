"""A run folder that explains itself.

weights.safetensors   the best weights so far (averaged ones where averaging is on)
run.json              configuration, preparation, data, metrics, versions, and the hashes of both files
state.safetensors     everything that resuming needs, in one file so that it is whole or absent
log.jsonl             one JSON line per epoch and per noteworthy step
model.onnx            the exported network, written when training ends
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from .errors import BadModel, CannotWrite
from .files import sha256, sha256_json, write_bytes, write_json

WEIGHTS, RUN, STATE, LOG, ONNX = "weights.safetensors", "run.json", "state.safetensors", "log.jsonl", "model.onnx"

Tensors = dict[str, Tensor]


def create(folder: Path) -> None:
    """A new run folder; CannotWrite if it holds anything."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CannotWrite(f"{folder} exists already: choose another --out, or continue it with --resume")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"{folder} cannot be made: {error.strerror}") from error


def save_weights(folder: Path, weights: Tensors, run: dict[str, Any]) -> dict[str, Any]:
    """Write weights and ``run`` with their hashes; returns the record as written."""
    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()})
    write_bytes(folder / WEIGHTS, data)
    record = run | {"weights_sha256": sha256(data)}
    record["run_sha256"] = sha256_json(record)
    write_json(folder / RUN, record)
    return record


def load_run(folder: Path) -> dict[str, Any]:
    """``run.json``, checked against its own hash; BadModel when it is absent, cut short or altered."""
    path = folder / RUN
    if not path.is_file():
        raise BadModel(f"{folder} is not a run folder: it has no {RUN}")
    try:
        record = json.loads(path.read_text())
        claimed = record.pop("run_sha256")
    except (ValueError, AttributeError, KeyError, UnicodeDecodeError):
        raise BadModel(f"{path} is cut short or altered: it is not a whole run record") from None
    if sha256_json(record) != claimed:
        raise BadModel(f"{path} was altered: its content does not match its own hash")
    return record


def load_weights(folder: Path) -> tuple[Tensors, dict[str, Any]]:
    """The weights and the run record, both checked against their hashes."""
    run = load_run(folder)
    path = folder / WEIGHTS
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadModel(f"{path} cannot be read: {error.strerror}") from error
    if sha256(data) != run["weights_sha256"]:
        raise BadModel(f"{path} is cut short or altered: its hash is not the one in {RUN}")
    return _tensors(path)[0], run


def save_state(folder: Path, tensors: Tensors, values: dict[str, Any]) -> None:
    """All that resuming needs, in one atomic file."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    digest = sha256(save(plain))
    write_bytes(folder / STATE, save(plain, metadata={"state": json.dumps(values), "sha256": digest}))


def load_state(folder: Path) -> tuple[Tensors, dict[str, Any]]:
    """What `save_state` wrote; BadModel when it is absent, cut short or altered."""
    path = folder / STATE
    if not path.is_file():
        raise BadModel(f"{folder} has nothing to resume: it has no {STATE}")
    tensors, metadata = _tensors(path)
    if sha256(save(tensors)) != metadata.get("sha256") or "state" not in metadata:
        raise BadModel(f"{path} was altered: its content does not match its own hash")
    return tensors, json.loads(metadata["state"])


def append_log(folder: Path, **values: Any) -> None:
    """One JSON line at the end of the log."""
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps(values) + "\n")


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The log's lines; a last line cut short by a kill is left out."""
    path = folder / LOG
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _tensors(path: Path) -> tuple[Tensors, dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise BadModel(f"{path} is cut short or altered: {error}") from error


def as_tensors(prefix: str, module: torch.nn.Module) -> Tensors:
    """A module's parameters and buffers under ``prefix.``."""
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def taken(prefix: str, tensors: Tensors) -> Tensors:
    """The tensors under ``prefix.``, without it."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(prefix + ".")}
