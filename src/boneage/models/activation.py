"""The activations by the name that ``model.activation`` gives, and ReLU6 without a copy."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import BadConfig

ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


def activation(name: str) -> type[nn.Module]:
    """The module class of that name; BadConfig when there is none."""
    if name not in ACTIVATIONS:
        raise BadConfig(f"unknown model.activation {name!r}; known: {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]


class ReLU6(nn.ReLU6):
    """ReLU6 in place, for a layer whose input nobody else needs.

    Its gradient is zero where its result is 0 or 6, so the result is all that it keeps. torch's own in place keeps a
    copy of the input: one more pass over a batch, and as much memory again.
    """

    def __init__(self) -> None:
        super().__init__(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling():  # which knows by itself what to keep
            return functional.hardtanh(x, 0, 6)
        if torch.is_grad_enabled() and x.requires_grad:
            return _ReLU6.apply(x)  # type: ignore[no-any-return]
        return super().forward(x)


class _ReLU6(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x.clamp_(0, 6))
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        return torch.ops.aten.hardtanh_backward(grads[0], ctx.saved_tensors[0], 0, 6)  # type: ignore[no-any-return]
