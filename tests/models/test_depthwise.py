"""Depthwise convolution: the same numbers as the library's, by other kernels."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn.functional import conv2d

from boneage.models.depthwise import depthwise

SHAPES = [(k, s, p, side) for k in (3, 5, 7) for s in (1, 2) for p in (0, k // 2) for side in (13, 14)]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize(("kernel", "stride", "padding", "side"), SHAPES)
def test_values_and_gradients_are_those_of_the_plain_convolution(
    kernel: int, stride: int, padding: int, side: int, dtype: torch.dtype
) -> None:
    torch.manual_seed(kernel)
    films = torch.randn(4, 16, side, side + 1).to(memory_format=torch.channels_last)
    weight = torch.randn(16, 1, kernel, kernel)
    films, weight = films.bfloat16().float(), weight.bfloat16().float()  # what bfloat16 can hold
    bias = torch.randn(16).bfloat16().float()
    plain = [tensor.clone().requires_grad_() for tensor in (films, weight, bias)]
    ours = [tensor.clone().requires_grad_() for tensor in (films, weight, bias)]
    wanted = conv2d(*plain, stride, padding, 1, 16)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        got = depthwise(*ours, stride, padding)
    assert got.dtype == dtype
    grad = torch.randn(wanted.shape).bfloat16().float()
    wanted.backward(grad)
    got.float().backward(grad)
    pairs = zip([got, *(one.grad for one in ours)], [wanted, *(one.grad for one in plain)], strict=True)
    for a, b in pairs:
        assert (a.float() - b).norm() < {torch.bfloat16: 0.005, torch.float32: 1e-6}[dtype] * b.norm()


def test_only_what_needs_a_gradient_gets_one() -> None:
    films, weight = torch.randn(2, 4, 6, 6), torch.randn(4, 1, 3, 3, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        depthwise(films, weight, None, 1, 1).float().sum().backward()
    assert weight.grad is not None
    assert weight.grad.dtype == torch.float32


def test_without_gradients_it_is_the_plain_convolution() -> None:
    films, weight = torch.randn(2, 4, 6, 6), torch.randn(4, 1, 3, 3, requires_grad=True)
    assert torch.equal(depthwise(films, weight, None, 2, 1), conv2d(films, weight, None, 2, 1, 1, 4))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(depthwise(films, weight, None, 2, 1), conv2d(films, weight, None, 2, 1, 1, 4))
