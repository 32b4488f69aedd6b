from __future__ import annotations

import copy
import math

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from boneage.config import TrainConfig
from boneage.errors import BadConfig
from boneage.training.optimizer import (
    OPTIMIZERS,
    Average,
    learning_rate,
    optimizer,
    optimizer_tensors,
    restore_optimizer,
)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 1))
    return layers.to(memory_format=torch.channels_last)


def steps(layers: nn.Sequential, optimiser: torch.optim.Optimizer, numbers: range) -> None:
    for number in numbers:
        films = torch.randn(5, 3, 4, 4, generator=torch.Generator().manual_seed(number))
        layers(films).square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()


@pytest.mark.parametrize(
    ("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)]
)
def test_optimisers_decay_matrices_and_filters_only(name: str, kind: type) -> None:
    layers = network()
    made = optimizer(layers, TrainConfig(optimizer=name, lr=0.5, weight_decay=0.1))
    assert type(made) is kind
    decay = {id(p): group["weight_decay"] for group in made.param_groups for p in group["params"]}
    assert {n: decay[id(p)] for n, p in layers.named_parameters()} == {
        "0.weight": 0.1, "0.bias": 0.0, "1.weight": 0.0, "1.bias": 0.0, "3.weight": 0.1, "3.bias": 0.0
    }  # fmt: skip
    assert all(group["lr"] == 0.5 for group in made.param_groups)


def test_an_unknown_optimiser_is_named() -> None:
    with pytest.raises(BadConfig, match=r"unknown train\.optimizer 'lion'; known: adam, adamw, sgd"):
        optimizer(network(), TrainConfig(optimizer="lion"))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_restored_optimiser_goes_on_bit_for_bit(name: str) -> None:
    config = TrainConfig(optimizer=name, lr=0.01, weight_decay=0.1)
    unbroken = network()
    first = optimizer(unbroken, config)
    steps(unbroken, first, range(3))
    broken = copy.deepcopy(unbroken)
    stored = {key: tensor.clone().contiguous() for key, tensor in optimizer_tensors(first).items()}
    second = optimizer(broken, config)
    restore_optimizer(second, stored)
    layouts = [{k: v.stride() for k, v in o.state[o.param_groups[0]["params"][0]].items()} for o in (first, second)]
    assert layouts[0] == layouts[1]  # another layout could round differently
    steps(unbroken, first, range(3, 6))
    steps(broken, second, range(3, 6))
    assert all(torch.equal(a, b) for a, b in zip(unbroken.parameters(), broken.parameters(), strict=True))


def test_a_fresh_optimiser_has_nothing_to_store() -> None:
    made = optimizer(network(), TrainConfig())
    assert optimizer_tensors(made) == {}
    restore_optimizer(made, {})


@pytest.mark.parametrize(
    ("step", "rate"),
    [
        (0, 0.1),  # a tenth of the way up
        (4, 0.5),
        (9, 1.0),
        (10, 1.0),  # the cosine's top
        (55, 0.01 + 0.99 / 2),  # its middle
        (100, 0.01),  # its end
    ],
)
def test_warm_up_and_cosine(step: int, rate: float) -> None:
    assert learning_rate(step, 100, TrainConfig(lr=1.0, warmup=0.1)) == pytest.approx(rate)


def test_the_rate_rises_and_then_only_falls() -> None:
    rates = [learning_rate(step, 200, TrainConfig(lr=3e-3, warmup=0.05)) for step in range(200)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert max(rates) == 3e-3
    assert 0.01 * 3e-3 < min(rates[10:]) < 0.0102 * 3e-3


def test_a_constant_rate_warms_up_too() -> None:
    rates = [learning_rate(step, 10, TrainConfig(lr=1.0, warmup=0.2, schedule="constant")) for step in range(10)]
    assert rates == [0.5] + [1.0] * 9


@pytest.mark.parametrize(("warmup", "all_steps"), [(0.0, 10), (0.0, 1), (1.0, 3), (0.02, 1)])
def test_short_schedules_have_a_rate_for_every_step(warmup: float, all_steps: int) -> None:
    rates = [learning_rate(step, all_steps, TrainConfig(lr=1.0, warmup=warmup)) for step in range(all_steps)]
    assert max(rates) == 1.0
    assert min(rates) > 0


def test_an_average_forgets_as_its_decay_says_and_faster_when_young() -> None:
    layers = nn.Linear(1, 1, bias=False)
    layers.weight.data.fill_(0.0)
    average, expected = Average(layers, 0.5), 0.0
    for step in range(12):
        layers.weight.data.fill_(step + 1.0)
        average.update(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * (step + 1.0)
        assert average.shadow["weight"].item() == pytest.approx(expected, rel=1e-6)


def test_an_average_without_decay_is_the_network() -> None:
    layers = network()
    average = Average(layers, 0.0)
    steps(layers, optimizer(layers, TrainConfig(lr=0.1)), range(2))
    average.update(1)
    state = layers.state_dict()
    assert all(torch.equal(average.shadow[name], state[name]) for name in state)
    assert average.shadow["1.num_batches_tracked"] == 2  # whole numbers are copied


def test_an_average_is_a_copy_and_takes_over_a_stored_one() -> None:
    layers = network()
    average = Average(layers, 0.9)
    stored = {name: torch.full_like(tensor, 2).contiguous() for name, tensor in average.shadow.items()}
    before = copy.deepcopy(layers.state_dict())
    average.restore(stored)
    assert all(torch.equal(average.shadow[name], stored[name]) for name in stored)
    assert all(torch.equal(layers.state_dict()[name], before[name]) for name in before)
    assert average.shadow["0.weight"].is_contiguous(memory_format=torch.channels_last)
    assert math.isclose(float(average.shadow["3.bias"]), 2)
