"""The whole network: normalised brightness, a backbone, and a head with or without the sex as an input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.amp.autocast_mode import is_autocast_available
from torch.nn import functional

from ..config import ModelConfig, PrepareConfig
from ..types import Sex
from . import backbone

SEX_FEATURES, EXPECTED_ERROR_FEATURES = 32, 64
USUAL_ERROR = 8.0  # months: the expected error before training


class RawOutputs(NamedTuple):
    """The network's outputs for N films, before they are turned into months.

    Attributes:
        age: [N, outputs]; what they mean depends on the loss (see `boneage.training.losses`).
        male: the logit of "male" [N]; None without ``model.sex_loss``.
        expected_error: the logarithm of the expected error in months, [N]; None without ``model.expected_error_loss``.
        features: of the backbone, [N, F], which do not depend on the sex.
    """

    age: Tensor
    male: Tensor | None = None
    expected_error: Tensor | None = None
    features: Tensor | None = None


class Network(nn.Module):
    """Films float [N, 1, S, S] in [0, 1] and sex [N, 2] (see `encode`) to `RawOutputs`.

    In training the sex of a random share of the films (``model.sex_dropout``) is set to unknown, so that the network
    also learns to read films without it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: ModelConfig, spec: PrepareConfig, outputs: int, bias: float | Tensor = 0.0) -> None:
        super().__init__()
        self.channels = spec.channels
        self.sex_dropout = config.sex_dropout if config.sex else 0.0
        self.register_buffer("mean", torch.tensor(spec.mean))
        self.register_buffer("std", torch.tensor(spec.std))
        self.backbone = backbone(config, spec.channels)
        features = int(self.backbone.features)
        self.head = SexHead(features, outputs, config) if config.sex else PlainHead(features, outputs)
        self.expected_error = ExpectedErrorHead(features) if config.expected_error_loss else None
        with torch.no_grad():
            self.head.last.bias.copy_(torch.as_tensor(bias))

    def forward(self, films: Tensor, sex: Tensor) -> RawOutputs:
        features = self.backbone(self.normalised(films))
        if self.training and self.sex_dropout:
            sex = sex * (torch.rand(len(sex), 1, device=sex.device) >= self.sex_dropout)
        with exact(films.device):  # bfloat16 has steps of 3 % in a logarithm of months
            features = features.float()
            age, male = self.head(features, sex)
            return RawOutputs(age, male, self.expected_error(features, sex) if self.expected_error else None, features)

    def normalised(self, films: Tensor) -> Tensor:
        """Films float [N, 1, S, S] in [0, 1] as the backbone takes them: [N, channels, S, S]."""
        return ((films - self.mean) / self.std).expand(-1, self.channels, -1, -1)


def exact(device: torch.device) -> AbstractContextManager[object]:
    """A context that computes in float32 within mixed precision, on devices that have it."""
    return torch.autocast(device.type, enabled=False) if is_autocast_available(device.type) else nullcontext()


class PlainHead(nn.Module):
    """One linear layer on the features; the sex is ignored."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.last = nn.Linear(features, outputs)

    def forward(self, features: Tensor, sex: Tensor) -> tuple[Tensor, None]:
        return self.last(features), None


class SexHead(nn.Module):
    """Features and sex through one hidden layer.

    With ``config.sex_loss`` the head also predicts the sex from the features, and uses that prediction for films whose
    sex is unknown.
    """

    def __init__(self, features: int, outputs: int, config: ModelConfig) -> None:
        super().__init__()
        self.sex = nn.Linear(2, SEX_FEATURES)
        self.hidden = nn.Linear(features + SEX_FEATURES, config.hidden)
        self.act = nn.GELU()
        self.drop = nn.Dropout(config.dropout)
        self.last = nn.Linear(config.hidden, outputs)
        self.guess = nn.Linear(features, 1) if config.sex_loss else None

    def forward(self, features: Tensor, sex: Tensor) -> tuple[Tensor, Tensor | None]:
        male = self.guess(features) if self.guess else None
        if male is not None:
            estimate = male.detach().float().sigmoid()
            # An unknown sex is (0, 0): the factor is 1 for it and 0 for a known one, which stays as it is.
            sex = sex + (1 - sex.sum(1, keepdim=True)) * torch.cat([1 - estimate, estimate], dim=1)
            male = male[:, 0]
        x = torch.cat([self.drop(features), self.sex(sex)], dim=1)
        return self.last(self.drop(self.act(self.hidden(x)))), male


class ExpectedErrorHead(nn.Module):
    """The logarithm of the expected error in months [N], from features [N, F] and sex [N, 2].

    Its gradient stops at the features: it learns from them without changing them.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(features + 2, EXPECTED_ERROR_FEATURES)
        self.act = nn.GELU()
        self.last = nn.Linear(EXPECTED_ERROR_FEATURES, 1)
        nn.init.constant_(self.last.bias, math.log(USUAL_ERROR))

    def forward(self, features: Tensor, sex: Tensor) -> Tensor:
        return self.last(self.act(self.hidden(torch.cat([features.detach(), sex], dim=1))))[:, 0]


def encode(sexes: Sequence[Sex]) -> Tensor:
    """Sexes as float [N, 2]: female (1, 0), male (0, 1), unknown (0, 0)."""
    return torch.tensor([sex.code for sex in sexes], dtype=torch.float32).view(-1, 2)


def resized(x: Tensor, size: int) -> Tensor:
    """Films float [N, 1, S, S] as [N, 1, size, size]: bilinear, with antialiasing."""
    if x.shape[-1] == size:
        return x
    return functional.interpolate(x, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
