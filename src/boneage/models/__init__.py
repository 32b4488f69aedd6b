"""The networks by name. A backbone maps float [N, channels, H, W] to features [N, ``backbone.features``]."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from ..config import ModelConfig
from ..errors import BadConfig
from .attention import Backbone
from .efficientnet_lite import SIZES, lite
from .inception_v4 import inception_v4
from .resnet import resnet50
from .tiny import tiny

MODELS: dict[str, Callable[[ModelConfig, int], Backbone]] = {
    "resnet50": resnet50,
    "inception_v4": inception_v4,
    **{f"efficientnet_lite{size}": partial(lite, size) for size in SIZES},
    "tiny": tiny,
}
LITE = tuple(f"efficientnet_lite{size}" for size in SIZES)  # these have ImageNet weights, and blocks to skip


def backbone(config: ModelConfig, channels: int) -> Backbone:
    """The backbone that ``config.name`` names: one of `MODELS`, or ``timm:NAME`` where timm can be imported.

    BadConfig for a name, an activation, an attention or weights that do not exist.
    """
    if config.pretrained not in ("none", "imagenet"):
        raise BadConfig(f"unknown model.pretrained {config.pretrained!r}; known: none, imagenet")
    if config.drop_path and config.name not in LITE:
        raise BadConfig(f"model.drop_path goes with model.name {', '.join(LITE)} only, not with {config.name!r}")
    if config.name.startswith("timm:"):
        return Timm(config, channels)
    if config.name not in MODELS:
        raise BadConfig(f"unknown model.name {config.name!r}; known: {', '.join(MODELS)}, timm:NAME")
    if config.pretrained == "imagenet" and config.name not in LITE:
        raise BadConfig(f"no ImageNet weights for model.name {config.name!r}; only for {', '.join(LITE)}")
    return MODELS[config.name](config, channels)


class Timm(Backbone):
    """A network of the timm library, with its pooling and activation: [N, channels, H, W] to [N, features]."""

    def __init__(self, config: ModelConfig, channels: int) -> None:
        super().__init__()
        if config.attention != "none":
            raise BadConfig(f"model.attention {config.attention!r} does not go with model.name {config.name!r}")
        try:
            import timm
        except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision that does not fit its torch
            raise BadConfig(f"model.name {config.name!r} needs timm, which cannot be imported") from error
        name = config.name.removeprefix("timm:")
        if not timm.is_model(name):
            raise BadConfig(f"timm has no model named {name!r}")
        pretrained = config.pretrained == "imagenet"
        self.network = timm.create_model(
            name, pretrained=pretrained, in_chans=channels, num_classes=0, global_pool="avg"
        )
        self.features = self.network.head_hidden_size

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)
