"""The convolutions of a model file, from a prepared square to the last feature map, as a list of layers.

A trunk is what lies between the pixels and a mean over places: convolutions with ReLU6 or without activation, and sums.
A layer is known by a key, a hash of its numbers: an ensemble has a trunk twice, the second time for quick predictions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

HIGHEST = 6.0  # of ReLU6
QUICK = "quick_films"


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution, with ReLU6 if it ``is_clipped``, or a sum of two maps.

    Attributes:
        key: a hash of its numbers.
        inputs, output: the names of tensors.
        weights, bias: float32 [O, I / groups, k, k] and [O]; None for a sum.
        stride, pads, groups: of the convolution; the pads at the top, left, bottom and right.
        is_clipped: whether ReLU6 follows.
        is_float: whether it stays in float32: the first ones, to the first convolution without activation.
        is_last_float: whether it is the last of those.
    """

    key: str
    inputs: tuple[str, ...]
    output: str
    weights: np.ndarray | None = None
    bias: np.ndarray | None = None
    stride: int = 1
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    groups: int = 1
    is_clipped: bool = False
    is_float: bool = False
    is_last_float: bool = False

    @property
    def is_depthwise(self) -> bool:
        """Whether each channel has a kernel of its own."""
        return self.groups > 1

    def of(self, values: Sequence[Tensor], weights: Tensor | None = None) -> Tensor:
        """What it gives for its inputs, before the activation; ``weights``: in place of its own."""
        if self.weights is None:
            return torch.add(*values)
        kernels = torch.from_numpy(self.weights) if weights is None else weights
        bias = torch.from_numpy(self.bias)
        films = (self.padded(values[0][n : n + 1]) for n in range(len(values[0])))  # one at a time: less memory
        return torch.cat([functional.conv2d(film, kernels, bias, self.stride, 0, 1, self.groups) for film in films])

    def activated(self, values: Tensor) -> Tensor:
        """Values after its activation."""
        return values.clamp(0, HIGHEST) if self.is_clipped else values

    def padded(self, values: Tensor) -> Tensor:
        """Its input with zeros around it."""
        top, left, bottom, right = self.pads
        return functional.pad(values, (left, right, top, bottom))


@dataclass(frozen=True, eq=False)
class Trunk:
    """A network's convolutions.

    Attributes:
        input: the tensor that it sees, [N, 1, S, S].
        layers: in the order of their execution.
        pool: the node that takes the mean of what it gives.
        is_quick: whether it is for quick predictions, with the numbers of another.
    """

    input: str
    layers: tuple[Layer, ...]
    pool: Any
    is_quick: bool

    @property
    def output(self) -> str:
        """The tensor that it gives."""
        return self.layers[-1].output


class Graph:
    """The nodes of an ``onnx.ModelProto`` by the tensors that they give and take."""

    def __init__(self, model: Any) -> None:
        from onnx import numpy_helper

        self.nodes = list(model.graph.node)
        self.stored = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
        self.giver = {name: node for node in self.nodes for name in node.output}
        self.takers: dict[str, list[Any]] = {}
        for node in self.nodes:
            for name in node.input:
                self.takers.setdefault(name, []).append(node)

    def above(self, name: str) -> Iterator[str]:
        """The tensors that a tensor comes from, itself first."""
        waiting, seen = [name], set[str]()
        while waiting:
            if (tensor := waiting.pop()) not in seen:
                seen.add(tensor)
                yield tensor
                waiting += self.giver[tensor].input if tensor in self.giver else ()


def trunks_of(model: Any) -> list[Trunk]:
    """The trunks of a model whose normalisation is folded into its convolutions; empty if it has other activations."""
    graph = Graph(model)
    pools = [node for node in graph.nodes if node.op_type == "ReduceMean" and _ends_trunk(graph, node)]
    found = [_trunk(graph, pool) for pool in pools]
    convolutions = {layer.output for trunk in found for layer in trunk.layers if layer.weights is not None}
    return found if len(convolutions) == sum(node.op_type == "Conv" for node in graph.nodes) else []


def _ends_trunk(graph: Graph, pool: Any) -> bool:
    node = graph.giver.get(pool.input[0])
    return node is not None and node.op_type == "Clip"


def _trunk(graph: Graph, pool: Any) -> Trunk:
    inside, layers = _inside(graph, pool.input[0]), list[Layer]()
    by_output: dict[str, Layer] = {}
    is_float, source = True, ""
    for node in (node for node in graph.nodes if node.output[0] in inside):
        if node.op_type == "Clip":
            continue
        seen = tuple(name for name in node.input if name not in graph.stored)
        is_first = node.op_type == "Conv" and seen[0] not in by_output
        if is_first:
            seen = (source := _unrepeated(graph, seen[0]),)
        keys = [by_output[name].key for name in seen if name in by_output]
        layer = _layer(graph, node, seen, keys, is_float=is_float, is_first=is_first)
        is_float = is_float and layer.is_clipped
        layers.append(layer)
        by_output[layer.output] = layer
    return Trunk(source, tuple(layers), pool, QUICK in graph.above(pool.input[0]))


def _inside(graph: Graph, last: str) -> set[str]:
    """The tensors of a trunk: those from convolutions, their activations and sums, back from its last."""
    waiting, inside = [last], set[str]()
    while waiting:
        name = waiting.pop()
        if name in graph.giver and graph.giver[name].op_type in ("Clip", "Conv", "Add") and name not in inside:
            inside.add(name)
            waiting += graph.giver[name].input
    return inside


def _layer(
    graph: Graph, node: Any, seen: tuple[str, ...], keys: Sequence[str], *, is_float: bool, is_first: bool
) -> Layer:
    if node.op_type == "Add":
        return Layer(_key(*(key.encode() for key in keys)), seen, node.output[0])
    from onnx import helper

    said = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    weights = graph.stored[node.input[1]].copy()  # the library's own may not be written to, which torch wants
    bias = graph.stored[node.input[2]].copy() if len(node.input) > 2 else np.zeros(len(weights), np.float32)
    if is_first:  # its channels are all equal
        weights = weights.sum(axis=1, keepdims=True)
    takers = graph.takers[node.output[0]]
    is_clipped = [taker.op_type for taker in takers] == ["Clip"]
    return Layer(
        key=_key(weights.tobytes(), bias.tobytes()),
        inputs=seen,
        output=takers[0].output[0] if is_clipped else node.output[0],
        weights=weights,
        bias=bias,
        stride=said.get("strides", [1])[0],
        pads=tuple(said.get("pads", (0, 0, 0, 0))),
        groups=said.get("group", 1),
        is_clipped=is_clipped,
        is_float=is_float,
        is_last_float=is_float and not is_clipped,
    )


def _unrepeated(graph: Graph, name: str) -> str:
    """The film with one channel, where it is repeated for a network of several."""
    node = graph.giver[name]
    return str(node.input[0]) if node.op_type == "Expand" else name


def _key(*numbers: bytes) -> str:
    return hashlib.sha256(b"|".join(numbers)).hexdigest()[:12]
