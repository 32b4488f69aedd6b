"""A model file in integers: it reads as the other, and says what it was made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny import tiny_config

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from untrained import SEXES, untrained
from untrained import films as prepared_films

from boneage.data.dataset import Sample, open_folder
from boneage.errors import BadConfig, BadModel, BadTable
from boneage.models import efficientnet_lite
from boneage.reading.predictor import Predictor
from boneage.training.export import export
from boneage.training.integer import quantise

FEW = 6
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24))  # of seven: a deep network takes long to round


@pytest.fixture(scope="module")
def samples(films: Path) -> list[Sample]:
    return list(open_folder(films).samples)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, samples: list[Sample]) -> tuple[Path, Path]:
    """An ensemble of two small networks with ReLU6, in float32 and in integers."""
    place = tmp_path_factory.mktemp("integers")
    config = tiny_config("model.name=efficientnet_lite0", "model.pretrained=none", "prepare.size=64")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(efficientnet_lite, "STAGES", STAGES)
        patch.setattr(efficientnet_lite, "HEAD", 64)
        patch.setattr(efficientnet_lite.EfficientNetLite, "features", 64)
        runs = [untrained(place / "run", config)]
        plain = export([*runs, *runs], place / "plain.onnx")
    quantise(plain, samples, place / "fast.onnx", films=FEW)
    return plain, place / "fast.onnx"


def test_it_reads_as_the_network_in_float32(models: tuple[Path, Path]) -> None:
    plain, fast = map(Predictor.load, models)
    pixels = prepared_films(plain.spec)
    for read in (lambda one: one.months(pixels, SEXES), lambda one: one.quick_prediction(pixels, SEXES)):
        expected = read(plain)
        shifts = np.abs(read(fast) - expected)
        assert 0 < shifts.mean() < 0.1 * np.ptp(expected)
    assert fast.features(pixels[:2]).shape == plain.features(pixels[:2]).shape


def test_its_weights_are_stored_once_and_in_bytes(models: tuple[Path, Path]) -> None:
    sizes = [path.stat().st_size for path in models]
    assert sizes[1] < 0.5 * sizes[0]
    graph = onnx.load(models[1]).graph
    kernels = [node.input[3] for node in graph.node if node.op_type == "QLinearConv"]
    stored = {one.name: one.data_type for one in graph.initializer}
    assert {stored[name] for name in kernels} == {onnx.TensorProto.INT8}
    assert len(kernels) == 3 * len(set(kernels))  # twice in the ensemble, which has one network twice, and quickly


def test_it_says_what_it_was_made_of(models: tuple[Path, Path], samples: list[Sample]) -> None:
    plain, fast = map(Predictor.load, models)
    assert fast.about["quantise"] == "integer"
    assert fast.weights_sha256 != plain.weights_sha256
    how = fast.about["integer"]
    assert how["of"] == plain.weights_sha256
    assert len(how["films"]) == FEW
    assert {sample.id for sample in samples} >= set(how["films"])
    assert how["layers"] > 0
    assert fast.about["config"] == plain.about["config"]


def test_the_same_films_give_the_same_file(models: tuple[Path, Path], samples: list[Sample], tmp_path: Path) -> None:
    again = tmp_path / "again.onnx"
    quantise(models[0], samples, again, films=FEW)
    assert again.read_bytes() == models[1].read_bytes()


def test_what_cannot_be_made_is_said(
    models: tuple[Path, Path], tiny_model: Path, samples: list[Sample], tmp_path: Path
) -> None:
    out = tmp_path / "out.onnx"
    with pytest.raises(BadModel, match="computes in integers already"):
        quantise(models[1], samples, out, films=FEW)
    with pytest.raises(BadConfig, match="only networks with ReLU6 can"):
        quantise(tiny_model, samples, out, films=FEW)
    with pytest.raises(BadTable, match="2 films can be read, of 6 that are needed"):
        quantise(models[0], samples[:2], out, films=FEW)
    assert not out.exists()
