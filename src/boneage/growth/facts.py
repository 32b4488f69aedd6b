"""What is told of a child beside the film: age, height, weight, parents, whose film it is and when it was taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from functools import partial
from typing import Any

from ..images.dates import date_of
from ..types import Age, Radiograph, Reading
from . import units
from .child import Child
from .result import child_of
from .velocity import Visit

_OF_CHILD = ("height_cm", "lying", "weight_kg", "mother_cm", "father_cm")


@dataclass(frozen=True)
class Facts:
    """What is told of a child on the day of a film; what is not is None or empty.

    Attributes:
        age: the chronological age.
        height_cm: the child's height.
        lying: whether that is a recumbent length.
        weight_kg: the child's weight.
        mother_cm, father_cm: the parents' heights.
        day: when the film was taken.
        patient: whose film it is; of no output.
    """

    age: Age | None = None
    height_cm: float | None = None
    lying: bool | None = None
    weight_kg: float | None = None
    mother_cm: float | None = None
    father_cm: float | None = None
    day: date | None = None
    patient: str = field(default="", repr=False)

    def __bool__(self) -> bool:
        """Whether anything is told of the child itself, not only whose film it is and of which day."""
        return replace(self, day=None, patient="") != Facts()

    def over(self, other: Facts) -> Facts:
        """These facts, and where there is none that of ``other``."""
        told = {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) not in (None, "")}
        return replace(other, **told)

    def onto(self, child: Child) -> Child:
        """A child with these facts, where they tell anything."""
        told = {name: getattr(self, name) for name in _OF_CHILD if getattr(self, name) is not None}
        if self.age is not None:
            told |= {"age_months": self.age.months, "age_half_width_months": self.age.half_width}
        return replace(child, **told)

    def visit(self, reading: Reading, name: str = "") -> Visit:
        """The visit at which a film was read. Raises ValueError for an age that no one has."""
        return Visit(self.onto(child_of(reading)), self.day, name or reading.file, reading.model)


def day(text: str) -> date:
    """A date in any form that `date_of` reads. Raises ValueError for what is none."""
    found = date_of(text)
    if found is None:
        raise ValueError(f"{text.strip()!r} is no date: write it as 2024-03-31")
    return found


def of_film(film: Radiograph) -> Facts:
    """What the header of a film tells: its age, patient and date."""
    age = None
    if film.chronological_age is not None:
        age = Age(film.chronological_age, film.chronological_age_width or 0.0)
    who = film.identity
    return Facts(age=age, patient=who.patient_id if who else "", day=date_of(who.study_date) if who else None)


def of_texts(texts: Mapping[str, str], *, exact: bool = False) -> tuple[Facts, list[str]]:
    """Facts of texts by the names of their fields, and a sentence for each that cannot be understood.

    Empty ones are left out. ``exact``: whether an age of whole years is exact.
    """
    told: dict[str, Any] = {}
    complaints = []
    for name, text in texts.items():
        try:
            read = partial(units.age, exact=exact) if name == "age" else READERS[name]
            told |= {name: read(text)} if text.strip() else {}
        except ValueError as error:
            complaints.append(str(error))
    return Facts(**told), complaints


READERS: Mapping[str, Callable[[str], Any]] = {
    "height_cm": units.height,
    "weight_kg": units.weight,
    "mother_cm": units.parent,
    "father_cm": units.parent,
    "day": day,
    "patient": str.strip,
    "lying": lambda text: text == "yes",
}
