"""The words of the program: a radiograph, a sex, a reading. Frozen and checked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np

DISCLAIMER = "Research use only, not a medical device."


class Sex(StrEnum):
    """Sex as the network takes it. Absent, empty or DICOM ``O`` is ``UNKNOWN``, never a default."""

    FEMALE = "female"
    MALE = "male"
    UNKNOWN = "unknown"

    @property
    def code(self) -> tuple[float, float]:
        """What the network is told: female (1, 0), male (0, 1), unknown (0, 0)."""
        return float(self is Sex.FEMALE), float(self is Sex.MALE)

    @classmethod
    def parse(cls, text: str | None) -> Sex:
        """``F``, ``female``, ``m``, ``male``, ``u``, ``O``, empty or None, in any case; ValueError otherwise."""
        word = (text or "").strip().lower()
        for sex, spellings in _SPELLINGS.items():
            if word in spellings:
                return sex
        raise ValueError(f"unknown sex {text!r}: expected female, male or unknown")


_SPELLINGS = {
    Sex.FEMALE: {"f", "female", "girl"},
    Sex.MALE: {"m", "male", "boy"},
    Sex.UNKNOWN: {"", "u", "o", "unknown", "other", "na", "nan"},
}


@dataclass(frozen=True)
class Radiograph:
    """One film as read.

    ``pixels``: float32 [height, width] in [0, 1], bone bright as far as the file says.
    ``sha256``: of the file's bytes. ``spacing``: millimetres per pixel (row, column) where the file says.
    ``chronological_age``: months at the study, from DICOM, or None. ``laterality``: ``L``, ``R`` or None.
    """

    pixels: np.ndarray
    source: str
    sha256: str
    format: str
    sex: Sex = Sex.UNKNOWN
    chronological_age: float | None = None
    laterality: str | None = None
    spacing: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.float32:
            raise ValueError(f"pixels must be 2-D float32, got {self.pixels.ndim}-D {self.pixels.dtype}")
        if min(self.pixels.shape) < 1:
            raise ValueError("pixels must not be empty")


@dataclass(frozen=True)
class Reading:
    """The bone age of one film, with all that is needed to know where it came from.

    ``file``: as it was given. ``bone_age_months``: the estimate. ``sex_source``: ``given``, ``table``, ``dicom`` or
    ``absent``. ``flags``: codes such as ``sex_unknown`` or ``inverted``.
    """

    file: str
    bone_age_months: float
    sex: Sex
    sex_source: str
    flags: tuple[str, ...]
    model: str
    weights_sha256: str
    image_sha256: str
    version: str
    reference_table: str = "none (bone age in months as labelled in the training data)"
    disclaimer: str = DISCLAIMER

    def to_dict(self) -> dict[str, object]:
        """The reading as plain JSON values."""
        return asdict(self) | {"sex": self.sex.value, "flags": list(self.flags)}
