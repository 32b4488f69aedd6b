"""ReLU6 in place: torch's numbers, without torch's copy."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from boneage.models.activation import ReLU6


def test_values_and_gradients_are_torchs_at_both_ends_too() -> None:
    at_the_ends = [-1.0, -0.0, 0.0, 1e-7, 3.0, 6.0, 6.5, float("inf"), -float("inf")]
    ours, theirs = (torch.tensor(at_the_ends).requires_grad_() for _ in range(2))
    got, wanted = ReLU6()(ours * 1), nn.ReLU6()(theirs * 1)
    assert torch.equal(got, wanted)
    got.sum().backward()
    wanted.sum().backward()
    assert torch.equal(ours.grad, theirs.grad)


def test_it_keeps_one_tensor_which_is_its_result() -> None:
    kept: list[torch.Tensor] = []
    x = torch.randn(4, 3, requires_grad=True)
    inside = x * 1
    with saved_tensors_hooks(lambda one: kept.append(one) or one, lambda one: one):
        got = ReLU6()(inside)
    assert [one.data_ptr() for one in kept] == [got.data_ptr()] == [inside.data_ptr()]


def test_without_gradients_it_is_in_place_too() -> None:
    x = torch.tensor([-1.0, 7.0])
    with torch.no_grad():
        assert ReLU6()(x).data_ptr() == x.data_ptr()
    assert x.tolist() == [0.0, 6.0]
