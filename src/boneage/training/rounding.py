"""Weights of a convolution as integers of 8 bits, rounded so that its output changes least on real films.

Rounding to the nearest value is not the best: neighbouring pixels are alike, so the errors of one kernel should cancel
each other. Weights are rounded one after the other, and what each loses is made up for by those that follow (GPTQ,
Frantar et al., arXiv:2210.17323, here for every kernel of a convolution).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

LARGEST = 127
# A processor without VNNI adds the products of two neighbours (bytes 0..255 times a weight) in 16 bits, where more than
# 32,767 saturates: so the weights of neighbours may not sum to more than this.
LARGEST_PAIR = 128
ROOM = 126.5  # for rounding: the largest sum of neighbours before it
BLOCK = 64  # weights whose errors are handed on to all that follow at once: the same in less time
DAMPING = 0.01  # of the mean variance: keeps the inverse of a covariance stable


def scales(weights: Tensor, *, in_pairs: bool) -> Tensor:
    """The value of one step for each output channel, [O], of weights [O, K].

    Args:
        weights: of a convolution, each output's in the order in which they are multiplied.
        in_pairs: whether neighbours must keep to `LARGEST_PAIR`; depthwise kernels are computed in 32 bits anyway.
    """
    steps = weights.abs().amax(dim=1) / LARGEST
    return torch.maximum(steps, _sums(weights).amax(dim=1) / ROOM) if in_pairs else steps


def rounded(weights: Tensor, covariance: Tensor, steps: Tensor) -> Tensor:
    """Whole numbers [C, O, K] that stand for weights [C, O, K] in units of ``steps`` [C, O].

    Args:
        weights: C kernels, or groups of O kernels that see the same input.
        covariance: [C, K, K] of what a kernel is laid on, over places and films.
        steps: see `scales`.
    """
    left, found = weights.double().clone(), torch.zeros_like(weights, dtype=torch.float64)
    steps, covariance = steps.double(), covariance.double()
    mean = torch.diagonal(covariance, dim1=1, dim2=2).mean(1)[:, None, None]
    damped = covariance + torch.eye(covariance.shape[1]) * (DAMPING * mean + 1e-9)
    upper = torch.linalg.cholesky(torch.linalg.inv(damped), upper=True)
    for start in range(0, weights.shape[2], BLOCK):
        block = slice(start, start + BLOCK)
        ahead, rows = left[:, :, block], upper[:, block, block]
        errors = torch.zeros_like(ahead)
        for k in range(ahead.shape[2]):
            whole = torch.clamp(torch.round(ahead[:, :, k] / steps), -LARGEST, LARGEST)
            found[:, :, start + k] = whole
            errors[:, :, k] = (ahead[:, :, k] - whole * steps) / rows[:, k, k, None]
            ahead[:, :, k:] -= errors[:, :, k, None] * rows[:, k, None, k:]
        left[:, :, start + BLOCK :] -= errors @ upper[:, block, start + BLOCK :]
    return found.float()


def within_pairs(whole: Tensor) -> Tensor:
    """The same whole numbers [O, K], the larger of two neighbours reduced where they sum to more than allowed."""
    pairs = _pairs(whole)
    over = (_sums(whole) - LARGEST_PAIR).clamp_min(0)
    larger = pairs.abs().argmax(dim=2, keepdim=True)
    changed = pairs.gather(2, larger)
    return pairs.scatter(2, larger, changed - over[..., None] * changed.sign()).flatten(1)[:, : whole.shape[1]]


def span(values: np.ndarray, *, is_clipped: bool) -> tuple[float, float]:
    """The range of activations that 256 steps stand for with the least mean square error, the ends cut off.

    ``is_clipped``: they are those of ReLU6, from 0 on.
    """
    low, high = 0.0 if is_clipped else min(float(values.min()), 0.0), max(float(values.max()), 1e-3)
    best = (np.inf, low, high)
    for part in np.linspace(1, 0.3, 29):
        scale = (high - low) * part / 255
        zero = round(-low * part / scale)
        seen = (np.clip(np.rint(values / scale) + zero, 0, 255) - zero) * scale
        best = min(best, (float(np.square(seen - values).mean()), low * part, high * part))
    return best[1:]


def _pairs(weights: Tensor) -> Tensor:
    """Neighbours [O, K / 2, 2]; the last has a zero beside it where K is odd."""
    return torch.nn.functional.pad(weights, (0, weights.shape[1] % 2)).unflatten(1, (-1, 2))


def _sums(weights: Tensor) -> Tensor:
    """What two neighbours sum to in size, [O, K / 2]: 0 where their signs differ."""
    first, second = _pairs(weights).unbind(dim=2)
    return (first + second).abs() * (first.sign() == second.sign())
