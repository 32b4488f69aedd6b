"""What the service answers and what it may be asked, as the OpenAPI description shows them. Ages are months."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from ..errors import OutsideReference
from ..growth import reference
from ..types import DISCLAIMER, Severity, Sex

OLDEST = 1440  # months a chronological age may have: a slip of the unit is refused, an adult is not


def _truth(given: Any) -> Any:
    """JSON's own words only: what else pydantic takes for true is not what the description promises."""
    return {"true": True, "false": False}.get(given) if isinstance(given, str) else given


Truth = Annotated[bool, BeforeValidator(_truth), Field(strict=True)]
Months = Annotated[float, Field(ge=0, le=OLDEST, allow_inf_nan=False)]
Words = Annotated[str, Field(max_length=64), AfterValidator(str.strip)]  # as long as described before it is stripped


class Problem(BaseModel):
    """Why there is no other answer, in one sentence."""

    error: str


class Wishes(BaseModel):
    """What goes with a film. All may be left out."""

    model_config = ConfigDict(extra="forbid")

    sex: Sex | None = Field(default=None, description="what the file says, where left out")
    chronological_age_months: Months | None = Field(default=None, description="what the file says, where left out")
    heatmap: Truth = Field(default=False, description="also say where the model looked, if there is an age")
    keep: Truth = Field(default=True, description="in the record, where one is kept")


class FormWishes(Wishes):
    """What goes with a film in a form: also what has no place in an address, which others may keep."""

    patient_id: Words | None = Field(
        default=None, description="kept nowhere: a keyed hash of it finds earlier readings"
    )
    who: Words = Field(default="", description="who asks, for the record")
    instead_of: int | None = Field(
        default=None, ge=1, lt=2**31, description="the record's number of a reading of this film that this one corrects"
    )


class Flag(BaseModel):
    """Something to know about a reading."""

    code: str
    severity: Severity
    sentence: str


class Interval(BaseModel):
    """Where the bone age lies with probability ``level``."""

    level: float
    low: float
    high: float


class Reference(BaseModel):
    """The reading against the reference table; ``refusal`` says why where there is no comparison."""

    table: str
    chronological_age_months: float | None = None
    difference_months: float | None = None
    mean_months: float | None = None
    sd_months: float | None = None
    sds: float | None = None
    refusal: str | None = None


class FilmFacts(BaseModel):
    """What the file was."""

    format: str
    width: int
    height: int
    laterality: str | None


class Region(BaseModel):
    """A named part of the hand: its ``share`` of the heat map, of 1, and where it lies.

    ``outlines``: closed lines of points (x, y) in fractions of the film's width and height.
    """

    name: str
    share: float
    outlines: list[list[tuple[float, float]]]


class Answer(BaseModel):
    """One reading; no age where a flag refuses the film. ``patient``: the keyed hash of the patient's id.

    ``record``: the reading's number, where a record is kept; ``not_kept``: why it or its film is not kept
    although it should be.
    """

    file: str
    bone_age_months: float | None
    intervals: list[Interval] | None = None
    sex: Sex
    sex_source: str
    chronological_age_months: float | None
    age_source: Literal["given", "dicom", "absent"]
    reference: Reference
    flags: list[Flag]
    film: FilmFacts
    patient: str | None
    record: int | None = None
    not_kept: str | None = None
    heatmap: str | None = Field(default=None, description="a PNG over the whole film, as a data URL")
    regions: list[Region] | None = Field(
        default=None, description="the heat map's shares, in all 1; empty where no hand was made out"
    )
    model: str
    weights_sha256: str
    image_sha256: str
    version: str
    disclaimer: str


class JobState(BaseModel):
    """How far a job is. ``results``: one for each film that is done, in order: its reading, or why there is none."""

    id: str
    state: Literal["running", "done", "cancelled"]
    done: int
    total: int
    results: list[Answer | JobFailure]


class JobFailure(BaseModel):
    """A film of a job without a reading."""

    file: str
    error: str


class Review(BaseModel):
    """A reviewer's own bone age for a reading of the record."""

    model_config = ConfigDict(extra="forbid")

    bone_age_months: Annotated[float, Field(gt=0, le=300, allow_inf_nan=False)]
    who: Words = ""


class Correction(BaseModel):
    """The right patient of a reading of the record; an empty id: none is known."""

    model_config = ConfigDict(extra="forbid")

    patient_id: Words
    who: Words = ""


class Withdrawal(BaseModel):
    """Who withdraws a reading of the record."""

    model_config = ConfigDict(extra="forbid")

    who: Words = ""


class Kept(BaseModel):
    """A reading of the record."""

    id: int
    made_at: str
    chronological_age_months: float | None
    bone_age_months: float | None
    sex: Sex
    model: str
    weights_sha256: str
    film_sha256: str
    patient: str | None
    reviewer_bone_age_months: float | None
    reviewer: str | None
    superseded_by: int | None
    withdrawn_at: str | None
    withdrawn_by: str | None
    disclaimer: str = DISCLAIMER


class TableRow(BaseModel):
    """One row of the reference table."""

    age: float
    mean: float
    sd: float


class ReferenceTable(BaseModel):
    """The reference table, for charts."""

    table: str
    male: list[TableRow]
    female: list[TableRow]


class About(BaseModel):
    """What reads here."""

    version: str
    model: str
    weights_sha256: str
    uses_sex: bool
    reference_table: str
    disclaimer: str = DISCLAIMER
    record: bool
    films_kept: bool
    heatmap: bool
    film_bytes: int
    waiting: int


class Health(BaseModel):
    """Whether the service lives, or is ready to read."""

    status: Literal["ok", "closing"]


def against(bone_age: float | None, age: float | None, sex: Sex) -> Reference:
    """The comparison, or in a sentence why there is none."""
    if bone_age is None or age is None:
        refusal = "the film has no bone age" if bone_age is None else "the chronological age is not known"
        return Reference(table=reference.TABLE, chronological_age_months=age, refusal=refusal)
    try:
        return Reference(**reference.compare(bone_age, age, sex).to_dict())  # type: ignore[arg-type]
    except OutsideReference as error:
        return Reference(table=reference.TABLE, chronological_age_months=round(age, 2), refusal=str(error))


def reference_table() -> ReferenceTable:
    """All its rows."""
    rows = {
        sex: [TableRow(age=row.age, mean=row.mean, sd=row.sd) for row in reference.rows(sex)]
        for sex in (Sex.MALE, Sex.FEMALE)
    }
    return ReferenceTable(table=reference.TABLE, male=rows[Sex.MALE], female=rows[Sex.FEMALE])
