"""The blocks that stay as they are in training: the same maps by ONNX Runtime as by torch."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from regional_training import SIZE, TorchTrunk, films

from boneage.models.regional import RegionalNetwork
from boneage.training.augment import plain
from boneage.training.first_blocks import Trunk
from boneage.training.losses import output
from boneage.training.regions import configuration


def test_the_first_blocks_give_torchs_maps_also_of_the_carpals_alone() -> None:
    config = configuration()
    network = RegionalNetwork(config.model, config.prepare, output(config.train, 0.0, 1.0).outputs, SIZE).eval()
    pieces = [x.flatten(0, 1) for x in network.pieces(plain(films().pixels[:3], SIZE))]
    trunk, own = Trunk(network, 2), TorchTrunk(network, 2)
    for given in (pieces, pieces[:1]):
        found = trunk(given)
        assert len(found) == len(given)
        for one, other in zip(found, own(given), strict=True):
            torch.testing.assert_close(one, other, atol=1e-4 * float(other.abs().max()), rtol=0)
