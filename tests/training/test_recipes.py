from __future__ import annotations

from functools import cache

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from boneage.config import AugmentConfig, Config, override
from boneage.errors import BadConfig
from boneage.models.head import Network, PlainHead
from boneage.training.losses import Log, output
from boneage.training.optimizer import optimizer
from boneage.training.recipes import RECIPES, recipe

REFERENCES = ("resnet50", "inception_v4")


@cache
def untrained(config: Config) -> Network:
    """The network without values: shapes and counts at no cost."""
    meaning = output(config.train, 120.0, 40.0)
    with torch.device("meta"):
        return Network(config.model, config.prepare, meaning.outputs)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_builds(name: str) -> None:
    config = override(recipe(name), ["model.pretrained=none"])
    network = untrained(config)
    optimizer(network, config.train)
    with torch.device("meta"):
        films = torch.rand(2, 1, config.prepare.size, config.prepare.size)
        assert network(films, torch.zeros(2, 2)).age.shape == (2, output(config.train, 120.0, 40.0).outputs)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_knows_its_name_and_says_what_it_is(name: str) -> None:
    assert recipe(name).recipe == name
    assert RECIPES[name].__doc__
    assert Config.from_dict(recipe(name).to_dict()) == recipe(name)


@pytest.mark.parametrize("name", REFERENCES)
def test_the_reference_systems_are_the_reference(name: str) -> None:
    """256 × 256 × 3, GELU, MSLE and Adam without decay, from random weights, with the sex and augmentation."""
    config = recipe(name)
    assert (config.prepare.size, config.prepare.channels) == (256, 3)
    assert (config.model.name, config.model.activation, config.model.pretrained) == (name, "gelu", "none")
    assert config.model.attention == "none"
    assert config.model.sex
    assert config.augment != AugmentConfig()
    assert isinstance(output(config.train, 120.0, 40.0), Log)
    made = optimizer(untrained(config), config.train)
    assert type(made) is torch.optim.Adam
    assert {group["weight_decay"] for group in made.param_groups} == {0.0}


@pytest.mark.parametrize(
    ("name", "units", "weights"), [("resnet50", 49, 23_510_081), ("inception_v4", 149, 41_144_353)]
)
def test_the_reference_networks_have_the_known_counts(name: str, units: int, weights: int) -> None:
    """As published: with one output and without the sex, and GELU everywhere."""
    network = untrained(override(recipe(name), ["model.sex=false", "model.expected_error_loss=0"]))
    parts = list(network.modules())
    assert sum(isinstance(part, nn.GELU) for part in parts) == units
    assert not any(isinstance(part, nn.ReLU | nn.ReLU6 | nn.SiLU | nn.LeakyReLU | nn.Dropout) for part in parts)
    assert sum(parameter.numel() for parameter in network.parameters()) == weights
    assert isinstance(network.head, PlainHead)
    assert network.channels == 3


def test_an_unknown_recipe_is_named_and_the_known_listed() -> None:
    with pytest.raises(BadConfig, match=f"no recipe is named 'slow'; known: {', '.join(RECIPES)}"):
        recipe("slow")
