"""The files of a run folder, written and checked.

weights.safetensors   the best weights so far, averaged ones with ``train.ema``
run.json              configuration, data, metrics and versions, with the hashes of the weights and of itself
state.safetensors     everything that resuming needs, in one file so that it is whole or absent
log.jsonl             one JSON line per epoch
tensorboard           the same numbers for TensorBoard, with ``train.tensorboard``
start                 the run folder of the recipe in ``train.start``, which was trained first
model.onnx            the model file, written when training ends or by ``boneage export``
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ..errors import BadConfig, BadModel, CannotWrite
from ..files import LEFTOVERS, json_value, replacing, sha256, write_bytes
from ..run_folder import load_both, save_both, whole

STATE, LOG = "state.safetensors", "log.jsonl"
BOARD, START = "tensorboard", "start"

Tensors = dict[str, Tensor]

_BLANK = b"0" * 64  # in the place of the hash while it is computed
_HASH = re.compile(rb'"sha256":"([0-9a-f]{64})"')


def is_empty(folder: Path) -> bool:
    """Whether a folder exists and its run has not begun.

    It may hold half-written files of a process that was killed, and the run that this one will begin with.
    """
    return folder.is_dir() and all(path.match(LEFTOVERS) or path.name == START for path in folder.iterdir())


def has_begun(folder: Path) -> bool:
    """Whether there is a run to resume, or something else in its place; not if the folder is absent or `is_empty`."""
    return folder.exists() and not is_empty(folder)


def refuse_existing(folder: Path) -> None:
    """CannotWrite unless ``folder`` is absent or empty."""
    if has_begun(folder):
        raise CannotWrite(f"{folder} exists already: choose another --out, or continue it with --resume")


def create(folder: Path) -> None:
    """Create a run folder and its parents; CannotWrite if it holds anything."""
    refuse_existing(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(f"{folder} cannot be made: {error.strerror}") from error


def save_weights(folder: Path, weights: Tensors, summary: dict[str, Any]) -> dict[str, Any]:
    """Write the weights and ``run.json``, the two as one; returns the content of the latter. Raises CannotWrite."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    return save_both(folder, save(plain), summary)


def load_weights(folder: Path) -> tuple[Tensors, dict[str, Any]]:
    """The weights and the content of ``run.json``, both checked against their hashes; BadModel if one fails."""
    data, run = load_both(folder)
    return load(data), run


def save_state(folder: Path, tensors: Tensors, values: dict[str, Any]) -> None:
    """Write tensors and JSON values as one file, atomically.

    The file contains its own hash, which is that of the file with zeros in the hash's place.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    data = save(plain, metadata={"state": json.dumps(values), "sha256": _BLANK.decode()})
    before, _, after = _around_hash(data)
    with replacing(folder / STATE) as temporary, temporary.open("wb") as file:
        file.writelines((before, sha256(data).encode(), after))


def load_state(folder: Path) -> tuple[Tensors, dict[str, Any]]:
    """What `save_state` wrote; BadModel if it is absent, cut short or altered."""
    path = folder / STATE
    if not path.is_file():
        raise BadModel(f"{folder} has nothing to resume: it has no {STATE}")
    data = whole(path)
    before, claimed, after = _around_hash(data)
    if sha256(before, _BLANK, after).encode() != claimed:
        raise BadModel(f"{path} is cut short or altered: its content does not match its own hash")
    try:
        # A safetensors file begins with the length of its JSON header, in eight bytes.
        header = json_value(data[8 : 8 + int.from_bytes(data[:8], "little")])
        return load(data), json_value(header["__metadata__"]["state"])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BadModel(f"{path} holds no state of a run") from error


def append_log(folder: Path, line: dict[str, Any], *, tensorboard: bool = False) -> None:
    """Append a JSON line to the log and, if asked, its numbers to TensorBoard's; CannotWrite."""
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
    """TensorBoard's ``SummaryWriter`` class; BadConfig if it cannot be imported."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise BadConfig("train.tensorboard needs boneage[tensorboard], which cannot be imported") from error
    return SummaryWriter


def cut_log(folder: Path, step: int) -> None:
    """Remove the lines after ``step`` and a last line cut short, because a resumed run writes them again."""
    lines = [line for line in read_log(folder) if line["step"] <= step]
    write_bytes(folder / LOG, "".join(json.dumps(line) + "\n" for line in lines).encode())


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The log's lines, without a last one that a killed process left incomplete.

    BadModel, with its number, for a line that is none of a log.
    """
    path = folder / LOG
    lines = whole(path).splitlines(keepends=True) if path.exists() else []
    return [_logged(path, number, line) for number, line in enumerate(lines, 1) if line.endswith(b"\n")]


def _logged(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        values = json_value(line)
        if isinstance(values, dict) and isinstance(values.get("step"), int):
            return values
    except ValueError:
        pass
    raise BadModel(f"{path}, line {number}: altered, this is no line of a log; take it out to go on")


def _around_hash(data: bytes) -> tuple[memoryview, bytes, memoryview]:
    """The bytes before the hash, the hash, and the bytes after it; if there is none, all bytes are before it."""
    found = _HASH.search(data)
    start, end = found.span(1) if found else (len(data), len(data))
    view = memoryview(data)
    return view[:start], data[start:end], view[end:]


def prefixed(prefix: str, tensors: Tensors) -> Tensors:
    """The same tensors with ``prefix.`` before their names."""
    return {f"{prefix}.{name}": tensor for name, tensor in tensors.items()}


def unprefixed(prefix: str, tensors: Tensors) -> Tensors:
    """Those tensors whose names begin with ``prefix.``, under names without it."""
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(prefix + ".")}
