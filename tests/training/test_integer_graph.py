"""Trunks in integers as ONNX Runtime computes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import helper
from trunks import drawn, little, run

from boneage.training.integer import Whole
from boneage.training.integer_graph import Builder, joined, keep, replace_trunks
from boneage.training.rounding import LARGEST, scales, within_pairs
from boneage.training.trunk import Layer, trunks_of


def whole(layer: Layer) -> Whole:
    """A layer rounded to the nearest, its range far enough."""
    low = 0.0 if layer.is_clipped else -20.0
    high = 6.0 if layer.is_clipped else 20.0
    if layer.weights is None or layer.is_float:
        return Whole(low, high)
    steps = np.abs(layer.weights).max(axis=(1, 2, 3)) / (LARGEST // 2)  # far from what saturates
    weights = np.rint(layer.weights / steps[:, None, None, None]).astype(np.int8)
    return Whole(low, high, weights, steps.astype(np.float32), layer.bias)


def test_integers_say_nearly_what_float32_says() -> None:
    plain, films = little(), drawn(5)
    trunks = trunks_of(plain)
    found = {layer.key: whole(layer) for layer in trunks[0].layers if not layer.is_float or layer.is_last_float}
    model = joined(*replace_trunks(plain, trunks, found))
    kinds = [node.op_type for node in model.graph.node]
    assert (kinds.count("QLinearConv"), kinds.count("QLinearAdd"), kinds.count("Conv")) == (4, 1, 3)
    expected = run(plain, films)
    shifts = np.abs(run(model, films) - expected)
    assert 0 < shifts.mean() < 0.05 * expected.std()


def test_a_byte_at_its_end_is_what_the_activation_clips() -> None:
    """A depthwise and a dense layer whose sums go far below 0 and above 6: without the clip they would differ."""
    plain, films = little(3), 40 * drawn(4, seed=5)
    trunks = trunks_of(plain)
    found = {layer.key: whole(layer) for layer in trunks[0].layers if not layer.is_float or layer.is_last_float}
    features = run(joined(*replace_trunks(plain, trunks, found)), films)
    assert features.min() >= 0
    assert features.max() <= 6 + 1e-5


def test_what_an_output_does_not_need_is_removed() -> None:
    model = little()
    keep(model, ["film"])
    assert [node.op_type for node in model.graph.node] == ["Sub"]
    assert [one.name for one in model.graph.initializer] == ["grey"]
    model = little()
    keep(model, ["features"], given=["g"])
    assert [node.op_type for node in model.graph.node] == ["ReduceMean"]


def test_a_processor_without_vnni_adds_what_was_rounded_for_it_without_saturation() -> None:
    """Bright bytes and large weights; the sums that ONNX Runtime rounds are those of whole numbers, to one step."""
    kernels = torch.randn(32, 64, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)  # many at the ends
    whole = within_pairs(torch.round(kernels / scales(kernels, in_pairs=True)[:, None])).to(torch.int8).numpy()
    seen = np.random.default_rng(0).integers(200, 256, (1, 64, 5, 5), dtype=np.uint8)
    sums = np.einsum("oi,nihw->nohw", whole.astype(np.int64), seen.astype(np.int64))
    step = np.abs(sums).max() / 127
    new = Builder()
    ones = [new.store("one", np.float32(1)), new.store("none", np.uint8(0))]
    weights = [new.store("weights", whole[:, :, None, None]), new.store("steps", np.ones(32, np.float32))]
    ends = [new.store("shift", np.int8(0)), new.store("step", np.float32(step)), new.store("zero", np.uint8(128))]
    new.add("QLinearConv", ["films", *ones, *weights, *ends], "features")
    model = joined(framed("films", seen.shape, "features"), new)
    given = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"films": seen})[0]
    np.testing.assert_allclose(given, np.rint(sums / step) + 128, atol=1)


def framed(takes: str, shape: tuple[int, ...], gives: str) -> Any:
    """A model of bytes that has no nodes yet."""
    ends = [helper.make_tensor_value_info(takes, onnx.TensorProto.UINT8, shape)]
    graph = helper.make_graph([], "framed", ends, [helper.make_tensor_value_info(gives, onnx.TensorProto.UINT8, None)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
