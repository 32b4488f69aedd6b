"""Ages, heights and weights as people write them: ``10y4m``, ``10.5y``, ``124mo``, ``4ft7in``, ``77lb``."""

from __future__ import annotations

import re

from ..images.dates import DICOM_MONTHS
from ..types import DAYS_A_MONTH, OLDEST, Age

INCH, POUND = 2.54, 0.45359237  # centimetres and kilograms
HEIGHTS, WEIGHTS = (25.0, 250.0), (0.3, 300.0)  # centimetres and kilograms: what a person can have
PARENTS = (100.0, 250.0)  # centimetres

_NUMBER = r"(\d+(?:[.,]\d+)?)"
_AGE = re.compile(
    rf"(?:{_NUMBER}\s*(?:years?|yrs?|y|a)\b\s*)?(?:{_NUMBER}\s*(?:months?|mos?|m)\b\s*)?(?:{_NUMBER}\s*(?:days?|d)\b)?"
)
_DICOM_AGE = re.compile(r"(\d{3})([DWMY])")
_FEET = re.compile(rf"{_NUMBER}\s*(?:feet|foot|ft|['′’])\s*(?:{_NUMBER}\s*(?:inches|inch|in|[\"″”]|'')?)?")
_QUANTITY = re.compile(rf"{_NUMBER}\s*([a-z\"″”]*)\.?")
_LENGTHS = {"": 1.0, "cm": 1.0, "m": 100.0, "mm": 0.1} | dict.fromkeys(("in", "inch", "inches", '"', "″", "”"), INCH)
_MASSES = {"": 1.0, "kg": 1.0, "g": 0.001} | dict.fromkeys(("lb", "lbs", "pound", "pounds"), POUND)


def age(text: str, *, exact: bool = False) -> Age:
    """An age of its text: ``10y4m``, ``10.5y``, ``124mo``, ``10 years 4 months``, or as DICOM writes it (``010Y``).

    Whole years alone, such as ``10y`` or ``010Y``, are completed years: 120 to 132 months, of which the middle is
    taken; ``10.0y`` or ``10y0m`` is exact, and so is ``10y`` if ``exact``.

    Raises:
        ValueError: for a text without a unit, or one that is no age.
    """
    given = text.strip()
    dicom = _DICOM_AGE.fullmatch(given)
    if dicom:
        unit = DICOM_MONTHS[dicom[2]]
        return _possible(Age((int(dicom[1]) + 0.5) * unit, 0.5 * unit), given)
    found = _AGE.fullmatch(_spaced(given.casefold()))
    if not found or not any(found.groups()):
        raise ValueError(f"{given!r} is no age: write it with its unit, as 10y4m, 10.5y or 124mo")
    years, months, days = found.groups()
    if years and not months and not days and years.isdigit() and not exact:
        return _possible(Age(12.0 * int(years) + 6, 6.0), given)
    return _possible(Age(12 * _number(years) + _number(months) + _number(days) / DAYS_A_MONTH), given)


def height(text: str) -> float:
    """A height in centimetres: ``140.2``, ``140.2cm``, ``1.40m``, ``55in``, ``4ft7in``, ``4'7"``; cm where no unit is.

    Raises:
        ValueError: for what is no height, or not that of a person.
    """
    return _within(_feet(text) or _quantity(text, _LENGTHS, "height", "140.2cm or 55in"), text, "height", HEIGHTS, "cm")


def parent(text: str) -> float:
    """The height of a parent in centimetres, as `height` reads it. Raises ValueError as it."""
    found = height(text)
    if not PARENTS[0] <= found <= PARENTS[1]:
        raise ValueError(f"the height {text.strip()!r} of a parent is {found:g} cm, outside 100 to 250")
    return found


def weight(text: str) -> float:
    """A weight in kilograms: ``35``, ``35kg``, ``77lb``; kg where no unit is. Raises ValueError as `height`."""
    return _within(_quantity(text, _MASSES, "weight", "35kg or 77lb"), text, "weight", WEIGHTS, "kg")


def age_text(months: float) -> str:
    """An age in years and months: ``10 y 4 mo``."""
    years, rest = divmod(max(0, round(months)), 12)
    return f"{years} y {rest} mo"


def _spaced(text: str) -> str:
    """The text with a blank after each unit, so that ``10y4m`` has word ends."""
    return re.sub(r"(?<=[a-z])(?=\d)", " ", text)


def _number(text: str | None) -> float:
    return float((text or "0").replace(",", "."))


def _possible(found: Age, text: str) -> Age:
    if found.months > OLDEST:
        raise ValueError(f"{text!r} is {found.months:.0f} months: nobody is that old")
    return found


def _feet(text: str) -> float | None:
    found = _FEET.fullmatch(text.strip().casefold())
    return (12 * _number(found[1]) + _number(found[2])) * INCH if found else None


def _quantity(text: str, units: dict[str, float], what: str, examples: str) -> float:
    found = _QUANTITY.fullmatch(text.strip().casefold())
    if not found or found[2] not in units:
        raise ValueError(f"{text.strip()!r} is no {what}: write it as {examples}")
    return _number(found[1]) * units[found[2]]


def _within(value: float, text: str, what: str, limits: tuple[float, float], unit: str) -> float:
    low, high = limits
    if not low <= value <= high:
        raise ValueError(f"the {what} {text.strip()!r} is {value:.6g} {unit}, outside {low:g} to {high:g}")
    return value
