"""Depthwise convolution whose gradients avoid the slow forms that CPU libraries have.

With stride 2 the library's gradient to the input takes up to thirty times the forward pass in bfloat16. Its fast
gradient to the weights knows kernels of at most three columns: a 5 × 5 kernel costs many times the forward pass. The
forms used here are the same sums by other, fast kernels (`benchmarks/depthwise.py` measures both).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


def depthwise(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """Depthwise convolution of [N, C, H, W] with odd kernels, weight [C, 1, k, k]: `conv2d` with C groups."""
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    slow = dtype == torch.bfloat16 or (dtype == torch.float32 and weight.shape[-1] == 5)
    if slow and x.device.type == "cpu" and torch.is_grad_enabled():
        return _Depthwise.apply(x.to(dtype), weight, bias, stride, padding)  # type: ignore[no-any-return]
    return functional.conv2d(x, weight, bias, stride, padding, 1, len(weight))


class _Depthwise(torch.autograd.Function):
    """Films of bfloat16 or float32; float32 weights and biases, whose gradients are float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
        rounded = weight.to(x.dtype)
        ctx.save_for_backward(x, rounded)
        ctx.stride, ctx.padding = stride, padding
        shift = None if bias is None else bias.to(x.dtype)
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
    """The gradient to the films: in float32 the library's own; else a transposed convolution.

    With a stride it is done as a convolution without one, over the gradient with zeros in between.
    """
    if x.dtype == torch.float32:
        return _gradients(grad, x, weight, stride, [padding] * 2, [True, False, False])[0]
    kernel = weight.shape[-1]
    if stride > 1:
        height, width = (side + 2 * padding - kernel + 1 for side in x.shape[2:])
        spread = x.new_zeros(len(x), height, width, len(weight)).permute(0, 3, 1, 2)
        spread[:, :, ::stride, ::stride] = grad
        grad = spread
    return functional.conv2d(grad, weight.flip(2, 3), None, 1, kernel - 1 - padding, 1, len(weight))


def _to_weights(grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """The gradient to the weights: the correlation of films and gradient.

    For a 5 × 5 kernel it is done as two overlapping halves of three columns, each over the films that it sees.
    """
    if weight.shape[-1] != 5:
        return _correlation(grad, x, weight, stride, [padding] * 2)
    width = (grad.shape[3] - 1) * stride + 3
    out = torch.empty(weight.shape, dtype=torch.float32, device=weight.device)
    for first in (0, 2):
        left = padding - first  # columns of zeros before the films; negative where columns of the films are left out
        seen = functional.pad(x, (left, width - left - x.shape[3])).contiguous(memory_format=torch.channels_last)
        half = weight[..., first : first + 3].contiguous()
        out[..., first : first + 3] = _correlation(grad, seen, half, stride, [padding, 0])
    return out


def _correlation(grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: list[int]) -> Tensor:
    return _gradients(grad, x, weight, stride, padding, [False, True, False])[1].float()


def _gradients(
    grad: Tensor, x: Tensor, weight: Tensor, stride: int, padding: list[int], wanted: list[bool]
) -> tuple[Tensor, Tensor, Tensor]:
    """The library's gradients to the films, the weights and the biases, where they are wanted."""
    return torch.ops.aten.convolution_backward(  # type: ignore[no-any-return]
        grad, x, weight, None, [stride] * 2, padding, [1, 1], False, [0, 0], len(weight), wanted
    )
