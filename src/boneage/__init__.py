"""Bone age in months from hand radiographs. Research use only, not a medical device.

>>> film = boneage.read("hand.png")                                        # doctest: +SKIP
>>> boneage.Predictor.load().read(film, boneage.Sex.FEMALE).bone_age_months  # doctest: +SKIP
"""

import os

if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")  # see `benchmarks/threads.py`; OpenMP asks once, when torch starts

from .errors import BoneAgeError
from .hand.prepare import prepare
from .images.read import read
from .reading.predictor import Predictor
from .types import DISCLAIMER, Radiograph, Reading, Sex

__all__ = ["DISCLAIMER", "BoneAgeError", "Predictor", "Radiograph", "Reading", "Sex", "prepare", "read"]
