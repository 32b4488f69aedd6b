"""The exported file as bytes: sealed with its own hash, checked and opened without torch."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from .config import Config
from .errors import BadConfig, BadModel
from .files import sha256

FORMAT = 1
METADATA = "boneage"
SEAL = "boneage_file_sha256"
_BLANK = "0" * 64
_SEALED = re.compile(SEAL.encode() + rb"\x12@([0-9a-f]{64})")


def seal(model: Any) -> bytes:
    """Serialise an ONNX model with the hash of the file, taken with the hash's own place blank, among its metadata."""
    earlier = [entry for entry in model.metadata_props if entry.key == SEAL]
    entry = earlier[0] if earlier else model.metadata_props.add()
    entry.key, entry.value = SEAL, _BLANK
    data = model.SerializeToString()
    return _with_seal(data, sha256(data))


def verified(path: Path) -> bytes:
    """The bytes of an exported file; BadModel when it is missing, no such file, cut short or altered by a bit."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadModel(f"{path} cannot be read: {error.strerror}") from error
    found = _SEALED.search(data)
    if found is None:
        raise BadModel(f"{path} is no model exported by boneage, or is cut short")
    if sha256(_with_seal(data, _BLANK)) != found[1].decode():
        raise BadModel(f"{path} is cut short or altered: its content does not match its own hash")
    return data


def session(data: bytes, path: Path, threads: int) -> tuple[Any, dict[str, Any]]:
    """The network of an exported file, ready to run, and what the file says of itself.

    ``threads``: how many it may use; 0: all cores. BadModel if it cannot be run, or was written by a later,
    incompatible version.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # from 1.32 on it tells its maker of every session otherwise
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # see `benchmarks/threads.py`
    try:
        network = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own exceptions share no base
        raise BadModel(f"{path} cannot be run: {str(error).splitlines()[0]}") from error
    values = json.loads(network.get_modelmeta().custom_metadata_map[METADATA])
    if values["format"] != FORMAT:
        raise BadModel(f"{path} has format {values['format']}, this version of boneage reads format {FORMAT}")
    return network, values


def configuration(record: dict[str, Any], path: Path) -> Config:
    """The configuration in the record of a model; BadModel if it has settings that this version does not know."""
    try:
        return Config.from_dict(record["config"])
    except BadConfig as error:
        raise BadModel(f"{path} was made by another version of boneage: {error}") from error


def _with_seal(data: bytes, digest: str) -> bytes:
    return _SEALED.sub(lambda found: found[0][:-64] + digest.encode(), data, count=1)
