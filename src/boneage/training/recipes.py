"""Recipes: functions that return the configuration of a run. Their docstrings say what it is and how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..config import AugmentConfig, Config, ModelConfig, PrepareConfig, TrainConfig
from ..errors import BadConfig

IMAGENET = (127 / 255, 128 / 255)  # mean and standard deviation of the pixels that EfficientNet-Lite's weights expect
SETTLED = AugmentConfig(  # for hands that preparation has brought upright: the variation that remains
    rotation=15,
    shift=0.05,
    zoom=0.1,
    aspect=0.1,
    shear=0.05,
    gamma=0.3,
    contrast=0.2,
    brightness=0.08,
    noise=0.02,
    blur=0.1,
    erase=0.1,
)
ROUGH = replace(SETTLED, coarse=0.1, grain=0.1, blocks=0.1)  # for noisy films, JPEG and low resolution too


def resnet50() -> Config:
    """The reference ResNet-50: 256 × 256 × 3, GELU, MSLE and Adam, from scratch, on hands brought upright.

    70 epochs in six minutes of a GPU that trains `inception_v4` at the same time. Shipped.
    """
    first = resnet50_128()
    train = replace(first.train, lr=1.2e-3, epochs=70, batch=64, ema=0.998, evaluate_every=10)
    prepare = replace(first.prepare, size=256, channels=3)
    return replace(first, recipe="resnet50", prepare=prepare, model=replace(first.model, views=3), train=train)


def inception_v4() -> Config:
    """The reference Inception-v4: `resnet50` with another network, 43 epochs in seven minutes.

    The shipped one had 32 epochs, and 11 more from there with the rate beginning again at half its height.
    """
    other = resnet50()
    train = replace(other.train, epochs=43, evaluate_every=10)
    return replace(other, recipe="inception_v4", model=replace(other.model, name="inception_v4"), train=train)


def resnet50_128() -> Config:
    """`resnet50` at 128 px with one channel: 20 epochs in two hours of two cores."""
    train = TrainConfig(epochs=20, warmup=0.05, ema=0.999, evaluate_every=2)
    model = ModelConfig(name="resnet50", expected_error_loss=0.1, views=5)
    prepare = PrepareConfig(size=128, channels=1, hand=True)
    return Config("resnet50_128", prepare=prepare, model=model, augment=SETTLED, train=train)


def quick() -> Config:
    """EfficientNet-Lite0 from ImageNet weights on hands brought upright, 224 px: an hour of two cores."""
    train = TrainConfig(
        loss="huber",
        optimizer="adamw",
        lr=1e-3,
        weight_decay=0.02,
        epochs=15,
        batch=32,
        warmup=0.03,
        ema=0.998,
        evaluate_every=5,
    )
    model = ModelConfig(
        name="efficientnet_lite0",
        activation="relu6",
        pretrained="imagenet",
        sex_dropout=0.2,
        sex_loss=0.2,
        expected_error_loss=0.1,
        views=5,
    )
    prepare = PrepareConfig(size=224, hand=True, mean=IMAGENET[0], std=IMAGENET[1])
    return Config("quick", prepare=prepare, model=model, augment=SETTLED, train=train)


def joints() -> Config:
    """`quick` on the joints of the hand, cut out and enlarged, 256 px, with the augmentation `ROUGH`: an hour of two
    cores."""
    first = quick()
    return replace(first, recipe="joints", prepare=replace(first.prepare, size=256, joints=True), augment=ROUGH)


def joints_384() -> Config:
    """`joints` with tiles of 96 pixels: eight minutes of a GPU that trains four others at the same time.

    Distilled (`joints_384_distilled`) it is one of the three networks of ``default``.
    """
    first = joints()
    train = replace(first.train, lr=1.4e-3, epochs=18, batch=64, evaluate_every=18)
    model = replace(first.model, views=1)
    return replace(first, recipe="joints_384", prepare=replace(first.prepare, size=384), model=model, train=train)


def distribution_384() -> Config:
    """`joints_384` with the loss ``distribution``: of the three networks of ``default``, distilled, the one whose
    expected error is best."""
    other = joints_384()
    return replace(other, recipe="distribution_384", train=replace(other.train, loss="distribution", seed=2))


def hand_384() -> Config:
    """`joints_384` on the whole hand, 20 epochs; distilled it is the third network of ``default``."""
    other = joints_384()
    train = replace(other.train, epochs=20, evaluate_every=20)
    return replace(other, recipe="hand_384", prepare=replace(other.prepare, joints=False), train=train)


def hand_384_lite2() -> Config:
    """`hand_384` with EfficientNet-Lite2, 15 epochs: ``best`` is this network and the three of ``default``."""
    other = hand_384()
    train = replace(other.train, epochs=15, evaluate_every=15, seed=1)
    model = replace(other.model, name="efficientnet_lite2")
    return replace(other, recipe="hand_384_lite2", model=model, train=train)


def joints_384_distilled() -> Config:
    """`joints_384`, which is trained first, then distilled: half an hour of two cores more.

    It learns, without labels, to read coarse and noisy films as it reads good ones (see `boneage.training.distil`).
    """
    return _distilled(joints_384())


def distribution_384_distilled() -> Config:
    """`distribution_384`, which is trained first, then distilled."""
    return _distilled(distribution_384())


def hand_384_distilled() -> Config:
    """`hand_384`, which is trained first, then distilled."""
    return _distilled(hand_384())


def native() -> Config:
    """`joints_384` on films at their own resolution, in cells of 192 pixels: for originals, and a GPU.

    Joints are cut from the film as it is (``prepare.finest=0``); a cell's side is a quarter of ``prepare.size``. A
    film takes 590 kB of the cache, whatever it has itself. A step takes four times as long as one of `joints_384`. It
    was tried on synthetic hands alone: no error on originals is known.
    """
    other = joints_384()
    train = replace(other.train, batch=32, lr=1e-3)
    return replace(other, recipe="native", prepare=replace(other.prepare, size=768, finest=0), train=train)


def _distilled(first: Config) -> Config:
    """One epoch of distillation after the recipe ``first``."""
    train = replace(
        first.train,
        start=first.recipe,
        distil=True,
        lr=1e-4,
        weight_decay=0,
        epochs=1,
        batch=32,
        warmup=0.05,
        ema=0.99,
        evaluate_every=1,
        freeze_batchnorm=True,
    )
    model = replace(first.model, pretrained="none", dropout=0)
    return replace(first, recipe=f"{first.recipe}_distilled", model=model, augment=SETTLED, train=train)


def tiny() -> Config:
    """A small network for synthetic hands, for the demo and the tests: a minute of two cores."""
    train = TrainConfig(loss="huber", optimizer="adamw", lr=3e-3, weight_decay=0.01, epochs=20, ema=0.98)
    mild = AugmentConfig(rotation=10, shift=0.05, zoom=0.05, aspect=0.05, gamma=0.1, contrast=0.1, flip=0.5)
    prepare = PrepareConfig(size=112, channels=1)
    model = ModelConfig(name="tiny", hidden=64, sex_loss=0.05, expected_error_loss=0.1)
    return Config("tiny", prepare=prepare, model=model, augment=mild, train=train)


RECIPES: dict[str, Callable[[], Config]] = {
    function.__name__: function
    for function in (
        tiny,
        quick,
        joints,
        resnet50_128,
        resnet50,
        inception_v4,
        joints_384,
        distribution_384,
        hand_384,
        hand_384_lite2,
        native,
        joints_384_distilled,
        distribution_384_distilled,
        hand_384_distilled,
    )
}


def recipe(name: str) -> Config:
    """The configuration of a recipe by its name; BadConfig, with the known names, for another."""
    if name not in RECIPES:
        raise BadConfig(f"no recipe is named {name!r}; known: {', '.join(RECIPES)}")
    return RECIPES[name]()
