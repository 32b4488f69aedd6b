"""Weights as whole numbers: what they cost, and that no processor adds them past its range."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from boneage.training.rounding import LARGEST, LARGEST_PAIR, rounded, scales, span, within_pairs


def kernels(outputs: int = 12, length: int = 150) -> torch.Tensor:
    return torch.randn(outputs, length, generator=torch.Generator().manual_seed(1))


def smooth(length: int = 150, places: int = 2000) -> torch.Tensor:
    """Inputs whose neighbours are alike, [length, places]."""
    rough = torch.randn(length, places, generator=torch.Generator().manual_seed(2))
    return rough.cumsum(0) * 0.3 + rough


def test_rounding_by_the_films_costs_much_less_than_to_the_nearest() -> None:
    weights, seen = kernels(), smooth()
    steps = scales(weights, in_pairs=True)
    covariance = seen @ seen.T / seen.shape[1]

    def cost(whole: torch.Tensor) -> float:
        return float(((whole * steps[:, None] - weights) @ seen).square().mean().sqrt())

    chosen = rounded(weights[None], covariance[None], steps[None])[0]
    assert torch.equal(chosen, chosen.round())
    assert chosen.abs().max() <= LARGEST
    assert cost(chosen) < 0.7 * cost(torch.round(weights / steps[:, None]))


def test_each_depthwise_kernel_is_rounded_by_what_it_sees_itself() -> None:
    weights, seen = kernels(2, 9), torch.stack([smooth(9), smooth(9).flip(0) * torch.arange(1, 10)[:, None]])
    covariance = seen @ seen.transpose(1, 2) / seen.shape[2]
    steps = scales(weights, in_pairs=False)
    together = rounded(weights[:, None], covariance, steps[:, None])
    alone = [rounded(weights[n, None, None], covariance[n, None], steps[n, None, None]) for n in (0, 1)]
    assert torch.equal(together, torch.cat(alone))


@pytest.mark.parametrize("length", [8, 9])
def test_neighbours_of_one_sign_never_sum_to_more_than_sixteen_bits_take(length: int) -> None:
    weights = kernels(200, length)
    weights[0, :2], weights[1, :2] = 5.0, torch.tensor([5.0, -5.0])
    whole = within_pairs(torch.round(weights / scales(weights, in_pairs=True)[:, None]))
    padded = torch.nn.functional.pad(whole, (0, length % 2))
    assert padded.unflatten(1, (-1, 2)).sum(2).abs().max() <= LARGEST_PAIR
    assert 255 * LARGEST_PAIR <= 2**15 - 1
    assert whole[1].abs().max() == LARGEST  # neighbours of two signs may be as large as they like


def test_too_large_a_pair_gives_up_no_more_than_it_must() -> None:
    whole = torch.tensor([[127.0, 10.0, -100.0, -60.0, 127.0, -127.0, 3.0]])
    assert within_pairs(whole).tolist() == [[118.0, 10.0, -68.0, -60.0, 127.0, -127.0, 3.0]]


def test_a_range_leaves_out_what_is_too_rare_to_be_worth_its_steps() -> None:
    values = np.random.default_rng(0).normal(size=20_000).astype(np.float32)
    low, high = span(values, is_clipped=False)
    assert values.min() <= low < -2.5
    assert 2.5 < high <= values.max()
    values[0] = 12.0
    assert 2.5 < span(values, is_clipped=False)[1] < 12.0
    assert span(np.clip(values, 0, 6), is_clipped=True)[0] == 0.0
    assert span(np.zeros(9, np.float32), is_clipped=True)[1] > 0
