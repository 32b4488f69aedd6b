"""What the program passes around: a radiograph, a sex, a flag, a reading. All are frozen and checked when made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .sex_words import SEXES, plain

if TYPE_CHECKING:
    import numpy as np

DISCLAIMER = "Research use only, not a medical device."
SEX_SOURCES = ("given", "table", "dicom", "absent")
DAYS_A_MONTH = 365.25 / 12
OLDEST = 1440.0  # months that a person can have lived
OPTIONAL = {"site_sha256", "regional_ages"}  # fields of a reading that its JSON has only where they are not None


class Sex(StrEnum):
    """Sex as the network takes it. What is absent, empty or DICOM's ``O`` is ``UNKNOWN``: no sex is assumed."""

    FEMALE = "female"
    MALE = "male"
    UNKNOWN = "unknown"

    @property
    def code(self) -> tuple[float, float]:
        """The network's input: female (1, 0), male (0, 1), unknown (0, 0)."""
        return float(self is Sex.FEMALE), float(self is Sex.MALE)

    @classmethod
    def parse(cls, text: str | None) -> Sex:
        """The sex of a word such as ``F``, ``female``, ``m``, ``weiblich``, ``U``, ``O`` or an empty one, in any case.

        One list for headers, tables, the command line and the service. Blanks, NULs and full stops around a word do
        not count. Letters that mean one sex here and the other there (``V``, ``H``) are not on it.

        Raises:
            ValueError: for any other word.
        """
        for name, words in SEXES.items():
            if plain(text or "") in words:
                return cls(name)
        raise ValueError(f"unknown sex {text!r}: expected female, male or unknown")


@dataclass(frozen=True)
class Age:
    """A chronological age in months, the middle of a range, and half of that range: 0 where it is exact."""

    months: float
    half_width: float = 0.0


@dataclass(frozen=True, repr=False)
class Identity:
    """Whose film it is and from which study and device, as a DICOM header says; fields that it lacks are empty.

    Dates are ``YYYYMMDD`` and times ``HHMMSS`` with an optional fraction, as in DICOM. Printed or formatted, an
    identity shows none of its fields: no log or message gives a patient away by accident.
    """

    study_uid: str = ""
    series_uid: str = ""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    issuer_of_patient_id: str = ""
    accession_number: str = ""
    study_id: str = ""
    study_description: str = ""
    referring_physician: str = ""
    study_date: str = ""
    study_time: str = ""
    series_date: str = ""
    series_time: str = ""
    acquisition_date: str = ""
    acquisition_time: str = ""
    content_date: str = ""
    content_time: str = ""
    modality: str = ""
    manufacturer: str = ""
    device_model: str = ""

    def __repr__(self) -> str:
        return "<Identity>"


@dataclass(frozen=True)
class Levels:
    """Black and white on a film over the whole range of its values, in units of its pixels.

    Attributes:
        read: the ends of the range as which the film is read.
        window: those of the file's own window, which may have been set aside.
    """

    read: tuple[float, float] = (0.0, 1.0)
    window: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True)
class Radiograph:
    """One film as read from a file.

    Attributes:
        pixels: float32 [height, width] in [0, 1], bone bright as far as the file says.
        source: the file's path, or ``<bytes>``.
        sha256: of the file's bytes, in hexadecimal.
        format: ``PNG``, ``JPEG``, ``DICOM``, …
        sex: as the file says.
        chronological_age: months at the study, from DICOM, or None; the middle of the range that the file allows.
        chronological_age_width: half of that range in months: 6 for ``011Y``, 0 for dates; None without an age.
        laterality: ``L``, ``R`` or None.
        spacing: millimetres per pixel (row, column), or None.
        notes: sentences about how the file was read.
        identity: of a DICOM file; neither compared nor part of the ``repr``, and of no output but the documents that go
            back to the film's own study.
        part: of a picture of two hands the one that this is, by its place: ``left``, ``right``, ``upper`` or ``lower``.
        levels: of a film over the whole range of its values, for a viewer; as it is read, from 0 to 1.
    """

    pixels: np.ndarray
    source: str
    sha256: str
    format: str
    sex: Sex = Sex.UNKNOWN
    chronological_age: float | None = None
    chronological_age_width: float | None = None
    laterality: str | None = None
    spacing: tuple[float, float] | None = None
    notes: tuple[str, ...] = ()
    identity: Identity | None = field(default=None, repr=False, compare=False)
    part: str | None = None
    levels: Levels = Levels()

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != "float32":
            raise ValueError(f"pixels must be 2-D float32, got {self.pixels.ndim}-D {self.pixels.dtype}")
        if min(self.pixels.shape) < 1:
            raise ValueError("pixels must not be empty")


@dataclass(frozen=True)
class Failure:
    """A film of which there is no result, and why.

    Attributes:
        id: the film's, as its table or folder names it.
        file: its path, or empty where there is none.
        reason: one sentence.
    """

    id: str
    file: str
    reason: str


class Severity(StrEnum):
    """How much a flag weighs: ``note`` informs, ``warn`` asks to look again, with ``refuse`` no age is given."""

    NOTE = "note"
    WARN = "warn"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Flag:
    """One thing to know about a reading: a ``code`` for programs and one ``sentence`` for people."""

    code: str
    severity: Severity
    sentence: str

    @classmethod
    def note(cls, code: str, sentence: str) -> Flag:
        """Something to know."""
        return cls(code, Severity.NOTE, sentence)

    @classmethod
    def warn(cls, code: str, sentence: str) -> Flag:
        """Something that may make a number wrong."""
        return cls(code, Severity.WARN, sentence)

    @classmethod
    def refuse(cls, code: str, sentence: str) -> Flag:
        """Why there is no number."""
        return cls(code, Severity.REFUSE, sentence)


@dataclass(frozen=True)
class Interval:
    """The bone age lies between ``low`` and ``high`` months with probability ``level``, between 0 and 1."""

    level: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not (0 < self.level < 1 and math.isfinite(self.low) and self.low <= self.high < math.inf):
            raise ValueError(f"no interval: level {self.level}, {self.low} to {self.high}")


@dataclass(frozen=True)
class RegionalAge:
    """The bone age of one region of a hand.

    Attributes:
        region: its key in `boneage.hand.bone_regions.REGIONS`.
        bone_age_months: None where the region is not informative.
        interval: around it.
        difference_months: the age minus that of the rest of the hand; None where either is not informative.
        difference_sd: the standard deviation of such differences at this age and sex, on films read as surely.
        usual: the range in months that 99 of 100 such differences lie in.
    """

    region: str
    bone_age_months: float | None = None
    interval: Interval | None = None
    difference_months: float | None = None
    difference_sd: float | None = None
    usual: tuple[float, float] | None = None

    @property
    def is_unusual(self) -> bool:
        """Whether the difference lies beyond what 1 in 100 films show."""
        if self.difference_months is None or self.usual is None:
            return False
        return not self.usual[0] <= self.difference_months <= self.usual[1]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        usual = None if self.usual is None else list(self.usual)
        return asdict(self) | {"usual": usual, "is_unusual": self.is_unusual}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RegionalAge:
        """The age of a `to_dict`."""
        own = {name: value for name, value in values.items() if name != "is_unusual"}
        usual, interval = own["usual"], own["interval"]
        ends = None if usual is None else (float(usual[0]), float(usual[1]))
        return cls(**{**own, "usual": ends, "interval": None if interval is None else Interval(**interval)})


@dataclass(frozen=True)
class RegionalAges:
    """The ages of a hand by region, and the network that tells them; without ``ages`` there is a ``reason``."""

    model: str
    weights_sha256: str
    ages: tuple[RegionalAge, ...] = ()
    reason: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self) | {"ages": [age.to_dict() for age in self.ages]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RegionalAges:
        """The ages of a `to_dict`."""
        return cls(**{**values, "ages": tuple(RegionalAge.from_dict(age) for age in values["ages"])})


@dataclass(frozen=True)
class Reading:
    """The bone age of one film, and what it was read from and with.

    ``reading.schema.json`` beside this module describes its JSON.

    Attributes:
        file: the film's path as it was given.
        bone_age_months: the estimate; None where a flag refuses the film.
        sex: as the network took it.
        sex_source: ``given``, ``table``, ``dicom`` or ``absent``.
        flags: what to know about the film and the reading.
        model: the model's name.
        weights_sha256: of the trained weights.
        image_sha256: of the film's file.
        version: of boneage.
        versions: of the libraries that it ran on.
        forced: whether the age is given although the film was refused.
        intervals: None where the model has none.
        part: of a picture of two hands the one that was read, by its place there: ``left``, ``right``, ``upper`` or
            ``lower``; None for a picture of one.
        site_sha256: of the site calibration that it was made with, or None.
        regional_ages: the ages by region, where they were asked for.
        reference_table: which atlas or population the age refers to.
        disclaimer: what the reading is not for.
    """

    file: str
    bone_age_months: float | None
    sex: Sex
    sex_source: str
    flags: tuple[Flag, ...]
    model: str
    weights_sha256: str
    image_sha256: str
    version: str
    versions: Mapping[str, str] = field(default_factory=dict, hash=False)
    forced: bool = False
    intervals: tuple[Interval, ...] | None = None
    part: str | None = None
    reference_table: str = "none (bone age in months as labelled in the training data)"
    disclaimer: str = DISCLAIMER
    site_sha256: str | None = None
    regional_ages: RegionalAges | None = None

    def __post_init__(self) -> None:
        if self.sex_source not in SEX_SOURCES:
            raise ValueError(f"sex_source {self.sex_source!r} is none of {', '.join(SEX_SOURCES)}")
        age = self.bone_age_months
        if age is not None and not (isinstance(age, float | int) and math.isfinite(age)):
            raise ValueError(f"bone_age_months {age!r} is not a finite number")
        if (age is None) != (self.is_refused and not self.forced):
            raise ValueError("an age is withheld where a flag refuses the film, unless it is forced, and only there")
        if self.forced and not self.is_refused:
            raise ValueError("only a refused film can be forced")

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the flags."""
        return tuple(flag.code for flag in self.flags)

    @property
    def is_refused(self) -> bool:
        """Whether a flag refuses the film."""
        return any(flag.severity is Severity.REFUSE for flag in self.flags)

    def to_dict(self) -> dict[str, Any]:
        """The reading as plain JSON values; of `OPTIONAL` fields only those that are not None are among them."""
        flags = [asdict(flag) | {"severity": flag.severity.value} for flag in self.flags]
        intervals = None if self.intervals is None else [asdict(interval) for interval in self.intervals]
        plain: dict[str, Any] = {
            "sex": self.sex.value,
            "versions": dict(self.versions),
            "flags": flags,
            "intervals": intervals,
        }
        plain["regional_ages"] = self.regional_ages and self.regional_ages.to_dict()
        found = {one.name: getattr(self, one.name) for one in fields(self)} | plain
        return {name: value for name, value in found.items() if name not in OPTIONAL or value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Reading:
        """The reading of a `to_dict`, also of one with the child's ``growth`` beside it, which is left out.

        Raises:
            ValueError: for values that no reading gives.
        """
        own = {name: value for name, value in values.items() if name != "growth"}
        strange = own.keys() - {one.name for one in fields(cls)}
        if strange:
            raise ValueError(f"this is no reading: no reading has {min(strange)!r}")
        if own.get("sex") not in list(Sex):
            raise ValueError(f"this is no reading: the sex is {own.get('sex')!r}")
        try:
            flags = tuple(Flag(**flag | {"severity": _severity(flag["severity"])}) for flag in own["flags"])
            ranges = own["intervals"]
            intervals = None if ranges is None else tuple(Interval(**one) for one in ranges)
            regional = RegionalAges.from_dict(own["regional_ages"]) if own.get("regional_ages") else None
            fixed = {"sex": Sex(own["sex"]), "flags": flags, "intervals": intervals, "regional_ages": regional}
            return cls(**own | fixed)
        except (KeyError, TypeError):
            raise ValueError("this is no reading: a value is missing or of another kind") from None


def _severity(word: str) -> Severity:
    if word not in list(Severity):
        raise ValueError(f"the severity {word!r} of a flag is none of {', '.join(Severity)}")
    return Severity(word)
