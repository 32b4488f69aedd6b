"""A small network for the demo and the tests: nine convolutions, 154,736 weights with three channels."""

from __future__ import annotations

from torch import Tensor, nn

from ..config import ModelConfig
from .activation import activation
from .attention import Backbone, Pool

WIDTHS = (16, 32, 64, 64)
FEATURES = 128


def unit(inputs: int, outputs: int, kernel: int, stride: int, act: type[nn.Module]) -> nn.Sequential:
    """Convolution, batch normalisation, activation; a stride of 2 halves the sides, rounding up."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), act())


class Tiny(Backbone):
    """Float [N, channels, H, W] of any size to features [N, 128]; stride 16."""

    features = FEATURES

    def __init__(self, channels: int, act: type[nn.Module], attention: str = "none") -> None:
        super().__init__()
        stages, width = [], channels
        for outputs in WIDTHS:
            stages += [unit(width, outputs, 3, 2, act), unit(outputs, outputs, 3, 1, act)]
            width = outputs
        self.stages = nn.Sequential(*stages, unit(width, FEATURES, 1, 1, act))
        self.pool = Pool(FEATURES, attention)

    def maps(self, x: Tensor) -> Tensor:
        """The last feature map [N, 128, ceil(H / 16), ceil(W / 16)]."""
        return self.stages(x)


def tiny(config: ModelConfig, channels: int) -> Backbone:
    """The small network with the activation and attention of ``config``; BadConfig for unknown ones."""
    return Tiny(channels, activation(config.activation), config.attention)
