"""A run folder that explains itself.

weights.safetensors   the best weights so far (averaged ones where averaging is on)
run.json              configuration, preparation, data, metrics, versions, and the hashes of the weights and of itself
start                 the run that this one took its weights from, where a recipe had it trained first
state.safetensors     everything that resuming needs, in one file so that it is whole or absent
log.jsonl             one JSON line per epoch
tensorboard           the same for TensorBoard, where it was asked for
model.onnx            the exported network: written when training ends, or by `boneage export`
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from ..errors import BadConfig, BadModel, CannotWrite
from ..files import LEFTOVERS, replacing, sha256, sha256_json, write_bytes, write_json
from ..run_folder import RUN, WEIGHTS, load_run, weights_of, whole

STATE, LOG = "state.safetensors", "log.jsonl"
BOARD, START = "tensorboard", "start"

Tensors = dict[str, Tensor]

_BLANK = b"0" * 64
_SEAL = re.compile(rb'"sha256":"([0-9a-f]{64})"')


def is_empty(folder: Path) -> bool:
    """Whether ``folder`` is a folder that holds nothing of its own run but what a killed process left half-written."""
    return folder.is_dir() and all(path.match(LEFTOVERS) or path.name == START for path in folder.iterdir())


def refuse_existing(folder: Path) -> None:
    """CannotWrite if anything is there but an empty folder."""
    if folder.exists() and not is_empty(folder):
        raise CannotWrite(f"{folder} exists already: choose another --out, or continue it with --resume")


def create(folder: Path) -> None:
    """A new run folder; CannotWrite if it holds anything."""
    refuse_existing(folder)
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


def load_weights(folder: Path) -> tuple[Tensors, dict[str, Any]]:
    """The weights and the run record, both checked against their hashes."""
    run = load_run(folder)
    return load(weights_of(folder, run)), run


def save_state(folder: Path, tensors: Tensors, values: dict[str, Any]) -> None:
    """All that resuming needs, in one atomic file, sealed with its hash (taken with the hash's own place blank)."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = save(plain, metadata={"state": json.dumps(values), "sha256": _BLANK.decode()})
    before, _, after = _around_seal(data)
    with replacing(folder / STATE) as temporary, temporary.open("wb") as file:
        file.writelines((before, sha256(data).encode(), after))


def load_state(folder: Path) -> tuple[Tensors, dict[str, Any]]:
    """What `save_state` wrote; BadModel when it is absent, cut short or altered."""
    path = folder / STATE
    if not path.is_file():
        raise BadModel(f"{folder} has nothing to resume: it has no {STATE}")
    data = whole(path)
    before, claimed, after = _around_seal(data)
    if sha256(before, _BLANK, after).encode() != claimed:
        raise BadModel(f"{path} is cut short or altered: its content does not match its own hash")
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return load(data), json.loads(header["__metadata__"]["state"])


def append_log(folder: Path, line: dict[str, Any], *, tensorboard: bool = False) -> None:
    """One JSON line at the end of the log, and its numbers to TensorBoard where asked for."""
    try:
        with (folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if tensorboard:
            with summary_writer()(str(folder / BOARD)) as writer:
                for name in ("loss", "validation_mae", "lr"):
                    if line[name] is not None:
                        writer.add_scalar(name, line[name], line["step"])
    except OSError as error:
        raise CannotWrite(f"{folder / LOG} cannot be written: {error.strerror}") from error


def summary_writer() -> Any:
    """TensorBoard's class of writers; BadConfig where it cannot be imported."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise BadConfig(f"train.tensorboard needs boneage[tensorboard] ({error})") from error
    return SummaryWriter


def cut_log(folder: Path, step: int) -> None:
    """Take out what was logged after ``step``, and a last line cut short: a resumed run writes it again."""
    lines = [line for line in read_log(folder) if line["step"] <= step]
    write_bytes(folder / LOG, "".join(json.dumps(line) + "\n" for line in lines).encode())


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The log's lines; a last line cut short by a kill is left out. BadModel naming a line that was altered."""
    path = folder / LOG
    lines = whole(path).splitlines(keepends=True) if path.exists() else []
    return [_logged(path, number, line) for number, line in enumerate(lines, 1) if line.endswith(b"\n")]


def _logged(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        values = json.loads(line)
        if isinstance(values, dict) and isinstance(values.get("step"), int):
            return values
    except ValueError:
        pass
    raise BadModel(f"{path}, line {number}: altered, this is no line of a log; take it out to go on")


def _around_seal(data: bytes) -> tuple[memoryview, bytes, memoryview]:
    """What stands before the seal, the seal, and what stands after; without one all stands before."""
    found = _SEAL.search(data)
    start, end = found.span(1) if found else (len(data), len(data))
    view = memoryview(data)
    return view[:start], data[start:end], view[end:]


def as_tensors(prefix: str, module: torch.nn.Module) -> Tensors:
    """A module's parameters and buffers under ``prefix.``."""
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def taken(prefix: str, tensors: Tensors) -> Tensors:
    """The tensors under ``prefix.``, without it."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(prefix + ".")}
