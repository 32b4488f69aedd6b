from __future__ import annotations

from functools import cache

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from boneage.config import AugmentConfig, Config, DataConfig, ModelConfig, PrepareConfig, TrainConfig, override
from boneage.errors import BadConfig
from boneage.models.head import Network, PlainHead
from boneage.training.losses import Log, output
from boneage.training.optimizer import optimizer
from boneage.training.recipes import RECIPES, recipe

REFERENCE = ("resnet50_plain", "inception_v4_plain")


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


@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_systems_are_the_reference(name: str) -> None:
    config = recipe(name)
    assert config.prepare == PrepareConfig(size=256, channels=3)
    assert config.data == DataConfig()
    assert config.model == ModelConfig(name=name.removesuffix("_plain"), sex=False)
    assert config.augment == AugmentConfig()
    train = TrainConfig(loss="msle", optimizer="adam", weight_decay=0, clip=0, ema=0, patience=config.train.patience)
    assert config.train == train


@pytest.mark.parametrize("name", REFERENCE)
def test_the_settings_of_the_reference_mean_what_they_say(name: str) -> None:
    """Whatever the defaults are: no sex, no augmentation, GELU, MSLE on log1p, Adam without decay."""
    config = recipe(name)
    assert (config.model.activation, config.model.pretrained, config.model.attention) == ("gelu", "none", "none")
    assert set(vars(config.augment).values()) == {0.0}
    assert isinstance(output(config.train, 120.0, 40.0), Log)
    made = optimizer(untrained(config), config.train)
    assert type(made) is torch.optim.Adam
    assert {group["weight_decay"] for group in made.param_groups} == {0.0}


@pytest.mark.parametrize(
    ("name", "units", "weights"), [("resnet50_plain", 49, 23_510_081), ("inception_v4_plain", 149, 41_144_353)]
)
def test_the_reference_networks_have_the_known_counts(name: str, units: int, weights: int) -> None:
    network = untrained(recipe(name))
    parts = list(network.modules())
    assert sum(isinstance(part, nn.GELU) for part in parts) == units
    assert not any(isinstance(part, nn.ReLU | nn.ReLU6 | nn.SiLU | nn.LeakyReLU | nn.Dropout) for part in parts)
    assert sum(parameter.numel() for parameter in network.parameters()) == weights
    assert isinstance(network.head, PlainHead)
    assert network.channels == 3


@pytest.mark.parametrize("name", ["resnet50", "inception_v4"])
def test_the_augmented_ones_add_sex_and_augmentation_to_the_same(name: str) -> None:
    plain, config = recipe(f"{name}_plain"), recipe(name)
    assert config.model.sex
    assert config.augment.flip == 0.5
    assert config.prepare == plain.prepare
    assert (config.train.loss, config.train.optimizer) == ("msle", "adam")


def test_an_unknown_recipe_is_named_and_the_known_listed() -> None:
    with pytest.raises(BadConfig, match=f"no recipe is named 'slow'; known: {', '.join(RECIPES)}"):
        recipe("slow")
