"""Depthwise convolution whose gradients avoid the slow forms that CPU libraries have in bfloat16.

With stride 2 the library's gradient to the input takes up to thirty times the forward pass, and with a 5 × 5 kernel its
gradient to the weights up to fifty times; the forms used here are the same sums by other, fast kernels
(`benchmarks/depthwise.py` measures both).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def depthwise(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """Depthwise convolution of [N, C, H, W] with odd kernels, weight [C, 1, k, k]: `conv2d` with C groups."""
    slow = x.device.type == "cpu" and torch.is_autocast_enabled("cpu") and torch.is_grad_enabled()
    if slow and torch.get_autocast_dtype("cpu") == torch.bfloat16:
        return _Depthwise.apply(x.bfloat16(), weight, bias, stride, padding)  # type: ignore[no-any-return]
    return functional.conv2d(x, weight, bias, stride, padding, 1, len(weight))


class _Depthwise(torch.autograd.Function):
    """bfloat16 films, float32 weights and biases, whose gradients are float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
        rounded = weight.bfloat16()
        ctx.save_for_backward(x, rounded)
        ctx.stride, ctx.padding = stride, padding
        shift = None if bias is None else bias.bfloat16()
        return functional.conv2d(x, rounded, shift, stride, padding, 1, len(rounded))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None, None]:
        x, weight = ctx.saved_tensors
        to_films, to_weights, to_biases = ctx.needs_input_grad[:3]
        films = _to_films(grads[0], x, weight, ctx.stride, ctx.padding) if to_films else None
        weights = _to_weights(grads[0], x, weight, ctx.stride, ctx.padding) if to_weights else None
        biases = grads[0].sum((0, 2, 3), dtype=torch.float32) if to_biases else None
        return films, weights, biases, None, None


def _to_films(grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """The gradient to the films: a transposed convolution.

    With a stride it is done as a convolution without one, over the gradient with zeros in between.
    """
    kernel = weight.shape[-1]
    if stride > 1:
        height, width = (side + 2 * padding - kernel + 1 for side in x.shape[2:])
        spread = x.new_zeros(len(x), height, width, len(weight)).permute(0, 3, 1, 2)
        spread[:, :, ::stride, ::stride] = grad
        grad = spread
    return functional.conv2d(grad, weight.flip(2, 3), None, 1, kernel - 1 - padding, 1, len(weight))


def _to_weights(grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """The gradient to the weights: the correlation of films and gradient.

    For a 5 × 5 kernel it is done as four overlapping 3 × 3 corners.
    """
    if weight.shape[-1] != 5:
        return _correlation(grad, x, weight, stride, padding)
    height, width = ((side - 1) * stride + 3 for side in grad.shape[2:])
    x = functional.pad(x, [padding] * 4)
    out = torch.empty(weight.shape, dtype=torch.float32, device=weight.device)
    for row in (0, 2):
        for column in (0, 2):
            part = x[:, :, row : row + height, column : column + width].contiguous(memory_format=torch.channels_last)
            corner = weight[:, :, row : row + 3, column : column + 3].contiguous()
            out[:, :, row : row + 3, column : column + 3] = _correlation(grad, part, corner, stride, 0)
    return out


def _correlation(grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    return torch.ops.aten.convolution_backward(
        grad, x, weight, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], len(weight), [False, True, False]
    )[1].float()  # fmt: skip
