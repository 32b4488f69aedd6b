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
from ..hand.bone_regions import questions
from ..models.regional import RegionalNetwork

FIRST = "readers.0.network."  # before the names of the first member's weights
NETWORK = "network."  # before those of a file of ages by region
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


def regional(path: Path, network: RegionalNetwork) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The weights in a model file of ages by region, by their names in ``network``, and what the file says of itself.

    An export turns the small matrices of a head round and leaves them without names, so they are told by their shapes.
    Those of what is shown lie there as products with the questions of a reading: least squares give matrices that
    answer these questions alike.

    Raises:
        BadModel: the file is damaged, or is of another network.
    """
    import onnx

    data = model_file.verified(path)
    about = model_file.session(data, path, 1)[1]
    stored = _values(onnx.load_model_from_string(data).graph)
    values = {name: torch.from_numpy(value.copy()) for name, value in stored.items()}
    nameless = {value.shape: value for name, value in values.items() if not name.startswith(NETWORK)}
    asked = network.shares(torch.from_numpy(questions()).float())
    found = {}
    for name, own in network.state_dict().items():
        if name.endswith("num_batches_tracked"):
            found[name] = own
            continue
        value = values[NETWORK + name] if NETWORK + name in values else _turned(own.shape, nameless, asked)
        if value is None or value.shape != own.shape:
            raise BadModel(f"{path} holds no network of ages by region that can be trained further")
        found[name] = value.contiguous()
    return found, about


def _turned(shape: torch.Size, values: dict[torch.Size, Tensor], asked: Tensor) -> Tensor | None:
    """A matrix of this shape, from one that was turned round or multiplied with the questions [Q, 15]."""
    if len(shape) != 2:
        return None
    if shape[1] != asked.shape[1]:
        value = values.get(torch.Size(shape[::-1]))
        return None if value is None else value.T
    products = values.get(torch.Size((len(asked), shape[0])))
    return None if products is None else (torch.linalg.pinv(asked) @ products).T


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
