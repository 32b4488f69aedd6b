"""Self-distillation: a trained network learns to read spoilt films as it reads the same films unspoilt.

No label is asked, so that nothing more is learnt by heart. What the network says of the unspoilt half of a batch is
held by the same lesson: without it the readings of good films would drift.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor
from torch.nn import functional

from ..config import ModelConfig
from ..models.head import USUAL_ERROR, Network, RawOutputs
from .losses import Output, expected_error_loss


def halves(films: Tensor, degraded: Tensor) -> Tensor:
    """One batch [2 N, 1, S, S] of films [N, 1, S, S] and the same films spoilt, as `Teacher.loss` expects it."""
    return torch.cat([films, degraded])


class Teacher:
    """The network as it was when the lesson began, which is changed no more. ``network``: as it reads, with its running
    statistics and nothing dropped."""

    def __init__(self, network: Network, output: Output, weights: ModelConfig) -> None:
        self.network, self.output, self.weights = network.eval().requires_grad_(False), output, weights

    def loss(
        self, outputs: RawOutputs, films: Tensor, sex: Tensor, precision: AbstractContextManager[object]
    ) -> Tensor:
        """How far the ``outputs`` to both `halves`, float [2 N, 1, S, S], is from the tutor's to the first: a scalar.

        The sum of the months' distance, in units of `USUAL_ERROR` and linear beyond half of one, and the mean squared
        distance of the features, in units of their variance over the films; with the losses of the other outputs, as
        far as there are any. The error to expect is that of the unspoilt film widened by how far the reading moved.
        """
        half = len(films) // 2
        with torch.no_grad(), precision:
            target = self.network(films[:half], sex[:half])
        assert outputs.features is not None
        assert target.features is not None
        age, aim = self.output.months(outputs.age), _twice(self.output.months(target.age))
        loss = functional.smooth_l1_loss(age / USUAL_ERROR, aim / USUAL_ERROR, beta=0.5)
        scale = target.features.var(0, correction=0).mean().clamp_min(1e-6)
        loss = loss + (outputs.features - _twice(target.features)).square().mean() / scale
        if outputs.male is not None and target.male is not None:
            aims = _twice(target.male).sigmoid()
            loss = loss + self.weights.sex_loss * functional.binary_cross_entropy_with_logits(outputs.male, aims)
        if outputs.expected_error is not None and target.expected_error is not None:
            errors = (_twice(target.expected_error).exp().square() + (age - aim).detach().square()).sqrt()
            loss = loss + self.weights.expected_error_loss * expected_error_loss(outputs.expected_error, errors)
        return loss


def _twice(target: Tensor) -> Tensor:
    return torch.cat([target, target])
