"""Run folders of networks that were not trained, and films to read with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from boneage.config import Config, PrepareConfig
from boneage.data.phantom import draw
from boneage.hand.prepare import prepare
from boneage.models.head import Network, encode
from boneage.training import checkpoint
from boneage.training.losses import output
from boneage.types import Radiograph, Sex

N = 24
SEXES = [(Sex.FEMALE, Sex.MALE, Sex.UNKNOWN)[i % 3] for i in range(N)]


def films(spec: PrepareConfig) -> np.ndarray:
    """Fresh phantoms, prepared: uint8 [24, S, S]."""
    hands = [draw(np.random.default_rng([9, i]), size=96).pixels / np.float32(255) for i in range(N)]
    return np.stack([prepare(Radiograph(hand, "phantom", "0" * 64, "PNG"), spec) for hand in hands])


def untrained(folder: Path, config: Config) -> Path:
    """A run folder of a network as it starts, with statistics that let it tell films apart."""
    torch.manual_seed(4)
    network = Network(config.model, config.prepare, output(config.train, 120.0, 40.0).outputs, 4.5)
    torch.nn.init.normal_(network.head.last.weight, std=0.3)
    hands = torch.from_numpy(films(config.prepare)[:, None]) / 255
    for _ in range(20):
        network(hands, encode(SEXES))
    summary = {"config": config.to_dict(), "data": {"sha256": ""}, "validation_mae": None, "epoch": 0, "versions": {}}
    checkpoint.create(folder)
    checkpoint.save_weights(folder, network.state_dict(), summary | {"output": {"centre": 120.0, "scale": 40.0}})
    return folder
