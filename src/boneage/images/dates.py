"""Dates and units of ages as headers and tables write them."""

from __future__ import annotations

import re
from datetime import date

from ..types import DAYS_A_MONTH

DICOM_MONTHS = {"D": 1 / DAYS_A_MONTH, "W": 7 / DAYS_A_MONTH, "M": 1.0, "Y": 12.0}  # of PatientAge, by its letter
_DATES = (
    (re.compile(r"(\d{4})([-./]?)(\d{2})\2(\d{2})(?:[ T]?\d{2}:?\d{2}.*)?"), (1, 3, 4)),
    (re.compile(r"(\d{2})(\.)(\d{2})\.(\d{4})(?: .*)?"), (4, 3, 1)),
)


def date_of(text: str) -> date | None:
    """The day of ``2024-03-31``, ``20240331``, ``2024.03.31``, ``2024/03/31`` or ``31.03.2024``, also before a time.

    None for what is none of these, or no day of the calendar.
    """
    for pattern, (year, month, day) in _DATES:
        found = pattern.fullmatch(text.strip())
        if found:
            try:
                return date(int(found[year]), int(found[month]), int(found[day]))
            except ValueError:
                return None
    return None
