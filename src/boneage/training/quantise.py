"""Weights stored in fewer bits than they are computed in: a smaller file, which the runtime unfolds when it loads."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import BadConfig

PRECISIONS = ("float32", "float16", "int8")
LEAST = 64  # values: a smaller tensor stays as it is
FEW = 2000  # values: smaller filters, of the first layers and of the heads, take two bytes each (`docs/log.md`)


def quantised(model: Any, quantise: str) -> None:
    """Change the float32 weights of an ONNX model to ``storage``; its outputs are still computed in float32.

    ``float16``: all of them. ``int8``: matrices and filters of `FEW` values and more as whole numbers of -127 to 127,
    with one scale for each of their first axis (a filter's output channel), and the rest as float16. BadConfig for
    another word.
    """
    from onnx import numpy_helper

    if quantise not in PRECISIONS:
        raise BadConfig(f"unknown storage {quantise!r}; known: {', '.join(PRECISIONS)}")
    if quantise == "float32":
        return
    nodes = []
    for initializer in list(model.graph.initializer):
        values = numpy_helper.to_array(initializer)
        if values.dtype != np.float32 or values.size < LEAST:
            continue
        in_bytes = quantise == "int8" and values.ndim > 1 and values.size >= FEW
        nodes += (_in_bytes if in_bytes else _in_half)(model.graph, initializer, values)
    nodes += model.graph.node
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _in_half(graph: Any, initializer: Any, values: np.ndarray) -> list[Any]:
    """The weights as float16 behind a cast."""
    from onnx import TensorProto, helper, numpy_helper

    name = initializer.name
    initializer.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
    return [helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT)]


def _in_bytes(graph: Any, initializer: Any, values: np.ndarray) -> list[Any]:
    """The weights as int8 behind a cast and a product with their scales."""
    from onnx import TensorProto, helper, numpy_helper

    name = initializer.name
    scales = np.abs(values).max(axis=tuple(range(1, values.ndim)), keepdims=True) / 127
    whole = np.rint(values / np.maximum(scales, np.finfo(np.float32).tiny)).astype(np.int8)
    initializer.CopyFrom(numpy_helper.from_array(whole, f"{name}_whole"))
    graph.initializer.append(numpy_helper.from_array(scales.astype(np.float32), f"{name}_scale"))
    cast = helper.make_node("Cast", [f"{name}_whole"], [f"{name}_float"], to=TensorProto.FLOAT)
    return [cast, helper.make_node("Mul", [f"{name}_float", f"{name}_scale"], [name])]
