"""The last blocks of EfficientNet-Lite on maps of a few pixels, as products of matrices.

On a map of 3 × 3 pixels a library's convolutions, and their gradients above all, spend most of their time on anything
but arithmetic. The same sums as plain products take a third of the time on a processor. Batch normalisation uses its
running statistics, which stay as they are.
"""

from __future__ import annotations

from functools import cache
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..models.efficientnet_lite import Block, EfficientNetLite, Unit


def features_of(backbone: EfficientNetLite, x: Tensor, blocks: int) -> Tensor:
    """What ``backbone`` makes of the output [N, C, h, w] of its first ``blocks`` blocks: features [N, F]."""
    size = (x.shape[2], x.shape[3])
    x = x.permute(0, 2, 3, 1).flatten(1, 2)  # [N, places, channels]
    for block in cast(nn.Sequential, backbone.blocks[blocks:]):
        x, size = _block(cast(Block, block), x, size)
    return _pointwise(backbone.head, x).mean(1)


def _block(block: Block, x: Tensor, size: tuple[int, int]) -> tuple[Tensor, tuple[int, int]]:
    y = x if isinstance(block.expand, nn.Identity) else _pointwise(block.expand, x)
    y, size = _depthwise(block.depthwise, y, size)
    y = _pointwise(block.project, y)
    return (x + y if block.residual else y), size


def _pointwise(unit: Unit, x: Tensor) -> Tensor:
    weight, bias = _folded(unit)
    return unit.act(functional.linear(x, weight[:, :, 0, 0], bias))


def _depthwise(unit: Unit, x: Tensor, size: tuple[int, int]) -> tuple[Tensor, tuple[int, int]]:
    """Each channel's map times a matrix [places after, places before] of the kernel's weights."""
    weight, bias = _folded(unit)
    kernel, stride = unit.conv.kernel_size[0], unit.conv.stride[0]
    after = tuple((side + stride - 1) // stride for side in size)
    at = _places(size, kernel, stride)
    matrices = functional.pad(weight.flatten(1), (0, 1))[:, at]  # [C, after, before]
    y = torch.bmm(matrices, x.permute(2, 1, 0)) + bias[:, None, None]
    return unit.act(y.permute(2, 1, 0)), cast(tuple[int, int], after)


def _folded(unit: Unit) -> tuple[Tensor, Tensor]:
    """The filters and biases of a convolution with its normalisation in them."""
    norm = unit.bn
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return unit.conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


@cache
def _places(size: tuple[int, int], kernel: int, stride: int) -> Tensor:
    """For each place after and before a convolution padded as `SameConv` the number of its weight, or kernel² for none.

    int64 [places after, places before].
    """
    numbers = torch.arange(kernel**2).view(1, 1, kernel, kernel)
    places = size[0] * size[1]
    maps = torch.eye(places).view(places, 1, *size)
    pad = kernel // 2
    if stride == 2:
        maps = functional.pad(maps, (pad - 1 + size[1] % 2, pad, pad - 1 + size[0] % 2, pad))
    else:
        maps = functional.pad(maps, (pad, pad, pad, pad))
    # A one at place i, convolved with the numbers from 1 on, shows at each place after which weight meets it.
    met = functional.conv2d(maps, (numbers + 1).float(), stride=stride).flatten(1).T.round().long()
    return torch.where(met > 0, met - 1, kernel**2)
