"""Children for the tests of growth."""

from __future__ import annotations

from typing import Any

from boneage.growth.child import Child
from boneage.growth.distribution import normal_intervals
from boneage.types import Sex


def child(sex: Sex = Sex.MALE, **known: Any) -> Child:
    """A child of whom everything is known, unless ``known`` says otherwise; the error of its bone age is not."""
    about = {
        "age_months": 126.0,
        "bone_age_months": 120.0,
        "height_cm": 140.2,
        "weight_kg": 35.0,
        "mother_cm": 166.0,
        "father_cm": 178.0,
    }
    return Child(sex, **about | known)


def read(months: float, sd: float = 8.0, sex: Sex = Sex.MALE, **known: Any) -> Child:
    """A child whose bone age a network has read, with a normal error of ``sd`` months."""
    return child(sex, bone_age_months=months, bone_age_intervals=normal_intervals(months, sd), by_network=True, **known)
