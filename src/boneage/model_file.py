"""A model file as bytes: given its own hash, checked, and opened in ONNX Runtime without torch."""

from __future__ import annotations

import ctypes
import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from .config import Config
from .errors import BadConfig, BadModel
from .files import json_value, sha256

FORMAT = 1
METADATA = "boneage"
SEAL = "boneage_file_sha256"
_BLANK = "0" * 64  # in the place of the hash while it is computed
_SEALED = re.compile(SEAL.encode() + rb"\x12@([0-9a-f]{64})")  # in protobuf: field 2, 64 bytes long


def seal(model: Any) -> bytes:
    """The bytes of an ``onnx.ModelProto`` with the file's hash among its metadata.

    The hash is the SHA-256 of the file with 64 zeros in the hash's place. An earlier one is replaced.
    """
    earlier = [entry for entry in model.metadata_props if entry.key == SEAL]
    entry = earlier[0] if earlier else model.metadata_props.add()
    entry.key, entry.value = SEAL, _BLANK
    data = model.SerializeToString()
    return _with_seal(data, sha256(data))


def verified(path: Path) -> bytes:
    """The bytes of a model file; BadModel if it is missing, not exported by boneage, cut short or altered."""
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
    """Open the network of a model file.

    Args:
        data: the bytes of the file.
        path: its path, for error messages.
        threads: how many threads may compute; 0: one for each core.

    Returns:
        An ``onnxruntime.InferenceSession`` and the file's description of itself.

    Raises:
        BadModel: ONNX Runtime cannot run it, or a later, incompatible version of boneage wrote it.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # since 1.32 it reports every session to its maker
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    options.enable_mem_pattern = False  # it holds a fifth more memory, and saves no time
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # see `benchmarks/threads.py`
    try:
        network = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own exceptions share no base
        raise BadModel(f"{path} cannot be run: ONNX Runtime does not accept it") from error
    try:
        values = json_value(network.get_modelmeta().custom_metadata_map[METADATA])
        written = values["format"]
    except (KeyError, TypeError, ValueError):
        raise BadModel(f"{path} does not say what it is: boneage did not write its description") from None
    _give_back()
    if written != FORMAT:
        raise BadModel(f"{path} has format {written}, this version of boneage reads format {FORMAT}")
    return network, values


def folded(data: bytes) -> bytes:
    """A model file with its weights in float32 and normalisation folded into them, as ONNX without its description."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "folded.onnx"
        options.optimized_model_filepath = str(path)
        onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        return path.read_bytes()


def _give_back() -> None:
    """Hand freed memory back to the system: opening a network frees twice its size, of which glibc lets go of none."""
    with suppress(OSError, AttributeError, TypeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def configuration(about: dict[str, Any], path: Path) -> Config:
    """The configuration in a model's description or in ``run.json``; BadModel for settings that are unknown here."""
    try:
        return Config.from_dict(about["config"])
    except BadConfig as error:
        raise BadModel(f"{path} was made by another version of boneage: {error}") from error


def _with_seal(data: bytes, digest: str) -> bytes:
    """The same bytes with another hash of the same length."""
    return _SEALED.sub(lambda found: found[0][:-64] + digest.encode(), data, count=1)
