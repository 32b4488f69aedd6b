"""Growth for the page: what was typed of a child, the figures that it gives, and the charts that they are drawn on."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .. import types
from ..growth import lms
from ..growth.child import Child
from ..growth.distribution import LEVELS, check_levels
from ..growth.facts import READERS
from ..growth.result import Growth, assess
from ..growth.velocity import Visit
from ..types import Sex
from .answers import MAX_AGE, Months, SexInWords

Typed = Annotated[str, Field(max_length=32)]
_FIELDS = {"height": "height_cm", "weight": "weight_kg", "mother": "mother_cm", "father": "father_cm"}
_STEP = 6.0  # months between two points of a centile


def _written(value: object) -> object:
    """A date is a text as ``2024-03-31``, never a number of seconds."""
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII)):
        return value
    raise ValueError("expected a date such as 2024-03-31")


Day = Annotated[date, BeforeValidator(_written)]


HalfWidth = Annotated[float, Field(ge=0, le=12, allow_inf_nan=False, strict=True)]


class ReadInterval(BaseModel):
    """An interval as a reading has it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    level: Annotated[float, Field(ge=LEVELS[0], le=LEVELS[1])]
    low: Annotated[float, Field(ge=0, le=MAX_AGE)]
    high: Annotated[float, Field(ge=0, le=MAX_AGE)]


class Film(BaseModel):
    """A film of the child: what was read of it, and what was measured that day. Heights as they are written."""

    model_config = ConfigDict(extra="forbid")

    bone_age_months: Annotated[float, Field(ge=0, le=300, allow_inf_nan=False, strict=True)] | None = None
    intervals: list[ReadInterval] | None = Field(default=None, max_length=9)
    chronological_age_months: Annotated[Months, Field(strict=True)] | None = None
    chronological_age_half_width_months: HalfWidth | None = None
    day: Day | None = Field(default=None, description="when it was taken")
    name: Typed = ""
    model: Annotated[str, Field(max_length=200)] = Field(default="", description="which read it; empty for a reader")
    height: Typed = Field(default="", description="such as 140.2, 55in or 4ft7in; centimetres without a unit")
    lying: Annotated[bool, Field(strict=True)] | None = Field(
        default=None, description="how the height was measured; default: lying below two years"
    )


class GrowthRequest(Film):
    """A child on the day of a film, and earlier films of the same child."""

    sex: SexInWords = Sex.UNKNOWN
    weight: Typed = Field(default="", description="such as 35 or 77lb; kilograms without a unit")
    mother: Typed = ""
    father: Typed = ""
    earlier: list[Film] = Field(default_factory=list, max_length=100)


class GrowthAnswer(BaseModel):
    """What the facts give, as ``growth.schema.json`` describes it, and what is wrong with a field, by its name."""

    growth: dict[str, Any]
    problems: dict[str, str]


class Centiles(BaseModel):
    """Heights in centimetres at ages in months, by centile."""

    ages: list[float]
    heights: dict[int, list[float]]


class HeightChart(BaseModel):
    """The chart of heights, for drawing it."""

    table: str
    male: Centiles
    female: Centiles


def growth_answer(request: GrowthRequest) -> GrowthAnswer:
    """The growth of a child; a field that cannot be understood counts as empty, and is told."""
    growth, problems = growth_of(request)
    return GrowthAnswer(growth=growth.to_dict(), problems=problems)


def growth_of(request: GrowthRequest) -> tuple[Growth, dict[str, str]]:
    """The growth of a child, and what is wrong with a field, by its name."""
    problems: dict[str, str] = {}
    now = _visit(request, request.sex, problems)
    earlier = [_visit(film, request.sex, {}) for film in request.earlier]
    return assess(now, earlier), problems


@cache
def height_chart() -> HeightChart:
    """The centiles of stature of the CDC of 2000, from two to twenty years."""
    chart = lms.cdc(False)
    low, high = chart.range_of(Sex.MALE)
    ages = np.arange(low, high + _STEP / 2, _STEP)
    by_sex = {
        sex.value: Centiles(ages=ages.tolist(), heights=lms.centiles(chart, sex, ages))
        for sex in (Sex.MALE, Sex.FEMALE)
    }
    return HeightChart(table=chart.name, **by_sex)


def _visit(film: Film, sex: Sex, problems: dict[str, str]) -> Visit:
    child = Child(
        sex,
        film.chronological_age_months,
        film.chronological_age_half_width_months or 0.0,
        film.bone_age_months,
        _intervals(film, problems),
        lying=film.lying,
        by_network=bool(film.model),
        **_measured(film, problems),  # type: ignore[arg-type]
    )
    return Visit(child, film.day, film.name, film.model)


def _intervals(film: Film, problems: dict[str, str]) -> tuple[types.Interval, ...] | None:
    """The intervals of the reading; such as no reading has are told and leave its error unknown."""
    try:
        found = tuple(types.Interval(**one.model_dump()) for one in film.intervals or ())
        check_levels(found)
    except ValueError as error:
        problems["intervals"] = str(error)
        return None
    return found or None


def _measured(film: Film, problems: dict[str, str]) -> dict[str, float]:
    """The typed fields in centimetres and kilograms."""
    found: dict[str, float] = {}
    for name, field in _FIELDS.items():
        text = getattr(film, name, "")
        try:
            found |= {field: READERS[field](text)} if text.strip() else {}
        except ValueError as error:
            problems[name] = str(error)
    return found
