"""Batch normalisation over the films of all processes, so that a network learns the same however many share a batch.

torch's own `torch.nn.SyncBatchNorm` does this on GPUs only; on CPUs there is `SharedBatchNorm`.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..errors import BadConfig


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation whose statistics in training are those of the films of all processes together.

    Each process may have another number of films, but all must call it. What is stored is as in `torch.nn.BatchNorm2d`.
    """

    def forward(self, x: Tensor) -> Tensor:
        """The normalised films [N, C, H, W]."""
        if not self.training:
            return super().forward(x)
        values = x.float()
        here = torch.tensor([values.numel() / values.shape[1]], dtype=values.dtype)
        count = _sum(here)
        mean = _sum(values.sum((0, 2, 3))) / count
        apart = values - mean[:, None, None]
        variance = _sum(apart.square().sum((0, 2, 3))) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (apart * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics towards those of a batch."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)
        self.num_batches_tracked.add_(1)


def with_shared_statistics(network: nn.Module, device: torch.device) -> nn.Module:
    """The network with the statistics of its batch normalisation shared by all processes; its tensors stay its own.

    BadConfig for a kind of batch normalisation that does more, as some of timm do: what replaces it would not do that.
    """
    norms = {type(module) for module in network.modules() if isinstance(module, _BatchNorm)}
    if odd := ", ".join(sorted(kind.__name__ for kind in norms - {nn.BatchNorm2d})):
        raise BadConfig(f"{odd} cannot be shared by several processes: train this network with one")
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(network)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, _BatchNorm):
                setattr(module, name, _shared(child))
    return network


def _shared(norm: _BatchNorm) -> SharedBatchNorm:
    """`SharedBatchNorm` with the parameters and statistics of another."""
    other = SharedBatchNorm(norm.num_features, eps=norm.eps, momentum=norm.momentum)
    other.weight, other.bias = norm.weight, norm.bias
    other.running_mean, other.running_var = norm.running_mean, norm.running_var
    other.num_batches_tracked = norm.num_batches_tracked
    other.training = norm.training
    return other


class _Sum(torch.autograd.Function):
    """The sum over all processes. Each one's loss depends on it, so its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """The sum of ``x`` over the processes."""
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """The sum of the gradients over the processes."""
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total


def _sum(x: Tensor) -> Tensor:
    return _Sum.apply(x)  # type: ignore[no-any-return,no-untyped-call]
