"""The whole network: bytes' brightness normalised, a backbone, and a head that takes the sex or leaves it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..config import ModelConfig, PrepareConfig
from ..types import Sex
from . import backbone

SEX_FEATURES = 32


class Network(nn.Module):
    """films float [N, 1, S, S] in [0, 1] and sex [N, 2] (see `encode`) → raw outputs [N, outputs].

    With ``config.sex_loss`` one more column follows, the logit of "male" (see `boneage.losses.sex_loss`).
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: ModelConfig, spec: PrepareConfig, outputs: int, bias: float | Tensor = 0.0) -> None:
        super().__init__()
        self.channels = spec.channels
        self.register_buffer("mean", torch.tensor(spec.mean))
        self.register_buffer("std", torch.tensor(spec.std))
        self.backbone = backbone(config, spec.channels)
        features = int(self.backbone.features)
        self.head = SexHead(features, outputs, config) if config.sex else PlainHead(features, outputs)
        with torch.no_grad():
            self.head.last.bias.copy_(torch.as_tensor(bias))

    def forward(self, films: Tensor, sex: Tensor) -> Tensor:
        x = ((films - self.mean) / self.std).expand(-1, self.channels, -1, -1)
        return self.head(self.backbone(x), sex)


class PlainHead(nn.Module):
    """One linear layer on the features; the sex is ignored."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.last = nn.Linear(features, outputs)

    def forward(self, features: Tensor, sex: Tensor) -> Tensor:
        return self.last(features)


class SexHead(nn.Module):
    """Features and sex through one hidden layer. In training the sex is withheld from a share of the films, so that
    the network also knows what to say when nobody tells it. With ``config.sex_loss`` it then goes by its own estimate
    of the sex, which it learns from every film."""

    def __init__(self, features: int, outputs: int, config: ModelConfig) -> None:
        super().__init__()
        self.withheld = config.sex_dropout
        self.sex = nn.Linear(2, SEX_FEATURES)
        self.hidden = nn.Linear(features + SEX_FEATURES, config.hidden)
        self.act = nn.GELU()
        self.drop = nn.Dropout(config.dropout)
        self.last = nn.Linear(config.hidden, outputs)
        self.guess = nn.Linear(features, 1) if config.sex_loss else None

    def forward(self, features: Tensor, sex: Tensor) -> Tensor:
        if self.training and self.withheld:
            sex = sex * (torch.rand(len(sex), 1, device=sex.device) >= self.withheld)
        if self.guess is None:
            return self._read(features, sex)
        male = self.guess(features)
        estimate = male.detach().float().sigmoid()
        unknown = 1 - sex.sum(1, keepdim=True)
        sex = sex + unknown * torch.cat([1 - estimate, estimate], dim=1)
        return torch.cat([self._read(features, sex), male], dim=1)

    def _read(self, features: Tensor, sex: Tensor) -> Tensor:
        x = torch.cat([self.drop(features), self.sex(sex)], dim=1)
        return self.last(self.drop(self.act(self.hidden(x))))


def encode(sexes: Sequence[Sex]) -> Tensor:
    """Sexes as float [N, 2]: female (1, 0), male (0, 1), unknown (0, 0)."""
    return torch.tensor([sex.code for sex in sexes], dtype=torch.float32).view(-1, 2)


class Reader(nn.Module):
    """The network as it is used: uint8 films [N, S, S] as `prepare` gives them and sex [N, 2] → months [N].

    With ``mirror`` the reading is the mean over the film and its mirror image.
    """

    def __init__(self, network: Network, months: Callable[[Tensor], Tensor], mirror: bool) -> None:
        super().__init__()
        self.network, self.months, self.mirror = network, months, mirror

    def forward(self, films: Tensor, sex: Tensor) -> Tensor:
        x = films.unsqueeze(1).float() / 255
        months = self.months(self.network(x, sex))
        if self.mirror:
            months = (months + self.months(self.network(x.flip(-1), sex))) / 2
        return months
