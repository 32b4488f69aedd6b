"""A tiny network of ages by region that was not trained, and tables for it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from boneage.config import Config, ModelConfig, PrepareConfig, TrainConfig
from boneage.hand.bone_regions import REGIONS, questions
from boneage.reading.regional_tables import AGES, Tables
from boneage.types import Interval, RegionalAge, RegionalAges, Sex

if TYPE_CHECKING:
    from boneage.models.regional import RegionalNetwork

SIZE = 64  # pixels: a montage with cells of 16
SEXES = [sex.value for sex in Sex]
SLIM = 4.0  # months: a usual error


def tiny_regions() -> Config:
    """The configuration of a network with a small backbone on small montages."""
    model = ModelConfig(name="tiny", hidden=8, sex_loss=0.2, expected_error_loss=0.1)
    prepare = PrepareConfig(size=SIZE, hand=True, joints=True, channels=1)
    return Config("regions", prepare=prepare, model=model, train=TrainConfig(loss="distribution"))


def tables(usual: float = SLIM, *, mean: float = 0.0, spread: float = 1.0, limit: float = 2.5) -> Tables:
    """Tables that say the same at every age, of every region and sex."""

    def rows(count: int, value: float) -> dict[str, np.ndarray]:
        return {sex: np.full((count, len(AGES)), value) for sex in SEXES}

    asked, regions = len(questions()), len(REGIONS)
    factors = {word: np.full(asked, 2.0) for word in ("known", "unknown")}
    limits = {word: np.full(regions, limit) for word in factors}
    return Tables(rows(asked, usual), factors, rows(regions, mean), rows(regions, spread), limits)


def settled(network: RegionalNetwork) -> RegionalNetwork:
    """An untrained network in evaluation mode, with statistics and a last layer that let it tell montages apart."""
    import torch

    torch.nn.init.normal_(network.head.last.weight, std=2.0)
    asked = torch.from_numpy(questions()).float()
    for seed in range(20):
        coarse = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
        network.train()(torch.nn.functional.interpolate(coarse, size=(SIZE, SIZE)), torch.zeros(8, 2), asked)
    return network.eval()


def regional_run(folder: Path) -> Path:
    """The run folder of a tiny network as it starts."""
    import torch

    from boneage.models.regional import RegionalNetwork
    from boneage.training import checkpoint
    from boneage.training.losses import output

    torch.manual_seed(3)
    config = tiny_regions()
    network = RegionalNetwork(config.model, config.prepare, output(config.train, 0.0, 1.0).outputs, SIZE)
    data = {"folder": "films", "train": 51, "validation": 6, "sha256": ""}
    summary = {"config": config.to_dict(), "schedule": {"size": SIZE}, "data": data, "versions": {}}
    checkpoint.create(folder)
    checkpoint.save_weights(folder, settled(network).state_dict(), summary)
    return folder


@cache
def told() -> RegionalAges:
    """Ages by region: an unusual one, one without a difference, one that is not informative, and usual ones."""
    usual = RegionalAge("radius_ulna", 118.0, Interval(0.9, 100.0, 136.0), -2.5, 5.0, (-12.0, 14.0))
    ages = [
        RegionalAge("carpals", 96.0, Interval(0.9, 70.0, 122.0), -24.5, 7.0, (-18.0, 16.0)),
        usual,
        RegionalAge("short_bones", 120.5, Interval(0.9, 105.0, 136.0)),
        RegionalAge("ray_i"),
        *(replace(usual, region=region.key) for region in REGIONS[4:]),
    ]
    return RegionalAges("regions", "ab" * 32, tuple(ages))
