"""Weights of an ONNX model stored as float16 or int8: a smaller file, which still computes in float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import BadConfig

TYPES = ("float32", "float16", "int8")
SMALLEST = 64  # values: a tensor with fewer stays float32
SMALLEST_INT8 = 2000  # values: filters with fewer, those of the first layers and the heads, are float16 (`docs/log.md`)


def quantise_weights(model: Any, quantise: str) -> None:
    """Store the float32 weights of an ONNX model as another type, and convert them back when the model is loaded.

    Args:
        model: an ``onnx.ModelProto``, changed in place.
        quantise: ``float32`` (nothing changes), ``float16``, or ``int8``: matrices and filters of at least
            `SMALLEST_INT8` values as integers from -127 to 127 with one scale per output channel, other weights as
            float16.

    Raises:
        BadConfig: another type.
    """
    from onnx import numpy_helper

    if quantise not in TYPES:
        raise BadConfig(f"unknown quantisation {quantise!r}; known: {', '.join(TYPES)}")
    if quantise == "float32":
        return
    nodes = []
    for initializer in list(model.graph.initializer):
        values = numpy_helper.to_array(initializer)
        if values.dtype != np.float32 or values.size < SMALLEST:
            continue
        is_int8 = quantise == "int8" and values.ndim > 1 and values.size >= SMALLEST_INT8
        nodes += (_as_int8 if is_int8 else _as_float16)(model.graph, initializer, values)
    nodes += model.graph.node  # ONNX wants nodes in the order of their execution: conversions first
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _as_float16(graph: Any, initializer: Any, values: np.ndarray) -> list[Any]:
    """Replace a weight by its float16 values; returns the node that casts them back under the weight's name."""
    from onnx import TensorProto, helper, numpy_helper

    name = initializer.name
    initializer.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
    return [helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT)]


def _as_int8(graph: Any, initializer: Any, values: np.ndarray) -> list[Any]:
    """Replace a weight by integers and scales; returns the nodes that multiply them under the weight's name."""
    from onnx import TensorProto, helper, numpy_helper

    name = initializer.name
    scales = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True) / 127
    whole = np.rint(values / np.maximum(scales, np.finfo(np.float32).tiny)).astype(np.int8)
    initializer.CopyFrom(numpy_helper.from_array(whole, f"{name}_whole"))
    graph.initializer.append(numpy_helper.from_array(scales.astype(np.float32), f"{name}_scale"))
    cast = helper.make_node("Cast", [f"{name}_whole"], [f"{name}_float"], to=TensorProto.FLOAT)
    return [cast, helper.make_node("Mul", [f"{name}_float", f"{name}_scale"], [name])]
