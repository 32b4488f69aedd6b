"""The configuration of a run: frozen dataclasses, to JSON and back, with settings overridden by name."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from dataclasses import dataclass, field
from typing import Any

from .errors import BadConfig

CELLS = 4  # tiles along a side of a montage of joints
MOST_VIEWS = 5  # test-time augmentation has no more (see `boneage.hand.views`)
_INF = math.inf


@dataclass(frozen=True)
class PrepareConfig:
    """Preparation of a radiograph for the network, stored with the weights (see `boneage.hand.prepare`)."""

    size: int = 256  # side of the square film in pixels
    fit: str = "squash"  # to a square: squash | pad | crop
    hand: bool = False  # find the hand, rotate and scale it to one frame and mirror a left one
    joints: bool = False  # a montage of the joints in place of the hand (see `boneage.hand.joints`)
    finest: int = 365  # joints are cut from a film whose hand is so many pixels at most; 0: from the film as it is
    beside: bool = False  # the montage to the right of the hand: for ensembles of networks for either
    low: float = 2.0  # percentile of the grey levels that becomes black
    high: float = 96.0  # percentile of bright bone; side markers are brighter still
    headroom: float = 1.3  # (white - black) / (bright bone - black)
    channels: int = 3  # of the network's input, all equal
    mean: float = 0.5  # subtracted from the pixels, which lie in [0, 1]
    std: float = 0.25  # the pixels are then divided by it

    def __post_init__(self) -> None:
        _one_of("prepare", self, fit=("squash", "pad", "crop"))
        _within(
            "prepare",
            self,
            size=(1, _INF),
            finest=(0, _INF),
            low=(0, 100),
            high=(0, 100),
            channels=(1, _INF),
            std=(1e-6, _INF),
        )
        if self.joints and (not self.hand or self.size % CELLS):
            raise BadConfig(f"prepare.joints needs prepare.hand and a prepare.size that is a multiple of {CELLS}")
        if self.beside and not self.joints:
            raise BadConfig("prepare.beside needs prepare.joints")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a prepared film."""
        return self.size, self.size * (1 + self.beside)

    def refuse_beside(self) -> None:
        """BadConfig with ``beside``, which only ensembles have: each network sees either the hand or its joints."""
        if self.beside:
            raise BadConfig("prepare.beside is for ensembles: each of their networks is trained without it")

    @property
    def in_one(self) -> PrepareConfig:
        """The same preparation with the whole hand in place of its joints, to show to a person."""
        return dataclasses.replace(self, joints=False, beside=False)


@dataclass(frozen=True)
class DataConfig:
    """Which films of the data folder are used and how they are split (see `boneage.data.split`)."""

    seed: int = 0  # of the split and of `limit`
    validation: float = 0.1  # share of the films
    calibration: float = 0.05  # share of the films
    limit: int = 0  # number of training films, drawn by seed; 0: all
    aspect: str = "stored"  # stored | native: the aspect that original_sizes.csv gives, for films stored as squares

    def __post_init__(self) -> None:
        _one_of("data", self, aspect=("stored", "native"))
        _within("data", self, seed=(0, _INF), limit=(0, _INF))


@dataclass(frozen=True)
class ModelConfig:
    """The network, its head and its outputs."""

    name: str = "resnet50"  # see `boneage.models`
    activation: str = "gelu"
    sex: bool = True  # the sex is an input
    sex_dropout: float = 0.1  # share of the training films whose sex is hidden from the network
    sex_loss: float = 0.0  # weight of the loss of a predicted sex, used where none is given; 0: no such output
    expected_error_loss: float = 0.0  # weight of the loss of the expected error; 0: no such output
    hidden: int = 256  # units of the head's hidden layer
    dropout: float = 0.2  # probability, in the head
    drop_path: float = 0.0  # stochastic depth: probability of skipping the last block, less for earlier ones
    attention: str = "none"  # none | channel | spatial | both
    pretrained: str = "none"  # none | imagenet
    views: int = 1  # test-time augmentation: views that a reading is averaged over (see `boneage.hand.views`)

    def __post_init__(self) -> None:
        _within("model", self, sex_dropout=(0, 1), dropout=(0, 1), drop_path=(0, 0.9), hidden=(1, _INF))
        _within("model", self, sex_loss=(0, _INF), expected_error_loss=(0, _INF), views=(1, MOST_VIEWS))


PROBABILITIES = ("flip", "blur", "coarse", "grain", "blocks", "erase", "marker")  # settings of `AugmentConfig`


@dataclass(frozen=True)
class AugmentConfig:
    """Strengths of the augmentation, 0 for none (see `boneage.training.augment`)."""

    rotation: float = 0.0  # largest angle in degrees, to either side
    shift: float = 0.0  # largest, as a fraction of the side
    zoom: float = 0.0  # largest logarithm of the factor
    aspect: float = 0.0  # largest logarithm of width / height
    shear: float = 0.0  # largest tangent of the angle
    flip: float = 0.0  # probability of a mirror image
    gamma: float = 0.0  # largest logarithm of the exponent
    contrast: float = 0.0  # largest change, as a fraction
    brightness: float = 0.0  # largest change, as a fraction of the full range
    noise: float = 0.0  # largest standard deviation, as a fraction of the full range
    blur: float = 0.0  # probability
    coarse: float = 0.0  # probability of a lower resolution
    grain: float = 0.0  # probability of strong noise, as on a dim film with its contrast enhanced
    blocks: float = 0.0  # probability of strong JPEG compression
    erase: float = 0.0  # probability of a grey rectangle
    marker: float = 0.0  # probability of a side marker

    def __post_init__(self) -> None:
        _within("augment", self, **{name.name: (0, _INF) for name in dataclasses.fields(self)})
        _within("augment", self, **dict.fromkeys(PROBABILITIES, (0, 1)))


@dataclass(frozen=True)
class TrainConfig:
    """First weights, loss, optimiser, schedule, evaluation and saving."""

    start: str = ""  # run folder to take weights from, or recipe to train first; empty: neither
    distil: bool = False  # distillation: `start` is the teacher, and labels are not used
    loss: str = "msle"  # msle | mse | mae | huber | distribution
    huber_beta: float = 4.0  # months: the huber loss is quadratic below, linear above
    label_sigma: float = 6.5  # months: standard deviation of the target of the distribution loss
    optimizer: str = "adam"  # adam | adamw | sgd
    lr: float = 1e-3  # learning rate after the warm-up
    weight_decay: float = 0.0  # of matrices and filters
    epochs: int = 100
    batch: int = 32  # films per step, of all processes together
    accumulate: int = 1  # parts of a batch that are computed one after the other, to save memory
    warmup: float = 0.02  # share of all steps
    schedule: str = "cosine"  # cosine | constant
    clip: float = 0.0  # largest norm of the gradient; 0: no limit
    ema: float = 0.0  # decay of the exponential moving average of the weights; 0: no average
    precision: str = "auto"  # auto | bf16 | fp16 | fp32 (see `boneage.training.precision`)
    compile: bool = False  # the network by torch.compile (see `boneage.training.launches`)
    channels_last: bool = True  # memory layout of the network
    sizes: tuple[int, ...] = ()  # film sides in pixels, each for an equal share of the steps; empty: prepare.size
    freeze_batchnorm: bool = False  # batch normalisation uses its running statistics, unchanged
    freeze_after: float = 0.0  # share of the steps before freeze_batchnorm takes effect
    patience: int = 0  # evaluations without a lower validation MAE before stopping early; 0: never
    save_every: int = 200  # steps between states that can be resumed
    evaluate_every: int = 1  # epochs
    seed: int = 0  # of weights, order, augmentation and dropout
    device: str = "auto"  # auto: the GPU if there is one, else the CPU
    tensorboard: bool = False  # write the log for TensorBoard too

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
    """Everything that decides the outcome of a run besides the films."""

    recipe: str = ""
    prepare: PrepareConfig = field(default_factory=PrepareConfig)
    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    train: TrainConfig = field(default_factory=TrainConfig)

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionaries of JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """The inverse of `to_dict`, absent settings at their defaults; BadConfig for an unknown name or type."""
        return build(cls, values)


def build(cls: type, values: dict[str, Any], where: str = "") -> Any:
    """An instance of the dataclass ``cls`` from nested dictionaries.

    ``where`` comes before the names in error messages. BadConfig for an unknown name or a wrong type.
    """
    if not isinstance(values, dict):
        raise BadConfig(f"{where or 'configuration'} should be an object, found {values!r}")
    hints = typing.get_type_hints(cls)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        raise BadConfig(f"unknown setting {where}{unknown[0]}; known: {', '.join(sorted(hints))}")
    checked = {name: _check(hints[name], value, f"{where}{name}") for name, value in values.items()}
    return cls(**checked)


def _check(hint: Any, value: Any, where: str) -> Any:
    """The value as its type hint wants it: whole numbers become floats, lists tuples; BadConfig for another type."""
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
    """BadConfig unless each setting lies within its limits (both included)."""
    for name, (low, high) in limits.items():
        value = getattr(config, name)
        if not low <= value <= high:
            wanted = f"at least {low}" if high == _INF else f"from {low} to {high}"
            raise BadConfig(f"{section}.{name} should be {wanted}, found {value}")


def _one_of(section: str, config: object, **words: tuple[str, ...]) -> None:
    """BadConfig unless each setting is one of its known values."""
    for name, known in words.items():
        if getattr(config, name) not in known:
            raise BadConfig(f"unknown {section}.{name} {getattr(config, name)!r}; known: {', '.join(known)}")


def override(config: Config, assignments: list[str]) -> Config:
    """A configuration with settings changed by assignments such as ``train.epochs=7``, in order.

    BadConfig, naming the assignment, for an unknown setting or a value of the wrong type.
    """
    values = config.to_dict()
    for word in assignments:
        path, equals, text = word.partition("=")
        section, dot, name = path.strip().partition(".")
        if not equals or not dot or not isinstance(values.get(section), dict) or name not in values[section]:
            raise BadConfig(f"--set {word!r} is not section.field=value with a known setting (see 'boneage info')")
        values[section][name] = _parse(values[section][name], text.strip(), word)
    return Config.from_dict(values)


def _parse(current: Any, text: str, word: str) -> Any:
    """``text`` as a value of the same type as ``current``; ``word``: the whole assignment, for the error message."""
    try:
        if isinstance(current, bool):
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        if isinstance(current, (list, tuple)):
            return [int(part) for part in text.split(",") if part]
        return type(current)(text)
    except (KeyError, ValueError):
        raise BadConfig(f"--set {word!r}: {text!r} is no {type(current).__name__}") from None


def differences(a: dict[str, Any], b: dict[str, Any], path: str = "") -> list[str]:
    """The names, such as ``train.lr``, of the settings in which two nested dictionaries differ."""
    found: list[str] = []
    for key in sorted(a.keys() | b.keys()):
        x, y = a.get(key), b.get(key)
        if isinstance(x, dict) and isinstance(y, dict):
            found += differences(x, y, f"{path}{key}.")
        elif x != y:
            found.append(f"{path}{key}")
    return found
