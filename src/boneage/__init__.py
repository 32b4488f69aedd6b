"""Bone age in months from hand radiographs. Research use only, not a medical device.

>>> film = boneage.read("hand.png")                                        # doctest: +SKIP
>>> boneage.Predictor.load().read(film, boneage.Sex.FEMALE).bone_age_months  # doctest: +SKIP
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import BoneAgeError
    from .hand.prepare import prepare
    from .images.read import read
    from .reading.predictor import Predictor
    from .types import DISCLAIMER, Radiograph, Reading, Sex

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # see `benchmarks/threads.py`; OpenMP asks once, when torch starts

__all__ = ["DISCLAIMER", "BoneAgeError", "Predictor", "Radiograph", "Reading", "Sex", "prepare", "read"]

_WHERE = {  # what is not here is in `types`
    "BoneAgeError": "errors",
    "Predictor": "reading.predictor",
    "prepare": "hand.prepare",
    "read": "images.read",
}


def __getattr__(name: str) -> Any:
    """The public names, loaded when they are first used: the command line's help needs none of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f".{_WHERE.get(name, 'types')}", __name__), name)
    return found
