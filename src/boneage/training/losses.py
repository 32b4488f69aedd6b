"""The losses, and with each of them what the head's raw numbers mean in months.

All arithmetic is float32 whatever the network computes in: it is written element by element, which autocast does not
touch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from ..config import TrainConfig
from ..errors import BadConfig

BINS = 241  # of one month, 0 to 240
MONTHS_PER_YEAR = 12.0


class Output(Protocol):
    """One way to predict months.

    ``raw``: the head's numbers [N, outputs], of any float type. ``labels``: months [N].
    """

    @property
    def outputs(self) -> int:
        """Units of the head's last layer."""

    def months(self, raw: Tensor) -> Tensor:
        """The predicted bone ages in months, float32 [N]."""

    def loss(self, raw: Tensor, labels: Tensor) -> Tensor:
        """The mean loss over the batch, a float32 scalar."""

    def bias(self, labels: Tensor) -> Tensor:
        """The bias that the last layer begins with, float32 [outputs]: the best constant for the labels."""


@dataclass(frozen=True)
class Log:
    """The head predicts log(1 + months); the loss is the mean squared logarithmic error. No prediction is below -1."""

    outputs: int = 1

    def months(self, raw: Tensor) -> Tensor:
        return torch.expm1(_column(raw))

    def loss(self, raw: Tensor, labels: Tensor) -> Tensor:
        return (_column(raw) - torch.log1p(labels.float())).square().mean()

    def bias(self, labels: Tensor) -> Tensor:
        return torch.log1p(labels.float()).mean().reshape(1)


@dataclass(frozen=True)
class Standardised:
    """The head predicts (months - centre) / scale.

    Attributes:
        centre, scale: mean and standard deviation of the training labels, in months.
        penalty: from the differences, in units of ``scale``, to the losses of the films.
        constant: from labels to the best constant under the penalty.

    Raises:
        BadConfig: ``scale`` is not above zero.
    """

    centre: float
    scale: float
    penalty: Callable[[Tensor], Tensor]
    constant: Callable[[Tensor], Tensor]
    outputs: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.scale < float("inf"):
            raise BadConfig(f"the training labels have a standard deviation of {self.scale}: they must not be equal")

    def months(self, raw: Tensor) -> Tensor:
        return self.centre + self.scale * _column(raw)

    def loss(self, raw: Tensor, labels: Tensor) -> Tensor:
        return self.penalty(_column(raw) - (labels.float() - self.centre) / self.scale).mean()

    def bias(self, labels: Tensor) -> Tensor:
        return ((self.constant(labels.float()) - self.centre) / self.scale).reshape(1)


@dataclass(frozen=True)
class Distribution:
    """The head predicts logits of the months 0 to 240; the prediction is the expectation of their softmax.

    The target is a Gaussian around the label, normalised over the bins, with a standard deviation of ``sigma`` months:
    one reader's noise. The loss is the Kullback-Leibler divergence from the target plus the absolute error of the
    expectation in years (Gao et al., "Age estimation using expectation of label distribution learning", IJCAI 2018).
    Within two sigma of either end the target is cut off, and its expectation lies up to 0.8 sigma inwards of the label.
    """

    sigma: float
    outputs: int = BINS

    def months(self, raw: Tensor) -> Tensor:
        probabilities = functional.softmax(raw.float(), dim=1)
        return (probabilities * _bins(raw)).sum(1)

    def target(self, labels: Tensor) -> Tensor:
        """The targets, probabilities [N, 241], for labels [N]."""
        distance = (_bins(labels) - labels.float()[:, None]) / self.sigma
        return functional.softmax(-distance.square() / 2, dim=1)

    def loss(self, raw: Tensor, labels: Tensor) -> Tensor:
        log_probabilities = functional.log_softmax(raw.float(), dim=1)
        divergence = functional.kl_div(log_probabilities, self.target(labels), reduction="batchmean")
        return divergence + (self.months(raw) - labels.float()).abs().mean() / MONTHS_PER_YEAR

    def bias(self, labels: Tensor) -> Tensor:
        return torch.log(self.target(labels).mean(0).clamp_min(1e-6))


def sex_loss(male: Tensor, sex: Tensor) -> Tensor:
    """The mean cross-entropy of the logits of "male" [N] over those films whose sex, [N, 2], is known."""
    known = sex.sum(1)
    entropy = functional.binary_cross_entropy_with_logits(male.float(), sex[:, 1], reduction="none")
    return (entropy * known).sum() / known.sum().clamp_min(1)


def expected_error_loss(expected_error: Tensor, errors: Tensor) -> Tensor:
    """The mean negative log-likelihood of errors under Laplace distributions, without its constant: |e| / b + log b.

    It is least where the scale b is the mean of |e|. The errors get no gradient.

    Args:
        expected_error: log b, of months, [N].
        errors: e in months, [N].
    """
    expected_error = expected_error.float()
    return (errors.detach().abs() * torch.exp(-expected_error) + expected_error).mean()


def _column(raw: Tensor) -> Tensor:
    """The only column, float32 [N]."""
    return raw.float()[:, 0]


def _bins(like: Tensor) -> Tensor:
    """The months of the bins, float32 [241], on the device of ``like``."""
    return torch.arange(BINS, dtype=torch.float32, device=like.device)


def _huber(error: Tensor, beta: float) -> Tensor:
    """Quadratic within ``beta``, beyond it linear with slope one (smooth L1)."""
    return torch.where(error.abs() < beta, error.square() / (2 * beta), error.abs() - beta / 2)


def _log(config: TrainConfig, centre: float, scale: float) -> Output:
    return Log()


def _mse(config: TrainConfig, centre: float, scale: float) -> Output:
    return Standardised(centre, scale, torch.square, torch.mean)


def _mae(config: TrainConfig, centre: float, scale: float) -> Output:
    return Standardised(centre, scale, torch.abs, torch.median)


def _smooth(config: TrainConfig, centre: float, scale: float) -> Output:
    if config.huber_beta <= 0:
        raise BadConfig(f"train.huber_beta must be above zero months, found {config.huber_beta}")
    return Standardised(centre, scale, lambda error: _huber(error, config.huber_beta / scale), torch.median)


def _distribution(config: TrainConfig, centre: float, scale: float) -> Output:
    if config.label_sigma <= 0:
        raise BadConfig(f"train.label_sigma must be above zero months, found {config.label_sigma}")
    return Distribution(config.label_sigma)


LOSSES: dict[str, Callable[[TrainConfig, float, float], Output]] = {
    "msle": _log,
    "mse": _mse,
    "mae": _mae,
    "huber": _smooth,
    "distribution": _distribution,
}


def output(config: TrainConfig, centre: float, scale: float) -> Output:
    """The loss that ``config.loss`` names.

    Args:
        config: also gives the losses' own settings.
        centre, scale: mean and standard deviation of the training labels, in months.

    Raises:
        BadConfig: an unknown loss, or a setting that it cannot work with.
    """
    if config.loss not in LOSSES:
        raise BadConfig(f"unknown train.loss {config.loss!r}; known: {', '.join(LOSSES)}")
    return LOSSES[config.loss](config, centre, scale)
