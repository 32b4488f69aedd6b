"""Weights stored in fewer bits: how much smaller the file is, and how much the months move."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny import tiny_config

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from untrained import SEXES, films, untrained

from boneage.errors import BadConfig
from boneage.model_file import seal
from boneage.reading.predictor import Predictor
from boneage.training.export import export
from boneage.training.quantise import SMALLEST, SMALLEST_INT8, quantise_weights


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file in float32."""
    folder = tmp_path_factory.mktemp("full")
    return export(untrained(folder / "run", tiny_config("model.hidden=256")), folder / "full.onnx")


def smaller(full: Path, out: Path, word: str) -> Path:
    """The same model file with its weights in another type."""
    model = onnx.load(full)
    quantise_weights(model, word)
    out.write_bytes(seal(model))
    return out


def months_of(*paths: Path) -> list[np.ndarray]:
    """What model files of one preparation read from the same films."""
    reads = [Predictor.load(path) for path in paths]
    return [predictor.months(films(reads[0].spec), SEXES) for predictor in reads]


def test_sixteen_bits_cost_half_the_size_and_no_accuracy(full: Path, tmp_path: Path) -> None:
    half = smaller(full, tmp_path / "half.onnx", "float16")
    assert half.stat().st_size < 0.65 * full.stat().st_size
    months = months_of(full, half)
    np.testing.assert_allclose(months[1], months[0], atol=0.1)
    assert not np.array_equal(*months)


def test_eight_bits_cost_three_quarters_of_the_size_and_little_accuracy(full: Path, tmp_path: Path) -> None:
    small = smaller(full, tmp_path / "small.onnx", "int8")
    assert small.stat().st_size < 0.4 * full.stat().st_size
    months = months_of(full, small)
    shifts = np.abs(months[0] - months[1])
    assert 0 < shifts.mean() < 0.03 * np.ptp(months[0])


def test_another_type_is_named() -> None:
    with pytest.raises(BadConfig, match="unknown quantisation 'int4'; known: float32, float16, int8"):
        quantise_weights(onnx.ModelProto(), "int4")


def model_of(**weights: np.ndarray) -> onnx.ModelProto:
    """A model that has these weights and no nodes."""
    tensors = [onnx.numpy_helper.from_array(values, name) for name, values in weights.items()]
    return onnx.helper.make_model(onnx.helper.make_graph([], "weights", [], [], tensors))


def test_each_weight_has_its_type_and_comes_back_under_its_name() -> None:
    rng = np.random.default_rng(0)
    filters = rng.normal(size=(4, SMALLEST_INT8)).astype(np.float32) * [[1], [10], [100], [0]]
    weights = {
        "filters": filters.astype(np.float32),
        "vector": np.ones(SMALLEST_INT8, np.float32),
        "few": np.ones((8, SMALLEST), np.float32),
        "scalar": np.ones(1, np.float32),
        "whole": np.ones(SMALLEST_INT8, np.int64),
    }
    model = model_of(**weights)
    quantise_weights(model, "int8")
    stored = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    types = {name: values.dtype.name for name, values in stored.items()}
    assert types == {
        "filters_whole": "int8", "filters_scale": "float32", "vector_half": "float16",
        "few_half": "float16", "scalar": "float32", "whole": "int64",
    }  # fmt: skip
    back = stored["filters_whole"].astype(np.float32) * stored["filters_scale"]
    steps = np.abs(filters).max(axis=1, keepdims=True) / 127
    assert (np.abs(back - filters) <= steps / 2 * 1.001).all()
    assert {name for node in model.graph.node for name in node.output} >= {"filters", "vector", "few"}
