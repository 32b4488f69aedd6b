"""The chronological age that a DICOM header gives: by the dates to the day, else by PatientAge to its unit."""

from __future__ import annotations

import re
from datetime import date

from pydicom.dataset import Dataset

from ..types import DAYS_A_MONTH, OLDEST, Age
from .dates import DICOM_MONTHS, date_of
from .pixels import printable

_UNITLESS = 20  # a number up to this without a unit is taken for years
_TAKEN = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")  # the first of them that is a date


def age_of(dataset: Dataset, notes: list[str]) -> Age | None:
    """The age when the film was taken, None where the header gives none that can be read; what is odd is noted.

    The dates of birth and study tell it to the day, and are used unless PatientAge contradicts them. PatientAge is
    rounded down to a unit: 011Y is 132 to 144 months, of which the middle is taken. No date is quoted in a note.
    """
    dated, stated = _dated(dataset, notes), _stated(dataset, notes)
    if dated is None or stated is None:
        if stated and stated.half_width > 1:
            low, high = stated.months - stated.half_width, stated.months + stated.half_width
            notes.append(f"PatientAge is in whole years: {low:g} to {high:g} months, of which the middle is taken")
        return dated or stated
    if abs(dated.months - stated.months) <= stated.half_width + 1:  # a month of slack for other roundings
        return dated
    notes.append(
        f"PatientAge ({stated.months:.1f} months) contradicts birth and study dates ({dated.months:.1f} months)"
    )
    return stated


def _stated(dataset: Dataset, notes: list[str]) -> Age | None:
    """PatientAge, also as ``11``, ``11 Y`` or ``11.5Y``."""
    text = _text(dataset, "PatientAge")
    found = re.fullmatch(r"(\d{1,4})(?:[.,](\d{1,3}))?\s*([DWMY]?)(?:EARS?|ONTHS?|EEKS?|AYS?|R|RS)?\.?", text)
    number = float(f"{found[1]}.{found[2] or 0}") if found else 0.0
    if not found or (not found[3] and number > _UNITLESS):
        if text:
            notes.append("PatientAge is no age that can be read: it is not used")
        return None
    if not found[3]:
        notes.append(f"PatientAge {found[0]} has no unit and is taken for years")
    unit = DICOM_MONTHS[found[3] or "Y"]
    age = Age(number * unit, 0.5 * unit / 10 ** len(found[2])) if found[2] else Age((number + 0.5) * unit, 0.5 * unit)
    return _possible(age, "PatientAge", notes)


def _dated(dataset: Dataset, notes: list[str]) -> Age | None:
    """From the birth to the first of the dates of study, series, acquisition and content."""
    born = _date(dataset, "PatientBirthDate", notes)
    taken = next((day for day in (_date(dataset, word, notes) for word in _TAKEN) if day), None)
    if born is None or taken is None:
        return None
    return _possible(Age((taken - born).days / DAYS_A_MONTH), "the age by birth and study dates", notes)


def _date(dataset: Dataset, keyword: str, notes: list[str]) -> date | None:
    """A date as DICOM writes it, or with points, hyphens or a time."""
    text = _text(dataset, keyword)
    found = date_of(text)
    if text and found is None:
        notes.append(f"{keyword} is no date that can be read: it is not used")
    return found


def _possible(age: Age, name: str, notes: list[str]) -> Age | None:
    if 0 <= age.months <= OLDEST:
        return age
    notes.append(f"{name} is impossible ({age.months:.1f} months): it is not used")
    return None


def _text(dataset: Dataset, keyword: str) -> str:
    value = dataset.get(keyword)
    return "" if value is None else printable(str(value).strip("\0 "), 32).strip().upper()
