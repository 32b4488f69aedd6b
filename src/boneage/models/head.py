"""The whole network: bytes' brightness normalised, a backbone, and a head that takes the sex or leaves it out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.amp.autocast_mode import is_autocast_available
from torch.nn import functional

from ..config import ModelConfig, PrepareConfig
from ..types import Sex
from . import backbone

SEX_FEATURES, SPREAD_FEATURES = 32, 64
GLANCE = 0.75  # of a side: large enough to tell where a network looks, and in half of the time
USUAL_ERROR = 8.0  # months: where the spread starts


class Answer(NamedTuple):
    """What the network says of N films, raw.

    ``age``: [N, outputs], see `boneage.training.losses`. ``male``: the logit of "male" [N]. ``spread``: the logarithm
    of the error to expect, in months [N]. These two are None where the configuration has no such output.
    ``features``: the backbone's, [N, F], before the sex is told.
    """

    age: Tensor
    male: Tensor | None = None
    spread: Tensor | None = None
    features: Tensor | None = None


class Network(nn.Module):
    """films float [N, 1, S, S] in [0, 1] and sex [N, 2] (see `encode`) → `Answer`.

    In training the sex is withheld from a share of the films, so that the network also knows what to say when nobody
    tells it.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: ModelConfig, spec: PrepareConfig, outputs: int, bias: float | Tensor = 0.0) -> None:
        super().__init__()
        self.channels = spec.channels
        self.withheld = config.sex_dropout if config.sex else 0.0
        self.register_buffer("mean", torch.tensor(spec.mean))
        self.register_buffer("std", torch.tensor(spec.std))
        self.backbone = backbone(config, spec.channels)
        features = int(self.backbone.features)
        self.head = SexHead(features, outputs, config) if config.sex else PlainHead(features, outputs)
        self.spread = SpreadHead(features) if config.spread_loss else None
        with torch.no_grad():
            self.head.last.bias.copy_(torch.as_tensor(bias))

    def forward(self, films: Tensor, sex: Tensor) -> Answer:
        x = ((films - self.mean) / self.std).expand(-1, self.channels, -1, -1)
        features = self.backbone(x)
        if self.training and self.withheld:
            sex = sex * (torch.rand(len(sex), 1, device=sex.device) >= self.withheld)
        with exact(x.device):  # bfloat16 has steps of 3 % in a logarithm of months
            features = features.float()
            age, male = self.head(features, sex)
            return Answer(age, male, self.spread(features, sex) if self.spread else None, features)


def exact(device: torch.device) -> AbstractContextManager[object]:
    """Float32 within a step of mixed precision, on a device that has such steps."""
    return torch.autocast(device.type, enabled=False) if is_autocast_available(device.type) else nullcontext()


class PlainHead(nn.Module):
    """One linear layer on the features; the sex is ignored."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.last = nn.Linear(features, outputs)

    def forward(self, features: Tensor, sex: Tensor) -> tuple[Tensor, None]:
        return self.last(features), None


class SexHead(nn.Module):
    """Features and sex through one hidden layer. With ``config.sex_loss`` the head also tells the sex, which it learns
    from every film, and reads a film of unknown sex by its own estimate."""

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
            sex = sex + (1 - sex.sum(1, keepdim=True)) * torch.cat([1 - estimate, estimate], dim=1)
            male = male[:, 0]
        x = torch.cat([self.drop(features), self.sex(sex)], dim=1)
        return self.last(self.drop(self.act(self.hidden(x)))), male


class SpreadHead(nn.Module):
    """The error to expect, from what the film looks like and whether the sex is known. It learns from the features and
    does not bend them."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(features + 2, SPREAD_FEATURES)
        self.act = nn.GELU()
        self.last = nn.Linear(SPREAD_FEATURES, 1)
        nn.init.constant_(self.last.bias, math.log(USUAL_ERROR))

    def forward(self, features: Tensor, sex: Tensor) -> Tensor:
        return self.last(self.act(self.hidden(torch.cat([features.detach(), sex], dim=1))))[:, 0]


def encode(sexes: Sequence[Sex]) -> Tensor:
    """Sexes as float [N, 2]: female (1, 0), male (0, 1), unknown (0, 0)."""
    return torch.tensor([sex.code for sex in sexes], dtype=torch.float32).view(-1, 2)


def resized(x: Tensor, size: int) -> Tensor:
    """Films float [N, 1, S, S] at another side in pixels: [N, 1, size, size]."""
    if x.shape[-1] == size:
        return x
    return functional.interpolate(x, size=(size, size), mode="bilinear", antialias=True, align_corners=False)


class Told(NamedTuple):
    """What is told of N films: in months [N] the bone age and, if the network says it, the error to expect; the
    backbone's features [N, F], by which films that look alike are found; and, of several networks, the bone ages by the
    first of them of the M films that it alone was asked about, in months [M]."""

    months: Tensor
    spread: Tensor | None = None
    features: Tensor | None = None
    alone: Tensor | None = None


class Reader(nn.Module):
    """The network as it is used: uint8 films [N, S, S] as `prepare` gives them and sex [N, 2] → `Told`.

    With ``mirror`` it is the mean over the film and its mirror image.
    """

    def __init__(self, network: Network, months: Callable[[Tensor], Tensor], mirror: bool) -> None:
        super().__init__()
        self.network, self.months, self.mirror = network, months, mirror

    @property
    def outputs(self) -> list[str]:
        """The names of what is told."""
        return ["months", *(["spread"] if self.network.spread is not None else []), "features"]

    def forward(self, films: Tensor, sex: Tensor) -> Told:
        return self.told(films.unsqueeze(1).float() / 255, sex)

    def told(self, x: Tensor, sex: Tensor) -> Told:
        """The same of films float [N, 1, S, S] in [0, 1]."""
        told = self._told(x, sex)
        if not self.mirror:
            return told
        other = self._told(x.flip(-1), sex)
        spread, features = _mean(told.spread, other.spread), _mean(told.features, other.features)
        return Told((told.months + other.months) / 2, spread, features)

    def _told(self, x: Tensor, sex: Tensor) -> Told:
        answer = self.network(x, sex)
        spread = None if answer.spread is None else answer.spread.exp()
        return Told(self.months(answer.age), spread, answer.features)


class Panel(nn.Module):
    """Several readers of the same films: uint8 films [N, S, W] and sex [N, 2] → `Told`, as `Reader`.

    Each reads the square of the films that begins at its own column, at its own side in pixels (``sees``: column and
    side of each), and the bone age is their mean. The features stand side by side. The first of them leads: it tells
    the error to expect, which grows with what all disagree by (its square is that of the leader's plus the variance of
    the ages), and it alone is asked about ``films_alone``, uint8 [M, S, W], with ``sex_alone`` [M, 2], at `GLANCE` of
    its side.
    """

    def __init__(self, readers: Sequence[Reader], sees: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.readers, self.sees = nn.ModuleList(readers), tuple(sees)
        self.tells_spread = "spread" in readers[0].outputs

    @property
    def outputs(self) -> list[str]:
        """The names of what is told."""
        return ["months", *(["spread"] if self.tells_spread else []), "features", "alone"]

    def forward(
        self, films: Tensor, sex: Tensor, films_alone: Tensor | None = None, sex_alone: Tensor | None = None
    ) -> Told:
        if films_alone is None or sex_alone is None:
            films_alone, sex_alone = films[:0], sex[:0]
        readers = cast(Sequence[Reader], self.readers)
        told = [_seen(*each, films, sex) for each in zip(readers, self.sees, strict=True)]
        months = torch.stack([each.months for each in told])
        features = torch.cat([each.features for each in told if each.features is not None], dim=1)
        spread = told[0].spread
        if spread is not None:
            spread = (spread.square() + months.var(0, correction=0)).sqrt()
        start, size = self.sees[0]
        alone = _seen(readers[0], (start, round(GLANCE * size)), films_alone, sex_alone)
        return Told(months.mean(0), spread, features, alone.months)


def _seen(reader: Reader, where: tuple[int, int], films: Tensor, sex: Tensor) -> Told:
    """What one of several readers says of its square (column and side) of uint8 films [N, S, W]."""
    start, size = where
    square = films[..., start : start + films.shape[1]]
    return reader.told(resized(square.unsqueeze(1).float() / 255, size), sex)


def _mean(a: Tensor | None, b: Tensor | None) -> Tensor | None:
    return None if a is None or b is None else (a + b) / 2
