"""Trained networks as they are used: one alone, or several that read the same films and give their mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from .head import Network, resized

QUICK = 0.75  # of the side in pixels: what a quick prediction sees, in half of the time


class Outputs(NamedTuple):
    """What trained networks give for N films.

    Attributes:
        months: bone ages, [N].
        expected_error: in months, [N]; None if the network has no such output.
        features: of the backbone, [N, F]; films that look alike have features that are alike.
        quick_months: of an ensemble, quick predictions of M films of their own, [M].
    """

    months: Tensor
    expected_error: Tensor | None = None
    features: Tensor | None = None
    quick_months: Tensor | None = None


class Single(nn.Module):
    """One trained network: uint8 films [N, S, S] as `prepare` gives them and sex [N, 2] → `Outputs`.

    ``months`` turns the head's raw ages [N, outputs] into months [N] (see `boneage.training.losses.Output`).
    """

    def __init__(self, network: Network, months: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.months = network, months

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        return ["months", *(["expected_error"] if self.network.expected_error is not None else []), "features"]

    def forward(self, films: Tensor, sex: Tensor) -> Outputs:
        return self.predict(films.unsqueeze(1).float() / 255, sex)

    def predict(self, x: Tensor, sex: Tensor) -> Outputs:
        """`Outputs` for films float [N, 1, S, S] in [0, 1]."""
        raw = self.network(x, sex)
        error = None if raw.expected_error is None else raw.expected_error.exp()
        return Outputs(self.months(raw.age), error, raw.features)


class Ensemble(nn.Module):
    """Several trained networks: uint8 films [N, S, W] and sex [N, 2] → `Outputs`.

    Member k reads the square that begins at column ``squares[k][0]``, scaled to a side of ``squares[k][1]`` pixels. The
    bone age is the mean over the members, the features stand side by side. The expected error is that of the first
    member, widened by the variance σ² of the members' ages: √(error² + σ²). For a quick prediction of ``quick_films``,
    uint8 [M, S, W], with ``quick_sex`` [M, 2], the first member alone is run, at `QUICK` of its side.
    """

    def __init__(self, members: Sequence[Single], squares: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.members, self.squares = nn.ModuleList(members), tuple(squares)
        self.has_expected_error = "expected_error" in members[0].outputs

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        return ["months", *(["expected_error"] if self.has_expected_error else []), "features", "quick_months"]

    def forward(
        self, films: Tensor, sex: Tensor, quick_films: Tensor | None = None, quick_sex: Tensor | None = None
    ) -> Outputs:
        if quick_films is None or quick_sex is None:
            quick_films, quick_sex = films[:0], sex[:0]
        members = cast(Sequence[Single], self.members)
        each = [_on_square(*member, films, sex) for member in zip(members, self.squares, strict=True)]
        months = torch.stack([one.months for one in each])
        features = torch.cat([one.features for one in each if one.features is not None], dim=1)
        error = each[0].expected_error
        if error is not None:
            error = (error.square() + months.var(0, correction=0)).sqrt()
        start, size = self.squares[0]
        quick = _on_square(members[0], (start, round(QUICK * size)), quick_films, quick_sex)
        return Outputs(months.mean(0), error, features, quick.months)


def _on_square(member: Single, square: tuple[int, int], films: Tensor, sex: Tensor) -> Outputs:
    """One member's outputs for its square (first column, side in pixels) of uint8 films [N, S, W]."""
    start, size = square
    pixels = films[..., start : start + films.shape[1]].unsqueeze(1).float() / 255
    return member.predict(resized(pixels, size), sex)
