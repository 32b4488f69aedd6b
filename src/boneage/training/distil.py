"""Self-distillation: a trained network learns to read degraded films as it reads the same films undegraded.

No label is used, so that no label's error is learnt by heart. The undegraded films are part of the loss too, because
the readings of good films would drift without them.
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
    """Films [N, 1, S, S] and the same films degraded as one batch [2 N, 1, S, S], the order `Teacher.loss` expects."""
    return torch.cat([films, degraded])


class Teacher:
    """A copy of the network as distillation begins; it is not trained.

    Args:
        network: the copy. It is used in evaluation mode: with its running statistics and without dropout.
        output: the meaning of its raw ages.
        weights: the weights of the losses of the other outputs.
    """

    def __init__(self, network: Network, output: Output, weights: ModelConfig) -> None:
        self.network, self.output, self.weights = network.eval().requires_grad_(False), output, weights

    def loss(
        self, outputs: RawOutputs, films: Tensor, sex: Tensor, precision: AbstractContextManager[object]
    ) -> Tensor:
        """The distance of the student's outputs from the teacher's outputs for the undegraded films.

        It is the sum of

        - the smooth L1 distance of the months, in units of `USUAL_ERROR`, linear beyond half of one;
        - the mean squared distance of the features, in units of their variance over the films;
        - weighted by ``model.sex_loss``, the cross-entropy of the sex;
        - weighted by ``model.expected_error_loss``, that of the expected error. Its target is the teacher's e widened
          by the distance d that the student's reading moved: √(e² + d²).

        The last two only where the network has such outputs.

        Args:
            outputs: the student's, for all 2 N films.
            films: float [2 N, 1, S, S] from `halves`.
            sex: float [2 N, 2], the same for both halves.
            precision: the block in which the teacher computes.

        Returns:
            A float32 scalar.
        """
        half = len(films) // 2
        with torch.no_grad(), precision:
            target = self.network(films[:half], sex[:half])
        assert outputs.features is not None
        assert target.features is not None
        months, aim = self.output.months(outputs.age), _twice(self.output.months(target.age))
        loss = functional.smooth_l1_loss(months / USUAL_ERROR, aim / USUAL_ERROR, beta=0.5)
        scale = target.features.var(0, correction=0).mean().clamp_min(1e-6)
        loss = loss + (outputs.features - _twice(target.features)).square().mean() / scale
        if outputs.male is not None and target.male is not None:
            aims = _twice(target.male).sigmoid()
            loss = loss + self.weights.sex_loss * functional.binary_cross_entropy_with_logits(outputs.male, aims)
        if outputs.expected_error is not None and target.expected_error is not None:
            errors = (_twice(target.expected_error).exp().square() + (months - aim).detach().square()).sqrt()
            loss = loss + self.weights.expected_error_loss * expected_error_loss(outputs.expected_error, errors)
        return loss


def _twice(target: Tensor) -> Tensor:
    """The teacher's output for both halves."""
    return torch.cat([target, target])
