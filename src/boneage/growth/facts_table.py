"""The columns of a table that tell of children, and the visits of a table that has bone ages already."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import BadTable
from ..table import number, records_of
from ..types import Interval, Sex
from . import units
from .child import Child
from .distribution import normal_intervals
from .facts import Facts, of_texts
from .velocity import Visit

_CALENDAR = {
    "chronological",
    "chron",
    "calendar",
    "patient",
    "exam",
    "examination",
    "study",
    "scan",
    "visit",
    "current",
}
_DATES = ("date", "study_date", "film_date", "exam_date", "examination_date", "visit_date", "taken")
_PATIENTS = ("patient", "patient_id", "patientid", "subject", "subject_id", "child")
_GONE = ("superseded_by", "withdrawn_at")  # of the export of a record
_NAMES = ("id", "image", "film", "file", "case")
_LENGTHS = {"height": "height_cm", "stature": "height_cm", "length": "height_cm"}
_PARENTS = {"mother": "mother_cm", "maternal": "mother_cm", "mothers": "mother_cm"} | dict.fromkeys(
    ("father", "paternal", "fathers"), "father_cm"
)
_OTHERS = {
    "target",
    "midparental",
    "parent",
    "mid",
    "sds",
    "adult",
    "predicted",
    "percentile",
    "sd",
    "z",
    "image",
    "low",
}
_OTHERS |= {"high", "velocity", "birth"}
_UNITS = {
    "cm",
    "m",
    "mm",
    "in",
    "inch",
    "inches",
    "kg",
    "g",
    "lb",
    "lbs",
    "months",
    "month",
    "mo",
    "years",
    "year",
    "y",
}
_IN_WORDS = {"months": "mo", "month": "mo", "years": "y", "year": "y"}
_NUMBER = r"(\d{1,6}(?:\.\d+)?)"
_RANGE = re.compile(rf"{_NUMBER}:{_NUMBER}-{_NUMBER}".replace(":(", ":(-?", 1), re.ASCII)


@dataclass(frozen=True)
class Column:
    """A column that tells a fact.

    Attributes:
        name: in the table.
        unit: that its name says, as a cell would write it; empty where it says none.
    """

    name: str
    unit: str = ""

    def text(self, cell: str) -> str:
        """A cell with the unit of the column, if it has none of its own."""
        return f"{cell}{self.unit}" if re.fullmatch(r"[\d.,\s]+", cell) else cell


def columns_of(header: Sequence[str], *, plain_age: bool = False) -> Mapping[str, Column]:
    """The columns that tell facts, by the fields of `Facts`.

    ``plain_age``: whether a column ``age`` is one of chronological ages; it is a label where films are to be learnt.
    """
    found: dict[str, Column] = {}
    for name in header:
        fact = _fact(name, header, plain_age=plain_age)
        if fact and fact not in found:
            found[fact] = Column(name, _unit(name))
            if fact == "height_cm" and "length" in name.split("_"):
                found["lying"] = Column(name)
    return found


def _fact(name: str, header: Sequence[str], *, plain_age: bool) -> str | None:
    words = set(name.split("_"))
    if name in _DATES or name in _PATIENTS:
        return "day" if name in _DATES else "patient"
    if words & _OTHERS or "bone" in name:
        return None
    if "age" in words and (words & _CALENDAR or (plain_age and words <= {"age"} | _UNITS)):
        return "age"
    return _measure(words, header)


def _measure(words: set[str], header: Sequence[str]) -> str | None:
    """The fact of a column of heights or weights."""
    parent = next((_PARENTS[word] for word in words if word in _PARENTS), None)
    rest = words - _UNITS
    if parent:
        return parent if rest <= set(_PARENTS) | set(_LENGTHS) | {"s"} else None
    if rest <= {"height", "stature", "length", "body", "recumbent", "child"} and rest & set(_LENGTHS):
        is_of_pixels = "width" in header and not words & _UNITS
        return None if is_of_pixels or (rest == {"length"} and not words & _UNITS) else "height_cm"
    return (
        "weight_kg" if rest <= {"weight", "body", "child"} and "weight" in rest and _says_mass(words, header) else None
    )


def _says_mass(words: set[str], header: Sequence[str]) -> bool:
    """Whether a column ``weight`` is one of children: by its unit, or beside heights."""
    return bool(words & _UNITS) or any(name.split("_")[0] in ("height", "stature") for name in header)


def _unit(name: str) -> str:
    found = next((word for word in reversed(name.split("_")) if word in _UNITS), "")
    return _IN_WORDS.get(found, found)


def of_row(record: Mapping[str, str], columns: Mapping[str, Column], *, exact: bool = False) -> tuple[Facts, list[str]]:
    """The facts of a row, and a sentence for each cell that cannot be understood.

    ``exact``: whether ages in years are decimal numbers, of which a whole one is no range.
    """
    texts = {fact: column.text(record[column.name].strip()) for fact, column in columns.items() if fact != "lying"}
    if "lying" in columns and texts.get("height_cm"):
        texts["lying"] = "yes"
    return of_texts(texts, exact=exact)


def are_decimal(records: Sequence[Mapping[str, str]], columns: Mapping[str, Column]) -> bool:
    """Whether a column of ages in years has fractions, so that its whole numbers are exact."""
    column = columns.get("age")
    return bool(column and column.unit == "y" and any(re.search(r"[.,]\d", row[column.name]) for row in records))


def of_table(records: Sequence[Mapping[str, str]]) -> tuple[list[Facts], list[str]]:
    """The facts of each row of a table of films, and a sentence on cells that are not used, if there are any."""
    columns = columns_of(list(records[0]) if records else [])
    exact = are_decimal(records, columns)
    rows = [of_row(record, columns, exact=exact) for record in records]
    wrong = [sentence for _, complaints in rows for sentence in complaints]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    return [facts for facts, _ in rows], [f"not used: {wrong[0]}{more}"] if wrong else []


def visits(path: Path) -> list[tuple[str, Visit]]:
    """The visits of a table with bone ages, each with its patient, who may have no name.

    The export of a service's record is such a table: readings that are superseded or withdrawn do not count.

    Raises:
        BadTable: for a table without bone ages, or a cell that cannot be understood.
    """
    header, rows = records_of(path)
    records = [(line, record) for line, record in rows if not any(record.get(name) for name in _GONE)]
    bone = next(
        (name for name in header if re.fullmatch(r"(bone_?age|skeletal_age)(_(months|mo|years|y))?", name)), None
    )
    if bone is None:
        raise BadTable(f"{path} has no column of bone ages, such as bone_age_months")
    columns = columns_of(header, plain_age=True)
    exact = are_decimal([record for _, record in records], columns)
    found = []
    for line, record in records:
        facts, complaints = of_row(record, columns, exact=exact)
        try:
            if complaints:
                raise ValueError(complaints[0])
            name = next((record[one] for one in _NAMES if record.get(one)), f"line {line}")
            found.append((facts.patient, _visit(record, Column(bone, _unit(bone)), facts, name)))
        except ValueError as error:
            raise BadTable(f"{path}, line {line}: {error}") from None
    return found


def _visit(record: Mapping[str, str], bone: Column, facts: Facts, name: str) -> Visit:
    cell, model = bone.text(record[bone.name]), record.get("model", "")
    months = units.age(cell, exact=True).months if cell.strip() else None
    error = (record.get("intervals", ""), record.get("bone_age_sd_months", ""))
    intervals = None if months is None else intervals_of(months, *error)
    sex = Sex.parse(record.get("sex") or record.get("gender") or "")
    return Visit(facts.onto(Child(sex, None, 0.0, months, intervals, by_network=bool(model))), facts.day, name, model)


def intervals_of(months: float, ranges: str, sd: str) -> tuple[Interval, ...] | None:
    """The intervals of a cell as `boneage predict` writes them (``0.9:104.1-127.3``), or of a standard deviation.

    Raises:
        ValueError: for a cell that is neither.
    """
    if ranges.strip():
        found = [_RANGE.fullmatch(one) for one in ranges.split()]
        if not all(found):
            raise ValueError(f"{ranges!r} has no intervals such as 0.9:104.1-127.3")
        return tuple(Interval(*map(float, one.groups())) for one in found if one)
    error = number(sd.strip()) if sd.strip() else None
    if error is not None and error < 0:
        raise ValueError(f"the standard deviation {sd.strip()!r} of the bone age is below 0")
    return None if error is None else normal_intervals(months, error)


def by_patient(rows: Sequence[tuple[str, Visit]]) -> Mapping[str, list[Visit]]:
    """The visits of each patient who has a name."""
    found: dict[str, list[Visit]] = defaultdict(list)
    for patient, visit in rows:
        if patient:
            found[patient].append(visit)
    return found
