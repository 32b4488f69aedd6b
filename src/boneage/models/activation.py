"""The activations by the name that ``model.activation`` gives."""

from __future__ import annotations

from torch import nn

from ..errors import BadConfig

ACTIVATIONS: dict[str, type[nn.Module]] = {"gelu": nn.GELU, "relu": nn.ReLU}


def activation(name: str) -> type[nn.Module]:
    """The module class of that name; BadConfig when there is none."""
    if name not in ACTIVATIONS:
        raise BadConfig(f"unknown model.activation {name!r}; known: {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
