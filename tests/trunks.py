"""A little network with ReLU6 as an ONNX graph: an inverted bottleneck between two convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

SIDE, WIDTH, WIDE, FEATURES = 16, 8, 16, 24
# What a convolution takes and gives, its name, channels in and out, kernel, stride, and whether ReLU6 follows.
CONVOLUTIONS = (
    ("film", "a", 1, WIDTH, 3, 2, True),
    ("a", "b", WIDTH, WIDTH, 3, 1, True),
    ("b", "c", WIDTH, WIDTH, 1, 1, False),
    ("c", "d", WIDTH, WIDE, 1, 1, True),
    ("d", "e", WIDE, WIDE, 3, 1, True),
    ("e", "f", WIDE, WIDTH, 1, 1, False),
    ("sum", "g", WIDTH, FEATURES, 1, 1, True),
)
DEPTHWISE = ("b", "e")


def little(seed: int = 0, activation: str = "Clip") -> Any:
    """Films float32 ``quick_films`` or, by default, ``films`` [N, 1, 16, 16] to ``features`` [N, 24]."""
    rng, stored, nodes = np.random.default_rng(seed), {"low": np.float32(0), "high": np.float32(6)}, []
    nodes.append(helper.make_node("Sub", ["films", "grey"], ["film"]))
    stored["grey"] = np.float32(0.5)
    for takes, gives, inputs, outputs, kernel, stride, is_clipped in CONVOLUTIONS:
        groups = outputs if gives in DEPTHWISE else 1
        shape = (outputs, inputs // groups, kernel, kernel)
        size = np.prod(shape[1:])
        stored[f"{gives}.weights"] = (rng.normal(size=shape) * 2 / np.sqrt(size)).astype(np.float32)
        stored[f"{gives}.bias"] = rng.normal(0.5, 0.5, outputs).astype(np.float32)
        given = f"{gives}.sums" if is_clipped else gives
        settings = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [kernel // 2] * 4, "group": groups}
        nodes.append(helper.make_node("Conv", [takes, f"{gives}.weights", f"{gives}.bias"], [given], **settings))
        if is_clipped:
            words = [given, "low", "high"] if activation == "Clip" else [given]
            nodes.append(helper.make_node(activation, words, [gives]))
        if gives == "f":
            nodes.append(helper.make_node("Add", ["c", "f"], ["sum"]))
    stored["places"] = np.array([2, 3])
    nodes.append(helper.make_node("ReduceMean", ["g", "places"], ["features"], keepdims=0))
    graph = helper.make_graph(
        nodes,
        "little",
        [helper.make_tensor_value_info("films", TensorProto.FLOAT, ["N", 1, SIDE, SIDE])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", FEATURES])],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def run(model: Any, films: np.ndarray) -> np.ndarray:
    """The features of films by ONNX Runtime, after a check of the graph."""
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["features"], {"films": films})[0]


def drawn(count: int, seed: int = 1) -> np.ndarray:
    """Smooth films float32 [N, 1, 16, 16] in [0, 1]."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((count, 1, SIDE // 4, SIDE // 4)).astype(np.float32)
    return np.kron(coarse, np.ones((4, 4), np.float32)) * 0.9 + rng.random((count, 1, SIDE, SIDE)).astype("f4") * 0.1
