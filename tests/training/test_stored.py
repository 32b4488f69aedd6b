"""The way back from a model file: what was stored as eight bits is a network again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hands import hand

from boneage import Predictor, Sex, read
from boneage.errors import BadModel
from boneage.hand.prepare import prepare
from boneage.models.head import Network, encode
from boneage.models.regional import RegionalNetwork
from boneage.reading import weights
from boneage.reading.regional import Regional
from boneage.training.losses import output
from boneage.training.regions import configuration, predict
from boneage.training.stored import first_member, regional


def test_the_shipped_ensembles_first_member_reads_as_in_the_file() -> None:
    """Of the file a quick prediction is that member's alone, at three quarters of its side."""
    config = configuration()
    meaning = output(config.train, 0.0, 1.0)
    network = Network(config.model, config.prepare, meaning.outputs).eval()
    network.load_state_dict(first_member(weights.find("best")))
    film, shipped = read(hand()), Predictor.load("best")
    both = prepare(film, shipped.spec)[None]
    montage = torch.from_numpy(both[:, :, 384:].copy())
    with torch.no_grad():
        small = torch.nn.functional.interpolate(
            montage[:, None].float() / 255, size=(288, 288), mode="bilinear", antialias=True, align_corners=False
        )
        months = float(meaning.months(network(small, encode([Sex.FEMALE])).age)[0])
    assert months == pytest.approx(float(shipped.quick_prediction(both, [Sex.FEMALE])[0]), abs=0.05)


def test_a_single_network_is_not_an_ensembles_member(tiny_model: Path) -> None:
    with pytest.raises(BadModel, match="holds no network that can be trained further"):
        first_member(tiny_model)


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    model = tmp_path / "cut.onnx"
    model.write_bytes(weights.find("best").read_bytes()[:5000])
    with pytest.raises(BadModel, match="cut short"):
        first_member(model)


def test_every_weight_has_the_shape_of_the_networks() -> None:
    config = configuration()
    own = Network(config.model, config.prepare, output(config.train, 0.0, 1.0).outputs).state_dict()
    found = first_member(weights.find("best"))
    shapes = {name: tuple(value.shape) for name, value in own.items() if not name.endswith("num_batches_tracked")}
    assert {name: tuple(value.shape) for name, value in found.items()} == shapes
    assert all(value.dtype == torch.float32 and np.isfinite(value.numpy()).all() for value in found.values())


def test_a_network_of_ages_by_region_answers_as_the_file_it_is_taken_from() -> None:
    config, shipped = configuration(), Regional.load()
    meaning = output(config.train, 0.0, 1.0)
    network = RegionalNetwork(config.model, config.prepare, meaning.outputs, shipped.about["schedule"]["size"])
    found, about = regional(weights.find("regions"), network)
    network.load_state_dict(found)
    assert about["weights_sha256"] == shipped.weights_sha256
    side, sexes = config.prepare.size, [Sex.MALE, Sex.UNKNOWN]
    montages = np.random.default_rng(0).integers(0, 255, (2, side, side), dtype=np.uint8)
    expected = shipped.predict(montages, sexes)
    answers = predict(network, meaning, torch.from_numpy(montages), encode(sexes))
    for own, others in zip(answers, expected, strict=True):
        np.testing.assert_allclose(own, others, atol=0.1)


def test_a_file_without_regions_is_none_of_ages_by_region() -> None:
    config = configuration()
    network = RegionalNetwork(config.model, config.prepare, output(config.train, 0.0, 1.0).outputs, 64)
    with pytest.raises(BadModel, match="holds no network of ages by region"):
        regional(weights.find("best"), network)
