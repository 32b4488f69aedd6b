"""The parts of a run folder that can be read without torch, checked against their hashes.

Weights and ``run.json`` are two files and change as one: new weights are first written as `NEXT`, then ``run.json``,
then they take their name. So whenever the writer is killed, the weights of ``run.json`` are there, by one name or the
other.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from .errors import BadModel, CannotWrite
from .files import json_bytes, json_value, sha256, sha256_json, sync_folder, write_bytes

WEIGHTS, RUN, MODEL = "weights.safetensors", "run.json", "model.onnx"
NEXT = "weights.next.safetensors"  # new weights, until their ``run.json`` is written


def load_run(folder: Path) -> dict[str, Any]:
    """The content of ``run.json`` without its own hash; BadModel if it is absent, cut short or altered."""
    path = folder / RUN
    if not path.is_file():
        raise BadModel(f"{folder} is not a run folder: it has no {RUN}")
    data = whole(path)
    try:
        run = json_value(data)
        # The hash is that of the values; comparing the bytes also finds changed white space.
        intact = isinstance(run, dict) and data == json_bytes(run)
    except ValueError:
        intact = False
    if not intact or run.pop("run_sha256", "") != sha256_json(run):
        raise BadModel(f"{path} is cut short or altered: its content does not match its own hash")
    return run


def load_both(folder: Path) -> tuple[bytes, dict[str, Any]]:
    """The bytes of the weights and the content of ``run.json``, which belong together; BadModel if they do not."""
    run = load_run(folder)
    try:
        return weights_of(folder, run), run
    except BadModel:
        now = load_run(folder)
        if now == run:
            raise
        return weights_of(folder, now), now  # a training wrote better ones just then


def weights_of(folder: Path, run: dict[str, Any]) -> bytes:
    """The bytes of the weights; BadModel if they are absent, or not those of ``run``, the content of ``run.json``."""
    for name in (NEXT, WEIGHTS):
        if name == WEIGHTS or (folder / name).is_file():
            data = whole(folder / name)
            if sha256(data) == run.get("weights_sha256"):
                return data
    raise BadModel(f"{folder / WEIGHTS} is cut short or altered: its hash is not the one in {RUN}")


def save_both(folder: Path, weights: bytes, summary: dict[str, Any]) -> dict[str, Any]:
    """Write the weights, and the run's summary with both hashes as ``run.json``; returns the content of the latter.

    A process killed in the midst of it leaves the earlier two or these two, see `settle`. Raises CannotWrite.
    """
    run = summary | {"weights_sha256": sha256(weights)}
    run["run_sha256"] = sha256_json(run)
    write_bytes(folder / NEXT, weights)
    write_bytes(folder / RUN, json_bytes(run))
    settle(folder)
    return run


def settle(folder: Path) -> None:
    """End what a killed `save_both` began: new weights take their name, or go if their ``run.json`` was not written.

    Only for the process that trains in the folder. Raises CannotWrite.
    """
    following = folder / NEXT
    if not following.is_file():
        return
    try:
        if _are_recorded(following):
            os.replace(following, folder / WEIGHTS)
        else:
            following.unlink()
    except OSError as error:
        raise CannotWrite(f"{folder / WEIGHTS} cannot be written: {error.strerror}") from error
    sync_folder(folder)


def _are_recorded(weights: Path) -> bool:
    """Whether these are the weights of the ``run.json`` beside them."""
    with suppress(BadModel):
        return sha256(whole(weights)) == load_run(weights.parent).get("weights_sha256")
    return False


def whole(path: Path) -> bytes:
    """The bytes of a file; BadModel, with the reason, if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadModel(f"{path} cannot be read: {error.strerror}") from error
