"""The end of every backbone: optional attention on the last feature map, then global average pooling.

Channel attention weighs the features by what is in the whole image (squeeze and excitation, Hu et al.,
arXiv:1709.01507); spatial attention weighs the places by the mean and the maximum over the features (the spatial
half of CBAM, Woo et al., arXiv:1807.06521). With ``both`` the channels are weighed first, as in CBAM.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..errors import BadConfig

KINDS = ("none", "channel", "spatial", "both")


class Channel(nn.Module):
    """Maps [N, F, h, w] times a weight in (0, 1) per image and feature."""

    def __init__(self, features: int, reduction: int = 16) -> None:
        super().__init__()
        hidden = max(features // reduction, 4)
        self.gate = nn.Sequential(nn.Linear(features, hidden), nn.GELU(), nn.Linear(hidden, features), nn.Sigmoid())

    def forward(self, maps: Tensor) -> Tensor:
        return maps * self.gate(maps.mean((2, 3)))[:, :, None, None]


class Spatial(nn.Module):
    """Maps [N, F, h, w] times a weight in (0, 1) per image and place."""

    def __init__(self, kernel: int = 7) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Conv2d(2, 1, kernel, padding=kernel // 2), nn.Sigmoid())

    def forward(self, maps: Tensor) -> Tensor:
        return maps * self.gate(torch.cat([maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)], 1))


class Pool(nn.Module):
    """Maps [N, F, h, w] to features [N, F]: attention of the kind asked for, then the mean over all places.

    BadConfig when ``attention`` is none of `KINDS`.
    """

    def __init__(self, features: int, attention: str) -> None:
        super().__init__()
        if attention not in KINDS:
            raise BadConfig(f"unknown model.attention {attention!r}; known: {', '.join(KINDS)}")
        self.channel = Channel(features) if attention in ("channel", "both") else nn.Identity()
        self.spatial = Spatial() if attention in ("spatial", "both") else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        return self.spatial(self.channel(maps)).mean((2, 3))


class Backbone(nn.Module):
    """Float [N, channels, H, W] to ``features`` numbers per image, [N, features]: `maps`, then ``pool``."""

    features: int
    pool: nn.Module

    def maps(self, x: Tensor) -> Tensor:
        """The last feature map, float [N, features, h, w]."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.maps(x))
