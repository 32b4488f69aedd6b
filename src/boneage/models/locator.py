"""The network of the locator: for each landmark a map of places, and the probability that it is not in the picture.

The first eleven blocks of EfficientNet-Lite0, of stride 16; a summary of the whole picture is added at every place, and
the finer maps of stride 8 are added after enlarging.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ..hand.landmarks import LANDMARKS
from .efficientnet_lite import EfficientNetLite, SameConv, Unit, imagenet_weights

FINE, BLOCKS = 5, 11  # blocks up to stride 8 with 40 channels, and up to stride 16 with 112
WIDTH = 64
STRIDE = 8


class LocatorNetwork(nn.Module):
    """Float films [N, 1, S, S] in [0, 1], S a multiple of 16, to logits.

    Returns:
        places: [N, 21, (S / 8)² + 1], the logits of each cell of a grid, row by row, and last of "not in the picture",
            for a softmax.
        inverted: [N], the logit of the film showing bone dark.
    """

    def __init__(self, pretrained: bool = False) -> None:
        super().__init__()
        trunk = EfficientNetLite(channels=1)
        if pretrained:
            trunk.load_state_dict(trunk.state_dict() | imagenet_weights(channels=1))
        self.stem, blocks = trunk.stem, list(trunk.blocks.children())[:BLOCKS]
        self.coarse, self.finer = nn.Sequential(*blocks[:FINE]), nn.Sequential(*blocks[FINE:])
        self.context = nn.Sequential(nn.Linear(112, WIDTH), nn.GELU())
        self.join16, self.join8 = Unit(SameConv(112, WIDTH, 1), activate=False), Unit(SameConv(40, WIDTH, 1), False)
        self.mix = nn.Sequential(_separable(WIDTH), _separable(WIDTH))
        self.places = nn.Conv2d(WIDTH, len(LANDMARKS), 1)
        self.whole = nn.Linear(WIDTH, len(LANDMARKS) + 1)

    def forward(self, films: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.coarse(self.stem((films * 255 - 127) / 128))
        deep = self.finer(fine)
        context = self.context(deep.mean((2, 3)))
        wide = interpolate(self.join16(deep) + context[:, :, None, None], scale_factor=2.0, mode="nearest")
        places = self.places(self.mix(wide + self.join8(fine))).flatten(2)
        whole = self.whole(context)
        return torch.cat([places, whole[:, : len(LANDMARKS), None]], dim=2), whole[:, -1]


def _separable(width: int) -> nn.Sequential:
    return nn.Sequential(Unit(SameConv(width, width, 5, groups=width)), Unit(SameConv(width, width, 1)))
