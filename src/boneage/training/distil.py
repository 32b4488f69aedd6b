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
from ..models.head import USUAL_ERROR, Answer, Network
from .losses import Output, spread_loss


def halves(films: Tensor, spoilt: Tensor) -> Tensor:
    """One batch [2 N, 1, S, S] of films [N, 1, S, S] and the same films spoilt, as `Tutor.loss` expects it."""
    return torch.cat([films, spoilt])


class Tutor:
    """The network as it was when the lesson began, which is changed no more. ``network``: as it reads, with its running
    statistics and nothing dropped."""

    def __init__(self, network: Network, output: Output, weights: ModelConfig) -> None:
        self.network, self.output, self.weights = network.eval().requires_grad_(False), output, weights

    def loss(self, answer: Answer, films: Tensor, sex: Tensor, precision: AbstractContextManager[object]) -> Tensor:
        """How far the ``answer`` to both `halves`, float [2 N, 1, S, S], is from the tutor's to the first: a scalar.

        The sum of the months' distance, in units of `USUAL_ERROR` and linear beyond half of one, and the mean squared
        distance of the features, in units of their variance over the films; with the losses of the other outputs, as
        far as there are any. The error to expect is that of the unspoilt film widened by how far the reading moved.
        """
        half = len(films) // 2
        with torch.no_grad(), precision:
            told = self.network(films[:half], sex[:half])
        assert answer.features is not None
        assert told.features is not None
        age, aim = self.output.months(answer.age), _twice(self.output.months(told.age))
        loss = functional.smooth_l1_loss(age / USUAL_ERROR, aim / USUAL_ERROR, beta=0.5)
        scale = told.features.var(0, correction=0).mean().clamp_min(1e-6)
        loss = loss + (answer.features - _twice(told.features)).square().mean() / scale
        if answer.male is not None and told.male is not None:
            aims = _twice(told.male).sigmoid()
            loss = loss + self.weights.sex_loss * functional.binary_cross_entropy_with_logits(answer.male, aims)
        if answer.spread is not None and told.spread is not None:
            errors = (_twice(told.spread).exp().square() + (age - aim).detach().square()).sqrt()
            loss = loss + self.weights.spread_loss * spread_loss(answer.spread, errors)
        return loss


def _twice(told: Tensor) -> Tensor:
    return torch.cat([told, told])
