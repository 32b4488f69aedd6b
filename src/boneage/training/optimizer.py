"""Optimisers and their state as tensors, the learning rate of each step, frozen statistics and averaged weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ..config import TrainConfig
from ..errors import BadConfig

OPTIMIZERS = ("adam", "adamw", "sgd")


def optimizer(network: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Adam, AdamW or SGD with Nesterov momentum, as ``config.optimizer`` says; BadConfig for another name.

    Weight decay acts on matrices and filters only, not on biases and normalisation.
    """
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    # Fused: a few launches in place of hundreds.
    if config.optimizer == "adam":
        return torch.optim.Adam(groups, lr=config.lr, fused=True)
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=config.lr, fused=True)
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=0.9, nesterov=True)
    raise BadConfig(f"unknown train.optimizer {config.optimizer!r}; known: {', '.join(OPTIMIZERS)}")


def learning_rate(step: int, steps: int, config: TrainConfig) -> float:
    """The rate of a step, counted from 0: linear warm-up over the share ``config.warmup`` of all steps, then constant
    or half a cosine down to 1 % of ``config.lr``."""
    warm = max(1, round(config.warmup * steps))
    if step < warm:
        return config.lr * (step + 1) / warm
    if config.schedule == "constant":
        return config.lr
    share = (step - warm) / max(1, steps - warm)
    return config.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


def freeze_statistics(network: nn.Module) -> None:
    """Let batch normalisation use its running statistics and leave them as they are, until ``network.train()``."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


class Average:
    """An exponential moving average of a network's parameters and statistics.

    The decay at step n is min(``decay``, (1 + n) / (10 + n)), so that the first weights, which are poor, are soon
    forgotten. With ``decay`` 0 the average is the network itself.

    Attributes:
        shadow: the averages, by the names of the network's parameters and statistics.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        current = network.state_dict()  # the network's own tensors, which training changes in place
        # One long row each for numbers and for counts: an update is then one call, whatever the network has.
        self.shadow: dict[str, Tensor] = {}
        self.rows: list[tuple[Tensor, list[Tensor]]] = []
        for is_float in (True, False):
            named = {name: value for name, value in current.items() if value.is_floating_point() == is_float}
            if named:
                own = [_as_row(value) for value in named.values()]
                row = torch.cat(own)
                self.rows.append((row, own))
                parts = row.split([len(part) for part in own])
                self.shadow |= {name: _as_like(part, named[name]) for name, part in zip(named, parts, strict=True)}
        self.shadow = {name: self.shadow[name] for name in current}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Include the network's weights after a step, counted from 0."""
        decay = min(self.decay, (1 + step) / (10 + step)) if self.decay else 0.0
        for row, own in self.rows:
            now = torch.cat(own)
            row.lerp_(now, 1 - decay) if row.is_floating_point() else row.copy_(now)

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from a stored average, the ``shadow`` of another time."""
        for name, tensor in self.shadow.items():
            tensor.copy_(tensors[name])


def _as_row(tensor: Tensor) -> Tensor:
    """The numbers of a dense tensor in the order of its memory, without a copy."""
    return _channels_behind(tensor).detach().view(-1)


def _as_like(row: Tensor, tensor: Tensor) -> Tensor:
    """A view of a row with the shape and the memory layout of a tensor: the way back from `_as_row`."""
    view = row.view(_channels_behind(tensor).shape)
    return view.permute(0, 3, 1, 2) if _is_channels_last(tensor) else view


def _channels_behind(tensor: Tensor) -> Tensor:
    return tensor.permute(0, 2, 3, 1) if _is_channels_last(tensor) else tensor


def _is_channels_last(tensor: Tensor) -> bool:
    return tensor.ndim == 4 and not tensor.is_contiguous() and tensor.is_contiguous(memory_format=torch.channels_last)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimiser's state by names such as ``7.exp_avg``: a parameter's number and the name of the value."""
    state = optimizer.state_dict()["state"]
    return {f"{i}.{name}": value for i, values in state.items() for name, value in values.items() if value is not None}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Continue from what `optimizer_tensors` gave, in an optimiser made from the same configuration.

    Each tensor gets the memory layout of its parameter: another layout could round differently.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, _, name = key.partition(".")
        like = parameters[int(index)]
        laid_out = torch.empty_like(like).copy_(tensor) if tensor.shape == like.shape else tensor
        state.setdefault(int(index), {})[name] = laid_out
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
