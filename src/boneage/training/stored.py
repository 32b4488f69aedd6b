"""The way back from a model file to the weights of a network that can be trained further.

A shipped file holds its weights as eight-bit numbers and, of an ensemble, those of several networks. Only a member
whose batch normalisation was not folded into its convolutions, which is the first of an ensemble, can be taken back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import model_file
from ..errors import BadModel

FIRST = "readers.0.network."  # before the names of the first member's weights
RENAMED = {"spread.": "expected_error."}  # names that have changed since files were shipped


def first_member(path: Path) -> dict[str, Tensor]:
    """The weights of the first network in a model file, float32, by their names in `boneage.models.head.Network`.

    Raises:
        BadModel: the file is damaged, or its weights have other names.
    """
    import onnx

    graph = onnx.load_model_from_string(model_file.verified(path)).graph
    values = _values(graph)
    found = {name.removeprefix(FIRST): value for name, value in values.items() if name.startswith(FIRST)}
    if not any(name.endswith("running_var") for name in found):
        raise BadModel(f"{path} holds no network that can be trained further")
    return {_renamed(name): torch.from_numpy(value.copy()) for name, value in found.items()}


def _values(graph: Any) -> dict[str, np.ndarray]:
    """The weights of a graph as float32, whatever they are stored as (see `boneage.training.quantise`)."""
    from onnx import numpy_helper

    stored = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    found = {}
    for name, value in stored.items():
        if name.endswith("_whole"):
            plain = name.removesuffix("_whole")
            found[plain] = value.astype(np.float32) * stored[f"{plain}_scale"]
        elif not name.endswith("_scale"):
            found[name.removesuffix("_half")] = value.astype(np.float32)
    return found


def _renamed(name: str) -> str:
    for old, new in RENAMED.items():
        name = new + name.removeprefix(old) if name.startswith(old) else name
    return name
