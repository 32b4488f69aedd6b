"""The graph of a model file with its trunks in integers: QLinearConv and QLinearAdd of ONNX Runtime."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper, numpy_helper

from .trunk import HIGHEST, Layer, Trunk

if TYPE_CHECKING:
    from .integer import Whole

RUNTIME = "com.microsoft"  # the domain of QLinearAdd


class Builder:
    """Nodes and stored tensors that are being collected, each stored tensor once."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.stored: dict[str, Any] = {}

    def store(self, name: str, values: Any) -> str:
        """Store a tensor under a name; returns the name."""
        self.stored[name] = numpy_helper.from_array(np.asarray(values), name)
        return name

    def add(self, kind: str, inputs: Sequence[str], output: str, **settings: Any) -> str:
        """Append a node; returns its output."""
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **settings))
        return output


def replace_trunks(plain: Any, trunks: Sequence[Trunk], found: Mapping[str, Whole]) -> tuple[Any, Builder]:
    """The model without its trunks, whose means take the names of new tensors, and the trunks that give those."""
    heads, new = deepcopy(plain), Builder()
    pools = {pool.output[0]: pool for pool in heads.graph.node if pool.op_type == "ReduceMean"}
    ends = {}
    for number, trunk in enumerate(trunks):
        ends[trunk.pool.output[0]] = _write(new, trunk, found, f"trunk{number}")
    for name, end in ends.items():
        pools[name].input[0] = end
    keep(heads, [*(one.name for one in heads.graph.output), *(trunk.input for trunk in trunks)], given=ends.values())
    return heads, new


def joined(heads: Any, trunks: Builder) -> Any:
    """One model of both, its nodes in the order of their execution."""
    graph, nodes = heads.graph, [*heads.graph.node, *trunks.nodes]
    graph.initializer.extend(trunks.stored.values())
    ready = {one.name for one in (*graph.input, *graph.initializer)} | {""}
    del graph.node[:]
    while nodes:
        now = [node for node in nodes if ready.issuperset(node.input)]
        assert now, "a tensor is missing"
        graph.node.extend(now)
        ready.update(name for node in now for name in node.output)
        nodes = [node for node in nodes if not ready.issuperset(node.output)]
    if all(one.domain != RUNTIME for one in heads.opset_import):
        heads.opset_import.append(helper.make_opsetid(RUNTIME, 1))
    return heads


def keep(model: Any, names: Iterable[str], given: Iterable[str] = ()) -> None:
    """Remove what these tensors do not need; ``given``: tensors that will come from elsewhere."""
    graph, needed, have = model.graph, set(names), set(given)
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output) - have:
            kept.append(node)
            needed.update(node.input)
    stored = [one for one in graph.initializer if one.name in needed]
    for field, rest in ((graph.node, kept[::-1]), (graph.initializer, stored), (graph.value_info, [])):
        del field[:]
        field.extend(rest)


def _write(new: Builder, trunk: Trunk, found: Mapping[str, Whole], name: str) -> str:
    """Write a trunk's nodes; returns the tensor float32 that it gives."""
    at = {trunk.input: trunk.input}  # the new name of each tensor
    made_by: dict[str, str] = {}  # the key of the layer that gives it
    for layer in trunk.layers:
        inputs, output = [at[one] for one in layer.inputs], f"{name}_{layer.key}"
        if layer.is_float:
            output = _float(new, layer, inputs[0], output)
        else:
            keys = [made_by[one] for one in layer.inputs]
            output = _integer(new, layer, found, list(zip(inputs, keys, strict=True)), output)
        if layer.is_last_float:
            output = new.add("QuantizeLinear", [output, *_range(new, layer.key, found)], f"{output}_bytes")
        at[layer.output], made_by[layer.output] = output, layer.key
    return new.add("DequantizeLinear", [output, *_range(new, layer.key, found)], f"{name}_maps")


def _float(new: Builder, layer: Layer, film: str, output: str) -> str:
    """A convolution in float32, with its activation."""
    numbers = [new.store(f"{layer.key}_weights", layer.weights), new.store(f"{layer.key}_bias", layer.bias)]
    given = new.add("Conv", [film, *numbers], f"{output}_sums" if layer.is_clipped else output, **_geometry(layer))
    if not layer.is_clipped:
        return given
    ends = [new.store("lowest", np.float32(0)), new.store("highest", np.float32(HIGHEST))]
    return new.add("Clip", [given, *ends], output)


def _integer(
    new: Builder, layer: Layer, found: Mapping[str, Whole], inputs: Sequence[tuple[str, str]], output: str
) -> str:
    """A layer in integers; ``inputs``: the tensors and the keys of the layers that give them.

    It needs no activation: a byte holds nothing beyond its ends, which are those of ReLU6.
    """
    seen = [part for name, key in inputs for part in (name, *_range(new, key, found))]
    own, whole = _range(new, layer.key, found), found[layer.key]
    if layer.weights is None:
        return new.add("QLinearAdd", [*seen, *own], output, domain=RUNTIME)
    assert whole.steps is not None
    assert whole.bias is not None
    unit = found[inputs[0][1]].step * whole.steps
    kernels = [
        new.store(f"{layer.key}_weights", whole.weights),
        new.store(f"{layer.key}_steps", whole.steps),
        new.store("no_shift", np.int8(0)),
    ]
    bias = new.store(f"{layer.key}_bias", np.rint(whole.bias / unit).astype(np.int32))
    return new.add("QLinearConv", [*seen, *kernels, *own, bias], output, **_geometry(layer))


def _range(new: Builder, key: str, found: Mapping[str, Whole]) -> list[str]:
    """The step and the zero of a layer's output."""
    return [new.store(f"{key}_step", found[key].step), new.store(f"{key}_zero", found[key].zero)]


def _geometry(layer: Layer) -> dict[str, Any]:
    assert layer.weights is not None
    return {
        "kernel_shape": list(layer.weights.shape[2:]),
        "strides": [layer.stride] * 2,
        "pads": list(layer.pads),
        "dilations": [1, 1],
        "group": layer.groups,
    }
