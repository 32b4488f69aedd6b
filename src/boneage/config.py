"""The configuration of a run: one frozen tree of dataclasses, as JSON and back, with overrides by path."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass, field
from typing import Any

from .errors import BadConfig

CELLS = 4  # along a side of a montage of joints
MOST_VIEWS = 5  # of test-time augmentation (see `boneage.hand.views`)
_INF = math.inf


@dataclass(frozen=True)
class PrepareConfig:
    """How a radiograph becomes the network's pixels; stored with the weights (see `boneage.hand.prepare`)."""

    size: int = 256
    fit: str = "squash"  # squash | pad | crop
    hand: bool = False  # find the hand and bring it upright, to one size, the thumb to the right
    joints: bool = False  # show the hand's joints, each cut out and enlarged, in its place (see `boneage.hand.joints`)
    beside: bool = False  # show them to the right of the hand instead: for several networks that read together
    low: float = 2.0  # percentile of the film that becomes black
    high: float = 96.0  # percentile taken as bright bone; side markers lie above it
    headroom: float = 1.3  # white lies this many times as far above black as bright bone does
    channels: int = 3
    mean: float = 0.5
    std: float = 0.25

    def __post_init__(self) -> None:
        _one_of("prepare", self, fit=("squash", "pad", "crop"))
        _within("prepare", self, size=(1, _INF), low=(0, 100), high=(0, 100), channels=(1, _INF), std=(1e-6, _INF))
        if self.joints and (not self.hand or self.size % CELLS):
            raise BadConfig(f"prepare.joints needs prepare.hand and a prepare.size that is a multiple of {CELLS}")
        if self.beside and not self.joints:
            raise BadConfig("prepare.beside needs prepare.joints")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a prepared film."""
        return self.size, self.size * (1 + self.beside)

    def refuse_beside(self) -> None:
        """BadConfig for a film with its joints beside it: no network alone sees that."""
        if self.beside:
            raise BadConfig("prepare.beside is for networks exported as one: each is trained without it")

    @property
    def in_one(self) -> PrepareConfig:
        """The same with the hand in one piece, as people look at it."""
        return dataclasses.replace(self, joints=False, beside=False)


@dataclass(frozen=True)
class DataConfig:
    """Which films of the data folder are used and how they are split (see `boneage.data.split`)."""

    seed: int = 0
    validation: float = 0.1
    calibration: float = 0.05
    limit: int = 0  # train on this many films only (0: all), drawn by seed
    aspect: str = "stored"  # stored | native: undo a squash where original_sizes.csv is known

    def __post_init__(self) -> None:
        _one_of("data", self, aspect=("stored", "native"))
        _within("data", self, seed=(0, _INF), limit=(0, _INF))


@dataclass(frozen=True)
class ModelConfig:
    """The network and its head."""

    name: str = "resnet50"
    activation: str = "gelu"
    sex: bool = True
    sex_dropout: float = 0.1  # share of the films that are trained on as if their sex were not known
    sex_loss: float = 0.0  # weight of predicting the sex, which then stands in where it is not given; 0: no such output
    expected_error_loss: float = 0.0  # weight of predicting the reading's own error; 0: no such output
    hidden: int = 256
    dropout: float = 0.2
    drop_path: float = 0.0  # share of the films that skip the deepest block with a shortcut; less the shallower
    attention: str = "none"  # none | channel | spatial | both
    pretrained: str = "none"  # none | imagenet
    views: int = 1  # test-time augmentation: a reading is the mean over so many views (see `boneage.hand.views`)

    def __post_init__(self) -> None:
        _within("model", self, sex_dropout=(0, 1), dropout=(0, 1), drop_path=(0, 0.9), hidden=(1, _INF))
        _within("model", self, sex_loss=(0, _INF), expected_error_loss=(0, _INF), views=(1, MOST_VIEWS))


PROBABILITIES = ("flip", "blur", "coarse", "grain", "blocks", "erase", "marker")  # of `AugmentConfig`


@dataclass(frozen=True)
class AugmentConfig:
    """Strengths of the batched augmentation; all zero is none."""

    rotation: float = 0.0  # degrees, each way
    shift: float = 0.0  # fraction of the side, each way
    zoom: float = 0.0  # fraction, each way
    aspect: float = 0.0  # fraction, each way
    shear: float = 0.0  # fraction, each way
    flip: float = 0.0  # probability
    gamma: float = 0.0  # log range, each way
    contrast: float = 0.0  # fraction, each way
    brightness: float = 0.0  # of the full range, each way
    noise: float = 0.0  # largest standard deviation, of the full range
    blur: float = 0.0  # probability
    coarse: float = 0.0  # probability of a lower resolution
    grain: float = 0.0  # probability of the noise of a dim film, stretched with its contrast
    blocks: float = 0.0  # probability of a strong JPEG compression, stretched in the same way
    erase: float = 0.0  # probability
    marker: float = 0.0  # probability

    def __post_init__(self) -> None:
        _within("augment", self, **{name.name: (0, _INF) for name in dataclasses.fields(self)})
        _within("augment", self, **dict.fromkeys(PROBABILITIES, (0, 1)))


@dataclass(frozen=True)
class TrainConfig:
    """Where the weights start, loss, optimiser, schedule and what is saved when."""

    start: str = ""  # a run folder whose weights are taken over, or a recipe that is trained first; empty: neither
    distil: bool = False  # learn to read degraded films as `start` reads them undegraded, from no label
    loss: str = "msle"  # msle | mse | mae | huber | distribution
    huber_beta: float = 4.0  # months
    label_sigma: float = 6.5  # months: one reader's standard deviation
    optimizer: str = "adam"  # adam | adamw | sgd
    lr: float = 1e-3
    weight_decay: float = 0.0
    epochs: int = 100
    batch: int = 32
    accumulate: int = 1
    warmup: float = 0.02  # fraction of all steps
    schedule: str = "cosine"  # cosine | constant
    clip: float = 0.0  # largest gradient norm; 0: none
    ema: float = 0.0  # decay; 0: none
    precision: str = "auto"  # auto | bf16 | fp16 | fp32 (see `boneage.training.precision`)
    channels_last: bool = True
    sizes: tuple[int, ...] = ()  # side in pixels by equal parts of the epochs; empty: prepare.size throughout
    freeze_batchnorm: bool = False  # normalise with the running statistics in training too, and leave them as they are
    freeze_after: float = 0.0  # share of the steps before it does
    patience: int = 0  # evaluations without a better validation MAE before stopping; 0: never
    save_every: int = 200  # steps between checkpoints
    evaluate_every: int = 1  # epochs
    seed: int = 0
    device: str = "auto"
    tensorboard: bool = False

    def __post_init__(self) -> None:
        _one_of("train", self, schedule=("cosine", "constant"), precision=("auto", "bf16", "fp16", "fp32"))
        counts = ("epochs", "batch", "accumulate", "save_every", "evaluate_every")
        _within("train", self, **dict.fromkeys(counts, (1, _INF)), patience=(0, _INF), seed=(0, _INF))
        _within(
            "train",
            self,
            lr=(0, _INF),
            weight_decay=(0, _INF),
            clip=(0, _INF),
            warmup=(0, 1),
            ema=(0, 1),
            freeze_after=(0, 1),
        )
        if self.distil and not self.start:
            raise BadConfig("train.distil needs a train.start to learn from")
        if any(size < 1 for size in self.sizes):
            raise BadConfig(f"train.sizes should be sides in pixels, found {self.sizes}")


@dataclass(frozen=True)
class Config:
    """Everything that decides a run's outcome besides the data."""

    recipe: str = ""
    prepare: PrepareConfig = field(default_factory=PrepareConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """The inverse of `to_dict`; BadConfig for names or types that do not belong."""
        return build(cls, values)


def build(cls: type, values: dict[str, Any], where: str = "") -> Any:
    """A dataclass from plain values, nested ones included, every name and type checked."""
    if not isinstance(values, dict):
        raise BadConfig(f"{where or 'configuration'} should be an object, found {values!r}")
    hints = typing.get_type_hints(cls)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise BadConfig(f"unknown setting {where}{unknown[0]}; known: {', '.join(sorted(hints))}")
    checked = {name: _check(hints[name], value, f"{where}{name}") for name, value in values.items()}
    return cls(**checked)


def _check(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return build(typing.cast(type, hint), value, where + ".")
    if typing.get_origin(hint) is tuple and isinstance(value, (list, tuple)):
        return tuple(_check(typing.get_args(hint)[0], item, where) for item in value)
    if isinstance(hint, types.UnionType) and any(isinstance(value, t) for t in typing.get_args(hint)):
        return value
    if hint is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if isinstance(hint, type) and hint is not float and type(value) is hint:
        return value
    raise BadConfig(f"{where} should be {getattr(hint, '__name__', hint)}, found {value!r}")


def _within(section: str, config: object, **limits: tuple[float, float]) -> None:
    """BadConfig unless each setting lies within its limits, both included."""
    for name, (low, high) in limits.items():
        value = getattr(config, name)
        if not low <= value <= high:
            wanted = f"at least {low}" if high == _INF else f"from {low} to {high}"
            raise BadConfig(f"{section}.{name} should be {wanted}, found {value}")


def _one_of(section: str, config: object, **words: tuple[str, ...]) -> None:
    """BadConfig unless each setting is one of its words."""
    for name, known in words.items():
        if getattr(config, name) not in known:
            raise BadConfig(f"unknown {section}.{name} {getattr(config, name)!r}; known: {', '.join(known)}")


def override(config: Config, assignments: list[str]) -> Config:
    """Apply ``section.field=value`` words in order; BadConfig names the one that does not fit."""
    values = config.to_dict()
    for word in assignments:
        path, equals, text = word.partition("=")
        section, dot, name = path.strip().partition(".")
        if not equals or not dot or not isinstance(values.get(section), dict) or name not in values[section]:
            raise BadConfig(f"--set {word!r} is not section.field=value with a known setting (see 'boneage info')")
        values[section][name] = _parse(values[section][name], text.strip(), word)
    return Config.from_dict(values)


def _parse(current: Any, text: str, word: str) -> Any:
    try:
        if isinstance(current, bool):
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        if isinstance(current, (list, tuple)):
            return [int(part) for part in text.split(",") if part]
        return type(current)(text)
    except (KeyError, ValueError):
        raise BadConfig(f"--set {word!r}: {text!r} is no {type(current).__name__}") from None


def differences(a: dict[str, Any], b: dict[str, Any], path: str = "") -> list[str]:
    """The paths at which two trees of settings differ."""
    found: list[str] = []
    for key in sorted(a.keys() | b.keys()):
        x, y = a.get(key), b.get(key)
        if isinstance(x, dict) and isinstance(y, dict):
            found += differences(x, y, f"{path}{key}.")
        elif x != y:
            found.append(f"{path}{key}")
    return found
