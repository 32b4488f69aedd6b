"""What a bone age means for a child: reference tables as data, pure functions, no torch and no HTTP.

>>> from boneage.growth import Child, assess
>>> from boneage import Sex
>>> child = Child(Sex.MALE, age_months=120, bone_age_months=120, height_cm=140)
>>> assess(child).adult_heights[0].value
178.57
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .child import Child
    from .result import Growth, assess, child_of
    from .velocity import Visit, follow_up

__all__ = ["Child", "Growth", "Visit", "assess", "child_of", "follow_up"]

_WHERE = {"Child": "child", "Visit": "velocity", "follow_up": "velocity"}  # what is not here is in `result`


def __getattr__(name: str) -> Any:
    """The public names, loaded when they are first used: the command line reads units alone before that."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_WHERE.get(name, 'result')}", __name__), name)
