"""ResNet-50 (He et al., arXiv:1512.03385): 49 activations; 23,510,081 weights with a head of one output.

Two kinds of bottleneck: the identity block, which adds its input unchanged, and the convolutional block, which brings
its input to a new shape by a 1x1 convolution before adding it. The stride sits on the 3x3 convolution ("version 1.5",
Goyal et al., arXiv:1706.02677), and, as there, the last batch normalisation of every block starts at zero: each block
starts as its shortcut. Convolutions start as He normal (arXiv:1502.01852), by fan-out.
"""

from __future__ import annotations

from torch import Tensor, nn

from ..config import ModelConfig
from .activation import activation
from .attention import Backbone, Pool

STEM = 64
STAGES = (  # blocks, inner width, stride of the first block
    (3, 64, 1),
    (4, 128, 2),
    (6, 256, 2),
    (3, 512, 2),
)
EXPANSION = 4


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias that keeps the sides at stride 1."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class Bottleneck(nn.Module):
    """Float [N, inputs, H, W] to [N, 4 * width, H / stride, W / stride]: 1x1, 3x3, 1x1, plus the shortcut."""

    def __init__(self, inputs: int, width: int, stride: int, act: type[nn.Module], shortcut: nn.Module) -> None:
        super().__init__()
        outputs = width * EXPANSION
        self.conv1 = conv(inputs, width, 1)
        self.bn1 = nn.BatchNorm2d(width)
        self.act1 = act()
        self.conv2 = conv(width, width, 3, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.act2 = act()
        self.conv3 = conv(width, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.shortcut = shortcut
        self.act3 = act()

    def forward(self, x: Tensor) -> Tensor:
        y = self.act1(self.bn1(self.conv1(x)))
        y = self.act2(self.bn2(self.conv2(y)))
        return self.act3(self.bn3(self.conv3(y)) + self.shortcut(x))


def identity_block(width: int, act: type[nn.Module]) -> Bottleneck:
    """A bottleneck that keeps the shape and adds its input as it is."""
    return Bottleneck(width * EXPANSION, width, 1, act, nn.Identity())


def convolutional_block(inputs: int, width: int, stride: int, act: type[nn.Module]) -> Bottleneck:
    """A bottleneck that changes the shape and adds its input through a 1x1 convolution."""
    outputs = width * EXPANSION
    shortcut = nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
    return Bottleneck(inputs, width, stride, act, shortcut)


def stage(blocks: int, inputs: int, width: int, stride: int, act: type[nn.Module]) -> nn.Sequential:
    """One convolutional block, then identity blocks."""
    first = convolutional_block(inputs, width, stride, act)
    return nn.Sequential(first, *(identity_block(width, act) for _ in range(blocks - 1)))


class ResNet50(Backbone):
    """Float [N, channels, H, W] of any size to features [N, 2048]; stride 32."""

    features = STAGES[-1][1] * EXPANSION

    def __init__(self, channels: int, act: type[nn.Module], attention: str = "none") -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(channels, STEM, 7, 2), nn.BatchNorm2d(STEM), act(), nn.MaxPool2d(3, 2, 1))
        stages, inputs = [], STEM
        for blocks, width, stride in STAGES:
            stages.append(stage(blocks, inputs, width, stride, act))
            inputs = width * EXPANSION
        self.stages = nn.Sequential(*stages)
        self.pool = Pool(self.features, attention)
        self.apply(_initialise)

    def maps(self, x: Tensor) -> Tensor:
        """The last feature map [N, 2048, ceil(H / 32), ceil(W / 32)]."""
        return self.stages(self.stem(x))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    if isinstance(module, Bottleneck):
        nn.init.zeros_(module.bn3.weight)


def resnet50(config: ModelConfig, channels: int) -> Backbone:
    """ResNet-50 with the activation and attention of ``config``; BadConfig for unknown ones."""
    return ResNet50(channels, activation(config.activation), config.attention)
