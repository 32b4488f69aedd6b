"""Films and a trunk for tests of how ages by region are trained."""

from __future__ import annotations

import torch

from boneage.models.head import encode
from boneage.models.regional import RegionalNetwork
from boneage.training.tensors import FilmTensors
from boneage.types import Sex

SIZE, FILMS = 64, 6


def films(count: int = FILMS) -> FilmTensors:
    """Montages of noise."""
    shape = (count, SIZE, SIZE)
    pixels = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    ids = tuple(f"film {number}" for number in range(count))
    return FilmTensors(ids, pixels, torch.linspace(40, 200, count), encode([Sex.FEMALE, Sex.MALE] * (count // 2)))


class TorchTrunk:
    """The blocks that stay, without an export, which takes a while: the same maps."""

    def __init__(self, network: RegionalNetwork, blocks: int | None) -> None:
        self.network, self.blocks = network, blocks

    @torch.no_grad()
    def __call__(self, pieces: list[torch.Tensor]) -> list[torch.Tensor]:
        backbone, given = self.network.backbone, map(self.network.normalised, pieces)
        if self.blocks is None:
            return [backbone(x) for x in given]
        return [backbone.blocks[: self.blocks](backbone.stem(x)) for x in given]
