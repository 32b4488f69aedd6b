"""A network that sees one piece of the hand at a time, and tells the age by any set of pieces.

The backbone turns each piece (`boneage.hand.bone_regions`) into features by itself, the carpals larger than the others.
The head, which is that of `boneage.models.head` but for one matrix for each kind of piece in place of one for all, sees
the mean over the pieces that are shown. So a hand costs one pass whatever is asked of it, and a piece that is hidden
has no part in the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..config import CELLS, ModelConfig, PrepareConfig
from ..hand.bone_regions import KINDS, PIECES, WRIST, WRIST_PIECES, Piece, first_row, masks, single_cells
from . import backbone
from .head import EXPECTED_ERROR_FEATURES, SEX_FEATURES, resized

FINE = 1.4  # how much larger the carpals are seen than the other pieces: they say least, and more when they are larger


class Answers(NamedTuple):
    """What the network says of N hands to Q questions, before it is turned into months.

    Attributes:
        age: [N, Q, outputs] (see `boneage.training.losses`).
        expected_error: the logarithm of the expected error in months, [N, Q].
        male: the logit of "male", [N, Q].
    """

    age: Tensor
    expected_error: Tensor
    male: Tensor


class RegionalNetwork(nn.Module):
    """Montages float [N, 1, S, S] in [0, 1], sex [N, 2] and what is shown, float [Q, 15] of 0 and 1, to `Answers`.

    ``size`` is that of the montage the pieces are cut from, in pixels; it is resized to it.
    """

    mean: Tensor
    std: Tensor
    areas: Tensor

    def __init__(self, config: ModelConfig, spec: PrepareConfig, outputs: int, size: int) -> None:
        super().__init__()
        self.channels, self.size = spec.channels, size
        self.fine = CELLS * round(FINE * size / CELLS)  # whole pixels a cell
        self.register_buffer("mean", torch.tensor(spec.mean))
        self.register_buffer("std", torch.tensor(spec.std))
        self.register_buffer("areas", torch.tensor([piece.area for piece in PIECES]), persistent=False)
        self.backbone = backbone(config, spec.channels)
        self.head = PiecesHead(int(self.backbone.features), outputs, config)

    def forward(self, montages: Tensor, sex: Tensor, shown: Tensor) -> Answers:
        return self.head(self.features(montages), sex, self.shares(shown))

    def shares(self, shown: Tensor) -> Tensor:
        """The weight of each piece in each question, [Q, 15], by its area; each row sums to 1."""
        weights = shown * self.areas
        return weights / weights.sum(1, keepdim=True)

    def features(self, montages: Tensor) -> Tensor:
        """The features of each piece, float [N, 15, F]."""
        pieces = self.pieces(montages)
        each = [self.backbone(self.normalised(x.flatten(0, 1))).unflatten(0, (-1, x.shape[1])) for x in pieces]
        return torch.cat(each, 1)

    def pieces(self, montages: Tensor) -> tuple[Tensor, ...]:
        """The pieces, as three: the carpals, the wrist's other pieces, and the other tiles.

        float [N, 1, 1, f, 2 f], [N, 2, 1, c, 2 c] and [N, 12, 1, c, c]; a cell has f pixels for the carpals, else c.
        """
        cell, tile = self.size // CELLS, montages.shape[-1] // CELLS * WRIST
        fine = resized(montages[..., :tile, :tile], self.fine // CELLS * WRIST)
        coarse = resized(montages, self.size)
        wrist = _cut(coarse[..., : WRIST * cell, : WRIST * cell], WRIST_PIECES[1:])
        tiles = coarse.reshape(-1, CELLS, cell, CELLS, cell).transpose(2, 3).reshape(-1, CELLS**2, cell, cell)
        return self.carpals(fine), wrist, tiles[:, single_cells()].unsqueeze(2)

    def carpals(self, wrist: Tensor) -> Tensor:
        """The first piece, float [N, 1, 1, f, 2 f], of the wrist's tile, float [N, 1, 2 f, 2 f]."""
        return _cut(wrist, WRIST_PIECES[:1])

    def normalised(self, x: Tensor) -> Tensor:
        """Pieces float [n, 1, h, w] in [0, 1] as the backbone takes them."""
        return ((x - self.mean) / self.std).expand(-1, self.channels, -1, -1)


def _cut(wrist: Tensor, pieces: Sequence[Piece]) -> Tensor:
    """Pieces [N, k, 1, c, 2 c] of the wrist's tile [N, 1, 2 c, 2 c].

    Outside its outline a piece is as grey as the mean within.
    """
    cell = wrist.shape[-1] // WRIST
    numbers = [WRIST_PIECES.index(piece) for piece in pieces]
    shown = torch.from_numpy(masks(cell)[numbers] > 0).to(wrist.device)
    tops = [first_row(piece, cell) for piece in pieces]
    found = torch.stack([wrist[:, 0, top : top + cell] for top in tops], 1)
    grey = torch.where(shown, found, 0.0).sum((2, 3), keepdim=True) / shown.sum((1, 2))[:, None, None]
    return torch.where(shown, found, grey).unsqueeze(2)


class PiecesHead(nn.Module):
    """Features [N, 15, F] of pieces, sex [N, 2] and the weights of the pieces [Q, 15] to `Answers`.

    The gradient of the expected error stops at the features, as in `boneage.models.head.ExpectedErrorHead`.
    """

    def __init__(self, features: int, outputs: int, config: ModelConfig) -> None:
        super().__init__()
        self.kinds = nn.ModuleList([nn.Linear(features, config.hidden, bias=False) for _ in KINDS])
        self.sex = nn.Linear(2, SEX_FEATURES)
        self.hidden = nn.Linear(SEX_FEATURES, config.hidden)
        self.shown = nn.Linear(len(PIECES), config.hidden, bias=False)
        self.act = nn.GELU()
        self.last = nn.Linear(config.hidden, outputs)
        self.guess = nn.Linear(features, 1)
        self.error = nn.Linear(features + 2, EXPECTED_ERROR_FEATURES)
        self.error_shown = nn.Linear(len(PIECES), EXPECTED_ERROR_FEATURES, bias=False)
        self.error_last = nn.Linear(EXPECTED_ERROR_FEATURES, 1)

    def forward(self, features: Tensor, sex: Tensor, weights: Tensor) -> Answers:
        seen = weights @ features  # [N, Q, F]
        male = self.guess(seen)
        estimate = male.detach().sigmoid()
        sex = sex[:, None].expand(-1, len(weights), -1)
        known = sex + (1 - sex.sum(2, keepdim=True)) * torch.cat([1 - estimate, estimate], 2)
        each = torch.stack([self.kinds[KINDS.index(p.kind)](features[:, i]) for i, p in enumerate(PIECES)], 1)
        x = weights @ each + self.hidden(self.sex(known)) + self.shown(weights)
        error = self.error(torch.cat([seen.detach(), sex], 2)) + self.error_shown(weights)
        return Answers(self.last(self.act(x)), self.error_last(self.act(error))[..., 0], male[..., 0])


class RegionalReader(nn.Module):
    """The network as it is exported: uint8 montages [N, S, S] and sex [N, 2] to months and expected errors [N, Q].

    ``months`` turns raw ages [n, outputs] into months [n]; ``asked``, float [Q, 15], is what is shown.
    """

    asked: Tensor

    def __init__(self, network: RegionalNetwork, months: nn.Module | object, asked: Tensor) -> None:
        super().__init__()
        self.network, self.months = network, months
        self.register_buffer("asked", asked)

    def forward(self, films: Tensor, sex: Tensor) -> tuple[Tensor, Tensor]:
        found = self.network(films.unsqueeze(1).float() / 255, sex, self.asked)
        months = self.months(found.age.flatten(0, 1)).unflatten(0, (-1, len(self.asked)))  # type: ignore[operator]
        return months, found.expected_error.exp()
