"""Inception-v4 (Szegedy et al., arXiv:1602.07261): 149 activations; 41,144,353 weights with a head of one output.

Stem, 4 blocks A, reduction A, 7 blocks B, reduction B, 3 blocks C, global average pooling, with the paper's padding
("valid" where its figures say V), so a side needs at least 75 pixels. Average pools count no padding, batch
normalisation has TensorFlow's epsilon of 0.001, convolutions start as He normal (arXiv:1502.01852), by fan-out.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..config import ModelConfig
from .activation import activation
from .attention import Backbone, Pool

Act = type[nn.Module]


class Conv(NamedTuple):
    """One convolution of a path; its padding keeps the sides unless it is valid, as all of stride 2 are."""

    outputs: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    valid: bool = False


def path(act: Act, inputs: int, *convs: Conv) -> nn.Sequential:
    """The convolutions in a row, each followed by batch normalisation and activation."""
    parts: list[nn.Module] = []
    for outputs, (height, width), stride, valid in convs:
        padding = 0 if valid or stride > 1 else (height // 2, width // 2)
        parts += [
            nn.Conv2d(inputs, outputs, (height, width), stride, padding, bias=False),
            nn.BatchNorm2d(outputs, eps=1e-3),
            act(),
        ]
        inputs = outputs
    return nn.Sequential(*parts)


class Average(nn.Sequential):
    """The mean over 3x3 neighbours, and then a path of one 1x1 convolution.

    Both are linear, one over places and one over channels, so that they give the same in either order. The mean is
    taken after the convolution, of four to eight times fewer channels.
    """

    def forward(self, x: Tensor) -> Tensor:
        mean, path = self.children()
        conv, *then = path.children()
        return nn.Sequential(*then)(mean(conv(x)))


def average(act: Act, inputs: int, outputs: int) -> Average:
    """The path that averages 3x3 neighbours before its convolution."""
    return Average(nn.AvgPool2d(3, 1, 1, count_include_pad=False), path(act, inputs, Conv(outputs)))


class Branches(nn.Module):
    """The same input through several paths, their outputs joined along the channels."""

    def __init__(self, *paths: nn.Module) -> None:
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([one(x) for one in self.paths], 1)


def stem(act: Act, channels: int) -> nn.Sequential:
    """[N, channels, 256, 256] to [N, 384, 29, 29] (figure 3 of the paper)."""
    return nn.Sequential(
        path(act, channels, Conv(32, (3, 3), 2), Conv(32, (3, 3), valid=True), Conv(64, (3, 3))),
        Branches(nn.MaxPool2d(3, 2), path(act, 64, Conv(96, (3, 3), 2))),
        Branches(
            path(act, 160, Conv(64), Conv(96, (3, 3), valid=True)),
            path(act, 160, Conv(64), Conv(64, (1, 7)), Conv(64, (7, 1)), Conv(96, (3, 3), valid=True)),
        ),
        Branches(path(act, 192, Conv(192, (3, 3), 2)), nn.MaxPool2d(3, 2)),
    )


def block_a(act: Act) -> Branches:
    """[N, 384, h, w] to the same (figure 4)."""
    return Branches(
        path(act, 384, Conv(96)),
        path(act, 384, Conv(64), Conv(96, (3, 3))),
        path(act, 384, Conv(64), Conv(96, (3, 3)), Conv(96, (3, 3))),
        average(act, 384, 96),
    )


def reduction_a(act: Act) -> Branches:
    """[N, 384, h, w] to [N, 1024, h / 2, w / 2] (figure 7 with k, l, m, n = 192, 224, 256, 384)."""
    return Branches(
        path(act, 384, Conv(384, (3, 3), 2)),
        path(act, 384, Conv(192), Conv(224, (3, 3)), Conv(256, (3, 3), 2)),
        nn.MaxPool2d(3, 2),
    )


def block_b(act: Act) -> Branches:
    """[N, 1024, h, w] to the same (figure 5)."""
    tall_and_wide = (Conv(192, (7, 1)), Conv(224, (1, 7)), Conv(224, (7, 1)), Conv(256, (1, 7)))
    return Branches(
        path(act, 1024, Conv(384)),
        path(act, 1024, Conv(192), Conv(224, (1, 7)), Conv(256, (7, 1))),
        path(act, 1024, Conv(192), *tall_and_wide),
        average(act, 1024, 128),
    )


def reduction_b(act: Act) -> Branches:
    """[N, 1024, h, w] to [N, 1536, h / 2, w / 2] (figure 8)."""
    return Branches(
        path(act, 1024, Conv(192), Conv(192, (3, 3), 2)),
        path(act, 1024, Conv(256), Conv(256, (1, 7)), Conv(320, (7, 1)), Conv(320, (3, 3), 2)),
        nn.MaxPool2d(3, 2),
    )


def fork(act: Act, inputs: int) -> Branches:
    """The two ends of a long path of block C."""
    return Branches(path(act, inputs, Conv(256, (1, 3))), path(act, inputs, Conv(256, (3, 1))))


def block_c(act: Act) -> Branches:
    """[N, 1536, h, w] to the same (figure 6)."""
    return Branches(
        path(act, 1536, Conv(256)),
        nn.Sequential(path(act, 1536, Conv(384)), fork(act, 384)),
        nn.Sequential(path(act, 1536, Conv(384), Conv(448, (3, 1)), Conv(512, (1, 3))), fork(act, 512)),
        average(act, 1536, 256),
    )


class InceptionV4(Backbone):
    """Float [N, channels, H, W], sides of 75 or more, to features [N, 1536]; stride about 32."""

    features = 1536

    def __init__(self, channels: int, act: Act, attention: str = "none") -> None:
        super().__init__()
        self.stem = stem(act, channels)
        self.blocks = nn.Sequential(
            *(block_a(act) for _ in range(4)),
            reduction_a(act),
            *(block_b(act) for _ in range(7)),
            reduction_b(act),
            *(block_c(act) for _ in range(3)),
        )
        self.pool = Pool(self.features, attention)
        self.apply(_initialise)

    def maps(self, x: Tensor) -> Tensor:
        """The last feature map, [N, 1536, 6, 6] for 256 pixels."""
        return self.blocks(self.stem(x))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")


def inception_v4(config: ModelConfig, channels: int) -> Backbone:
    """Inception-v4 with the activation and attention of ``config``; BadConfig for unknown ones."""
    return InceptionV4(channels, activation(config.activation), config.attention)
