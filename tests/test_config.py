from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boneage.config import AugmentConfig, Config, DataConfig, ModelConfig, PrepareConfig, TrainConfig, override
from boneage.errors import BadConfig

CHANCES = st.floats(0, 1)
CONFIGS = st.builds(
    Config,
    recipe=st.text(max_size=8),
    prepare=st.builds(PrepareConfig, size=st.integers(1, 4096), low=st.floats(0, 100), mean=CHANCES),
    data=st.builds(DataConfig, seed=st.integers(0, 2**63), limit=st.integers(0, 10**6)),
    model=st.builds(ModelConfig, name=st.text(max_size=8), sex=st.booleans(), dropout=CHANCES),
    augment=st.builds(AugmentConfig, rotation=st.floats(0, 180), erase=CHANCES),
    train=st.builds(TrainConfig, lr=st.floats(0, 10), sizes=st.lists(st.integers(1, 512), max_size=4).map(tuple)),
)


@given(CONFIGS)
def test_comes_back_from_json_as_it_was(config: Config) -> None:
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_setting_that_a_stored_configuration_lacks_takes_its_default() -> None:
    values = Config().to_dict()
    del values["train"]["freeze_batchnorm"], values["augment"]
    assert Config.from_dict(values) == Config()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": {"naem": "x"}}, "unknown setting model.naem"),
        ({"modle": {}}, "unknown setting modle"),
        ({"model": 3}, "model. should be an object"),
        ({"train": {"epochs": 2.5}}, "train.epochs should be int, found 2.5"),
        ({"train": {"epochs": True}}, "train.epochs should be int, found True"),
        ({"model": {"sex": 1}}, "model.sex should be bool, found 1"),
        ({"train": {"lr": True}}, "train.lr should be float, found True"),
        ({"train": {"lr": "fast"}}, "train.lr should be float, found 'fast'"),
        ({"train": {"lr": float("inf")}}, "train.lr should be float, found inf"),
        ({"train": {"sizes": [64, "96"]}}, "train.sizes should be int, found '96'"),
        ({"train": {"sizes": 64}}, "train.sizes should be"),
    ],
)
def test_values_that_do_not_belong_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadConfig) as caught:
        Config.from_dict(values)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("train.epochs=7", 7),
        ("train.lr=1e-4", 1e-4),
        ("train.lr=1", 1.0),
        ("train.sizes=96,128", (96, 128)),
        ("train.sizes=", ()),
        ("model.sex=false", False),
        ("model.sex=True", True),
        (" model.name = tiny ", "tiny"),
        ("model.name=timm:a=b", "timm:a=b"),
    ],
)
def test_override_parses_by_the_settings_type(word: str, value: object) -> None:
    changed = override(Config(), [word])
    section, name = word.partition("=")[0].strip().split(".")
    found = getattr(getattr(changed, section), name)
    assert found == value
    assert type(found) is type(value)
    before = dataclasses.asdict(Config())
    assert {**changed.to_dict(), section: before[section]} == before  # nothing else moved


def test_later_overrides_win() -> None:
    assert override(Config(), ["train.batch=4", "train.batch=8"]).train.batch == 8


@pytest.mark.parametrize(
    "word",
    [
        *("", "train", "train.epochs", "train.epochs=", "train.epochs=1.5", "train.lr=nan", "train.lr=inf"),
        *("train.no=1", "no.lr=1", "recipe=x", "recipe.x=1", "model.sex=maybe", "train.sizes=a", "train.sizes=64,0"),
        *("=1", ".=1"),
    ],
)
def test_a_word_that_does_not_fit_is_named(word: str) -> None:
    with pytest.raises(BadConfig) as caught:
        override(Config(), [word])
    assert (word.split("=")[0] or repr(word)) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "word",
    [
        *("epochs=0", "batch=0", "accumulate=0", "save_every=0", "evaluate_every=-1", "patience=-1", "lr=-1"),
        *("seed=-1", "clip=-1", "ema=1.5", "warmup=2", "weight_decay=-0.1", "precision=fp8", "schedule=linear"),
    ],
)
def test_training_settings_outside_their_limits(word: str) -> None:
    with pytest.raises(BadConfig, match=rf"train\.{word.split('=')[0]}"):
        override(Config(), [f"train.{word}"])


@pytest.mark.parametrize(
    "word",
    [
        *("prepare.size=0", "prepare.fit=stretch", "prepare.std=0", "prepare.high=101", "prepare.channels=0"),
        *("data.aspect=wide", "data.limit=-1", "data.seed=-1", "model.dropout=1.1", "model.sex_dropout=-0.1"),
        *("model.hidden=0", "augment.flip=2", "augment.rotation=-1", "augment.marker=1.01"),
    ],
)
def test_other_settings_outside_their_limits(word: str) -> None:
    with pytest.raises(BadConfig, match=word.split("=")[0].replace(".", r"\.")):
        override(Config(), [word])


def test_limits_hold_in_python_too() -> None:
    with pytest.raises(BadConfig, match=r"train\.batch should be at least 1, found 0"):
        TrainConfig(batch=0)
