"""Whose growth a command is asked for: of the films that it reads, of a table's children, or of one child."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors import BadConfig
from ..growth import facts_table, lms
from ..growth.child import Child
from ..growth.distribution import normal_intervals
from ..growth.facts import Facts
from ..growth.result import Growth, assess
from ..growth.units import Age
from ..growth.velocity import Step, Visit, follow_up
from ..reading.batch import Item
from ..types import Failure, Reading, Sex


@dataclass
class GrowthOfFilms:
    """The growth of each film that is read, and what has changed between the films of one patient.

    Attributes:
        wanted: whether growth is asked for at all.
        chart: heights of children to compare with; None: the CDC's.
        visits: of each patient so far.
    """

    wanted: bool
    chart: lms.Chart | None = None
    visits: dict[str, list[Visit]] = field(default_factory=lambda: defaultdict(list))

    def of(self, film: Item, result: Reading | Failure) -> Growth | None:
        """The growth of one film's child; None where none is asked for or the film could not be read."""
        if not self.wanted or isinstance(result, Failure):
            return None
        visit = _visit(film, result)
        known = self.visits[film.facts.patient] if film.facts.patient else []
        if all(one.name != visit.name for one in known):  # of two hands in a film the first one counts
            known.append(visit)
        return assess(visit, chart=self.chart)

    def follow_ups(self) -> Iterator[tuple[int, tuple[Step, ...]]]:
        """The steps of each patient of whom two films were read, with the patient's number in this run."""
        for number, visits in enumerate(self.visits.values(), start=1):
            steps = follow_up(visits)
            if steps:
                yield number, steps


def _visit(film: Item, reading: Reading) -> Visit:
    try:
        return film.facts.visit(reading, film.id)
    except ValueError as error:
        raise BadConfig(f"{film.id}: {error}") from None


def growths(films: Sequence[Item], chart: Path | None, wanted: bool) -> GrowthOfFilms:
    """Growth for films of whose children something is told, or for all if it is ``wanted``; by a chart of one's own."""
    told = wanted or chart is not None or any(film.facts for film in films)
    return GrowthOfFilms(told, lms.read(chart) if chart else None)


def asked_of(
    table: Path | None,
    sex: Sex | None,
    told: Sequence[Any],
    bone_age: tuple[Age | None, Age | None],
    chart: Path | None,
    sds_table: str,
) -> list[tuple[str, Growth]]:
    """The growth of each row of a table, or of the one child that the options tell of; by name.

    Args:
        table: of children with bone ages.
        sex: of all children.
        told: the first fields of `Facts`, of all children; the table tells the others.
        bone_age: of the one child, and its standard error.
        chart: heights of children to compare with.
        sds_table: for the bone age.

    Raises:
        BadConfig: for neither a table nor one child, or for both.
    """
    if any(bone_age) if table else not any((*bone_age, *told)):
        raise BadConfig("give a table of children, or one child by --sex, --age, --bone-age, --height and so on")
    rows = facts_table.visits(table) if table else [("", _one(bone_age))]
    rows = [(patient, _with(visit, sex, Facts(*told))) for patient, visit in rows]
    heights, patients = lms.read(chart) if chart else None, facts_table.by_patient(rows)
    return [
        (visit.name, assess(visit, _others(visit, patients.get(patient, [])), chart=heights, sds_table=sds_table))
        for patient, visit in rows
    ]


def _one(bone_age: tuple[Age | None, Age | None]) -> Visit:
    months, sd = (None if age is None else age.months for age in bone_age)
    intervals = normal_intervals(months, sd) if months is not None and sd else None
    return Visit(Child(Sex.UNKNOWN, bone_age_months=months, bone_age_intervals=intervals), name="child")


def _with(visit: Visit, sex: Sex | None, facts: Facts) -> Visit:
    """A visit with the sex and the facts that hold for all."""
    child = replace(visit.child, sex=sex) if sex else visit.child
    return replace(visit, child=facts.onto(child))


def _others(visit: Visit, visits: Sequence[Visit]) -> list[Visit]:
    return [one for one in visits if one is not visit]
