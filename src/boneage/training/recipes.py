"""Named runs. A recipe is a function that returns its configuration; its docstring says what to expect of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..config import AugmentConfig, Config, ModelConfig, PrepareConfig, TrainConfig
from ..errors import BadConfig

IMAGENET = (127 / 255, 128 / 255)  # mean and standard deviation that EfficientNet-Lite's weights were trained with
AUGMENTED = AugmentConfig(
    rotation=20,
    shift=0.1,
    zoom=0.15,
    aspect=0.15,
    shear=0.05,
    flip=0.5,
    gamma=0.3,
    contrast=0.2,
    brightness=0.1,
    noise=0.03,
    blur=0.15,
    erase=0.2,
    marker=0.1,
)
SETTLED = AugmentConfig(  # for hands that preparation has brought upright: what it leaves to chance
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
ROUGH = replace(SETTLED, coarse=0.1, grain=0.1, blocks=0.1)  # and for noise, JPEG and few pixels


def resnet50_plain() -> Config:
    """The reference ResNet-50: 256 × 256 × 3, GELU, MSLE, Adam, no sex, no augmentation, from scratch."""
    model = ModelConfig(name="resnet50", sex=False)
    return Config("resnet50_plain", model=model, train=TrainConfig(patience=15))


def inception_v4_plain() -> Config:
    """The reference Inception-v4: 256 × 256 × 3, GELU, MSLE, Adam, no sex, no augmentation, from scratch."""
    plain = resnet50_plain()
    return replace(plain, recipe="inception_v4_plain", model=replace(plain.model, name="inception_v4"))


def resnet50() -> Config:
    """The reference ResNet-50 with augmentation and the sex as an input."""
    train = TrainConfig(patience=25, ema=0.999)
    return Config("resnet50", model=ModelConfig(name="resnet50"), augment=AUGMENTED, train=train)


def inception_v4() -> Config:
    """The reference Inception-v4 with augmentation and the sex as an input."""
    with_sex = resnet50()
    return replace(with_sex, recipe="inception_v4", model=replace(with_sex.model, name="inception_v4"))


def resnet50_128() -> Config:
    """The reference ResNet-50 for two hours of two cores: 20 epochs at 128 px, one channel, hands brought upright."""
    full = resnet50()
    train = replace(full.train, epochs=20, warmup=0.05, patience=0, evaluate_every=2)
    model = replace(full.model, spread_loss=0.1, looks=5)
    prepare = PrepareConfig(size=128, channels=1, hand=True)
    return Config("resnet50_128", prepare=prepare, model=model, augment=SETTLED, train=train)


def inception_v4_128() -> Config:
    """The reference Inception-v4 as `resnet50_128`: the same films, augmentation, schedule and loss."""
    other = resnet50_128()
    return replace(other, recipe="inception_v4_128", model=replace(other.model, name="inception_v4"))


def resnet50_128_plain() -> Config:
    """`resnet50_128` without sex and augmentation, five epochs: the plain form for the contrast."""
    other = resnet50_128()
    train = replace(other.train, epochs=5, evaluate_every=1, ema=0.998)
    model = replace(other.model, sex=False, spread_loss=0, looks=1)
    return replace(other, recipe="resnet50_128_plain", model=model, augment=AugmentConfig(), train=train)


def inception_v4_128_plain() -> Config:
    """`inception_v4_128` in the same plain form."""
    other = resnet50_128_plain()
    return replace(other, recipe="inception_v4_128_plain", model=replace(other.model, name="inception_v4"))


def resnet50_256() -> Config:
    """`resnet50_128` at full size, 256 × 256 × 3, for seven minutes of a GPU that trains others beside: 28 epochs. The
    shipped weights of that name."""
    first = resnet50_128()
    train = replace(first.train, lr=1.2e-3, epochs=28, batch=64, ema=0.998, evaluate_every=8)
    prepare = replace(first.prepare, size=256, channels=3)
    return replace(first, recipe="resnet50_256", prepare=prepare, model=replace(first.model, looks=3), train=train)


def inception_v4_256() -> Config:
    """Inception-v4 as `resnet50_256`, 21 epochs, which are nine minutes. The shipped weights of that name."""
    other = resnet50_256()
    train = replace(other.train, epochs=21, evaluate_every=6)
    return replace(other, recipe="inception_v4_256", model=replace(other.model, name="inception_v4"), train=train)


def resnet50_256_plain() -> Config:
    """`resnet50_256` without sex and augmentation, seven epochs: the plain form for the contrast."""
    other = resnet50_256()
    train = replace(other.train, epochs=7, evaluate_every=4)
    model = replace(other.model, sex=False, spread_loss=0, looks=1)
    return replace(other, recipe="resnet50_256_plain", model=model, augment=AugmentConfig(), train=train)


def inception_v4_256_plain() -> Config:
    """`inception_v4_256` in the same plain form, five epochs."""
    other = resnet50_256_plain()
    train = replace(other.train, epochs=5, evaluate_every=3)
    return replace(other, recipe="inception_v4_256_plain", model=replace(other.model, name="inception_v4"), train=train)


def quick() -> Config:
    """For an hour of two cores: EfficientNet-Lite0 from its ImageNet weights on hands brought upright, 224 px."""
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
        spread_loss=0.1,
        looks=5,
    )
    prepare = PrepareConfig(size=224, hand=True, mean=IMAGENET[0], std=IMAGENET[1])
    return Config("quick", prepare=prepare, model=model, augment=SETTLED, train=train)


def joints() -> Config:
    """The joints of the hand cut out and enlarged, in place of the whole hand, 256 px, ready for noise, JPEG and coarse
    films; otherwise as `quick`, an hour of two cores."""
    first = quick()
    return replace(first, recipe="joints", prepare=replace(first.prepare, size=256, joints=True), augment=ROUGH)


def hand() -> Config:
    """`quick`, which is trained first, then as long again and more at 256 px, augmented harder."""
    first = quick()
    train = replace(
        first.train,
        start="quick",
        lr=6e-4,
        weight_decay=0.03,
        epochs=14,
        ema=0.999,
        evaluate_every=7,
        freeze_batchnorm=True,
        freeze_after=0.3,
    )
    model = replace(first.model, pretrained="none", dropout=0.3, drop_path=0.15)
    harder = replace(SETTLED, rotation=20, zoom=0.15, aspect=0.15, noise=0.03, blur=0.15, coarse=0.15, erase=0.2)
    prepare = replace(first.prepare, size=256)
    return Config("hand", prepare=prepare, model=model, augment=harder, train=train)


def joints_384() -> Config:
    """`joints` with cells of 96 pixels, for eight minutes of a GPU that trains four others beside (hours of two cores).
    `joints_384_steady` goes on from it to `default`."""
    first = joints()
    train = replace(first.train, lr=1.4e-3, epochs=18, batch=64, evaluate_every=18)
    model = replace(first.model, looks=1)
    return replace(first, recipe="joints_384", prepare=replace(first.prepare, size=384), model=model, train=train)


def distribution_384() -> Config:
    """`joints_384`, but learning the distribution of the labels: of the three that `default` goes on from
    the one that knows best by how much it will err."""
    other = joints_384()
    return replace(other, recipe="distribution_384", train=replace(other.train, loss="distribution", seed=2))


def hand_384() -> Config:
    """The whole hand, as large as `joints_384` and trained beside it; `hand_384_steady` goes on from it."""
    other = joints_384()
    train = replace(other.train, epochs=20, evaluate_every=20)
    return replace(other, recipe="hand_384", prepare=replace(other.prepare, joints=False), train=train)


def hand_384_lite2() -> Config:
    """`hand_384` by EfficientNet-Lite2, which is in `best` beside the three of `default`."""
    other = hand_384()
    train = replace(other.train, epochs=15, evaluate_every=15, seed=1)
    model = replace(other.model, name="efficientnet_lite2")
    return replace(other, recipe="hand_384_lite2", model=model, train=train)


def joints_384_steady() -> Config:
    """`joints_384`, which is trained first, taught to read coarse and noisy films as it reads good ones: half an hour
    of two cores more, by no label."""
    return _steady(joints_384())


def distribution_384_steady() -> Config:
    """`distribution_384` taught in the same way."""
    return _steady(distribution_384())


def hand_384_steady() -> Config:
    """`hand_384` taught in the same way."""
    return _steady(hand_384())


def _steady(first: Config) -> Config:
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
    return replace(first, recipe=f"{first.recipe}_steady", model=model, augment=SETTLED, train=train)


def fold_hand() -> Config:
    """`quick` in fewer epochs, ready for noise, JPEG and coarse films: what reads each training film out of fold."""
    first = quick()
    train = replace(first.train, epochs=8, evaluate_every=8)
    return replace(first, recipe="fold_hand", augment=ROUGH, train=train)


def fold_joints() -> Config:
    """`fold_hand`, with the joints in place of the hand."""
    first = fold_hand()
    return replace(first, recipe="fold_joints", prepare=replace(first.prepare, joints=True))


def fold_distribution() -> Config:
    """`fold_joints`, but learning the distribution of the labels, on smaller pictures first: twenty minutes a fold."""
    other = fold_joints()
    train = replace(other.train, loss="distribution", sizes=(160, 192, 192, 224), seed=2)
    return replace(other, recipe="fold_distribution", train=train)


def taught() -> Config:
    """`fold_hand` on all films and for longer, half of what it learns being what five networks of that recipe, which
    are trained first, say of films that they have not seen: about two hours of two cores, and no better for it."""
    first = fold_hand()
    train = replace(first.train, teacher="fold_hand", trust=0.5, epochs=15, evaluate_every=5)
    return replace(first, recipe="taught", train=train)


def tiny() -> Config:
    """A small network for synthetic hands: the demo and the tests."""
    train = TrainConfig(loss="huber", optimizer="adamw", lr=3e-3, weight_decay=0.01, epochs=20, ema=0.98)
    mild = AugmentConfig(rotation=10, shift=0.05, zoom=0.05, aspect=0.05, gamma=0.1, contrast=0.1, flip=0.5)
    prepare = PrepareConfig(size=112, channels=1)
    model = ModelConfig(name="tiny", hidden=64, sex_loss=0.05, spread_loss=0.1)
    return Config("tiny", prepare=prepare, model=model, augment=mild, train=train)


RECIPES: dict[str, Callable[[], Config]] = {
    function.__name__: function
    for function in (
        resnet50_plain,
        inception_v4_plain,
        resnet50,
        inception_v4,
        resnet50_128,
        inception_v4_128,
        resnet50_128_plain,
        inception_v4_128_plain,
        resnet50_256,
        inception_v4_256,
        resnet50_256_plain,
        inception_v4_256_plain,
        quick,
        joints,
        hand,
        joints_384,
        distribution_384,
        hand_384,
        hand_384_lite2,
        joints_384_steady,
        distribution_384_steady,
        hand_384_steady,
        fold_hand,
        fold_joints,
        fold_distribution,
        taught,
        tiny,
    )
}


def recipe(name: str) -> Config:
    """The configuration a name stands for; BadConfig lists the names there are."""
    if name not in RECIPES:
        raise BadConfig(f"no recipe is named {name!r}; known: {', '.join(RECIPES)}")
    return RECIPES[name]()
