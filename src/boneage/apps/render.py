"""Readings as lines, JSON and tables."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path

from ..batch import Failure, Item
from ..config import Config
from ..files import write_bytes
from ..predictor import shipped
from ..types import DISCLAIMER, Reading, Sex

_WORDS = {
    "sex_unknown": "the sex is unknown: the reading is less sure",
    "sex_not_used": "this model does not take the sex",
    "sex_contradicts_file": "the sex given is not the one in the file",
    "inverted": "the film is inverted and was put right",
}
_COLUMNS = ("id", *(field.name for field in dataclasses.fields(Reading)), "error")


def reading_text(reading: Reading) -> str:
    """One film as a person reads it."""
    years, months = divmod(round(reading.bone_age_months), 12)
    sex = f"{reading.sex} ({reading.sex_source})" if reading.sex is not Sex.UNKNOWN else "sex unknown"
    notes = "".join(f"\n  note: {_WORDS.get(flag, flag)}" for flag in reading.flags)
    return f"{reading.file}: bone age {reading.bone_age_months:.1f} months ({years} y {months} mo), {sex}{notes}"


def as_line(result: Reading | Failure) -> str:
    """One film as one line of JSON; a failure has ``file`` and ``error``."""
    values = result.to_dict() if isinstance(result, Reading) else dataclasses.asdict(result)
    return json.dumps(values, ensure_ascii=False, allow_nan=False)


def write_table(path: Path, films: Sequence[Item], results: Sequence[Reading | Failure]) -> None:
    """All films as CSV, failures included with their reason in the last column."""
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for film, result in zip(films, results, strict=True):
        row = result.to_dict() if isinstance(result, Reading) else {"file": result.file, "error": result.error}
        writer.writerow({"id": film.id} | row | {"flags": " ".join(getattr(result, "flags", ()))})
    write_bytes(path, text.getvalue().encode())


def installation() -> list[str]:
    """What there is: weights, recipes and every setting with its default."""
    from ..recipes import RECIPES

    lines = [f"weights: {', '.join(shipped()) or 'none'}", "recipes:"]
    lines += [f"  {name:20}{' '.join((function.__doc__ or '').split())}" for name, function in RECIPES.items()]
    lines.append("settings (section.field = default):")
    for section, values in Config().to_dict().items():
        if isinstance(values, dict):
            lines += [f"  {section}.{name} = {value}" for name, value in values.items()]
    return [*lines, DISCLAIMER]
