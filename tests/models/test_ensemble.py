from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn

from boneage.models.ensemble import QUICK, Ensemble, Single
from boneage.models.head import RawOutputs


class Left(nn.Module):
    """Reads the mean brightness of the film's left half, and a sure error of e months."""

    def __init__(self, with_error: bool = False) -> None:
        super().__init__()
        self.expected_error = object() if with_error else None
        self.sides: list[int] = []

    def forward(self, films: Tensor, sex: Tensor) -> RawOutputs:
        self.sides.append(films.shape[-1])
        age = films[:, :, :, : films.shape[-1] // 2].mean((1, 2, 3), keepdim=True).flatten(1) + sex[:, :1]
        return RawOutputs(age, None, torch.ones(len(films)) if self.expected_error else None, age)


def single(times: float, with_error: bool = False) -> Single:
    return Single(Left(with_error), lambda raw: times * raw[:, 0])


def half_bright() -> Tensor:
    """Two films: black, and bright on the left."""
    films = torch.zeros(2, 8, 8, dtype=torch.uint8)
    films[1, :, :4] = 255
    return films


def test_a_network_takes_bytes_and_gives_months() -> None:
    network = single(100)
    assert network(half_bright(), torch.zeros(2, 2)).months.tolist() == [0, 100]
    assert network(half_bright(), torch.ones(2, 2)).months.tolist() == [100, 200]
    assert network.outputs == ["months", "features"]


def test_an_ensemble_gives_the_mean_and_an_error_that_grows_with_disagreement() -> None:
    ensemble = Ensemble([single(100, True), single(60, True)], [(0, 8), (0, 8)])
    assert ensemble.outputs == ["months", "expected_error", "features", "quick_months"]
    outputs = ensemble(half_bright(), torch.zeros(2, 2))
    assert outputs.months.tolist() == [0, 80]
    expected = torch.tensor([torch.e, (torch.e**2 + 20**2) ** 0.5])
    torch.testing.assert_close(outputs.expected_error, expected)
    assert outputs.features.shape == (2, 2)
    assert outputs.quick_months.shape == (0,)


def test_each_member_sees_its_own_square() -> None:
    films = torch.cat(
        [torch.zeros(1, 8, 8), torch.full((1, 8, 8), 255)], dim=2
    ).byte()  # the hand black, the joints white
    ensemble = Ensemble([single(100), single(100)], [(0, 8), (8, 4)])
    assert ensemble(films, torch.zeros(1, 2)).months.tolist() == [50]
    assert ensemble.members[1].network.sides[0] == 4


def test_a_quick_prediction_is_the_first_members_on_a_smaller_picture() -> None:
    ensemble = Ensemble([single(100), single(60)], [(0, 8), (0, 8)])
    films = half_bright()
    outputs = ensemble(films[:0], torch.zeros(0, 2), films, torch.zeros(2, 2))
    assert outputs.months.shape == (0,)
    assert outputs.quick_months.tolist() == pytest.approx([0, 100], abs=5)
    assert ensemble.members[0].network.sides == [8, round(QUICK * 8)]
