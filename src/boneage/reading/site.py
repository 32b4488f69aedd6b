"""A site's calibration: the correction of its readings and the factors of its intervals, from a file that
`boneage.study.site` wrote. Every reading made with it names the file by its hash."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BadModel
from ..files import json_value, sha256
from ..types import Sex
from .intervals import LEVELS, Factors

KIND = "boneage site calibration"
CENTRE = 120.0  # months at which a correction states its offset
_LARGEST = 10**9  # of any number in such a file
LARGEST_OFFSET, LARGEST_SLOPE = 60.0, 0.5  # months, months per month: more is no correction


@dataclass(frozen=True)
class Correction:
    """What is added to a reading: ``offset`` months at 120 months, and ``slope`` for each month from there."""

    offset: float
    slope: float

    def __post_init__(self) -> None:
        if not (abs(self.offset) <= LARGEST_OFFSET and abs(self.slope) <= LARGEST_SLOPE):
            raise ValueError(f"a correction of {self.offset} months and {self.slope} a month is out of range")

    def of(self, months: float) -> float:
        """The months to add to a reading of ``months``."""
        return self.offset + self.slope * (months - CENTRE)


@dataclass(frozen=True)
class Site:
    """A site's calibration, checked.

    Attributes:
        sha256: of the file.
        films: how many local films it is from.
        corrections: by the name of the sex; None where no correction was better than none.
        factors: of the intervals, by the name of the sex; None where the model has no expected error.
    """

    sha256: str
    films: int
    corrections: Mapping[str, Correction] | None
    factors: Mapping[str, Factors] | None

    @classmethod
    def load(cls, path: Path, weights_sha256: str) -> Site:
        """Read a site file, which must be for these weights.

        Raises:
            BadModel: if it cannot be read, is no site file, is damaged or is for other weights.
        """
        try:
            data = path.read_bytes()
            values = json_value(data)
        except OSError as error:
            raise BadModel(f"{path} cannot be read: {error.strerror}") from None
        except ValueError:
            raise BadModel(f"{path} is no site calibration: it is no JSON") from None
        if not isinstance(values, dict) or values.get("kind") != KIND:
            raise BadModel(f"{path} is no site calibration: boneage calibrate-site writes one")
        if values.get("weights_sha256") != weights_sha256:
            other = str(values.get("weights_sha256"))[:12]
            raise BadModel(f"{path} is for weights {other}, not for {weights_sha256[:12]}: calibrate this model")
        try:
            return cls(sha256(data), int(_number(values["films"])), _corrections(values), _factors(values))
        except (KeyError, TypeError, AttributeError):
            raise BadModel(f"{path} is damaged: a value is missing") from None
        except ValueError as error:
            raise BadModel(f"{path} is damaged: {error}") from None

    def corrected(self, months: float, sex: Sex) -> float:
        """A reading in months as this site reads; not below 0."""
        return months if self.corrections is None else max(months + self.corrections[sex.value].of(months), 0.0)

    @property
    def signature(self) -> str:
        """The words that name it on outputs."""
        how = "no correction" if self.corrections is None else "corrected"
        return f"site calibration {self.sha256[:12]} ({self.films:,} films, {how})"


def _corrections(values: Mapping[str, Any]) -> dict[str, Correction] | None:
    found = values["corrections"]
    if found is None:
        return None
    return {sex.value: Correction(_number(found[sex]["offset"]), _number(found[sex]["slope"])) for sex in Sex}


def _factors(values: Mapping[str, Any]) -> dict[str, Factors] | None:
    found = values["factors"]
    if found is None:
        return None
    factors: dict[str, Factors] = {
        sex.value: {f"{level:g}": _number(found[sex][f"{level:g}"]) for level in LEVELS} for sex in Sex
    }
    if not all(math.isfinite(factor) and factor > 0 for of in factors.values() for factor in of.values()):
        raise ValueError("a factor is not above 0")
    return factors


def _number(value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) <= _LARGEST:
        raise ValueError("a value is no number, or far too large")
    return float(value)
