"""The requests and answers of the service, as checked models. Ages are in months."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from ..errors import OutsideReference
from ..growth import reference
from ..types import DISCLAIMER, Severity, Sex

MAX_AGE = 1440  # months: adults are accepted, an age given in days is refused


def _from_text(value: Any) -> Any:
    """The text of a form as JSON has it, true or false; pydantic alone would also accept "yes", "on" or "1"."""
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else value


Bool = Annotated[bool, BeforeValidator(_from_text), Field(strict=True)]


def _in_words(value: Any) -> Any:
    """The sex of any word that tables have for it; an empty one is none."""
    try:
        return Sex.parse(value) if isinstance(value, str) and value.strip() else Sex(value)
    except ValueError:
        raise PydanticCustomError("sex", "expected female, male or unknown") from None


SexInWords = Annotated[Sex, BeforeValidator(_in_words)]
Months = Annotated[float, Field(ge=0, le=MAX_AGE, allow_inf_nan=False)]
Part = Literal["left", "right", "upper", "lower"]
Side = Literal["left", "right"]
Points = list[tuple[float, float]]
ShortText = Annotated[str, Field(max_length=64), AfterValidator(str.strip)]  # the length holds before it is stripped


class ErrorAnswer(BaseModel):
    """Why a request failed, in one sentence."""

    error: str


class ReadingOptions(BaseModel):
    """Options of a reading that name nobody. All may be left out."""

    model_config = ConfigDict(extra="forbid")

    sex: SexInWords | None = Field(
        default=None, description="in any word that a table may have; default: as the file says"
    )
    chronological_age_months: Months | None = Field(default=None, description="default: as the file says")
    hand: Side | None = Field(
        default=None,
        description="of two hands in a picture read this one; default: the one that the file names, or both",
    )
    part: Part | None = Field(default=None, description="of two hands in a picture read the one at this place there")
    heatmap: Bool = Field(default=False, description="add a heat map of where the model looked, if there is an age")
    regions: Bool = Field(default=False, description="tell ages by region too, if there is an age")
    keep: Bool = Field(default=True, description="keep the reading, if the service has a record")

    @property
    def side(self) -> str | None:
        """The hand that is asked for as DICOM has it, ``L`` or ``R``."""
        return self.hand[0].upper() if self.hand else None


class ReadingRequest(ReadingOptions):
    """All that goes with a film. What may name a person must not be sent in an address, which logs may hold."""

    patient_id: ShortText | None = Field(
        default=None, description="finds earlier readings by its keyed hash; the id itself is not kept"
    )
    who: ShortText = Field(default="", description="who asks for the reading, for the record")
    instead_of: int | None = Field(
        default=None,
        ge=1,
        lt=2**31,
        description="the record's number of a reading of this film that this one corrects",
    )


class Flag(BaseModel):
    """A remark on a reading."""

    code: str
    severity: Severity
    sentence: str
    where: list[Points] | None = Field(
        default=None,
        description="closed lines and single points (x, y), in fractions of the film, of what it is about; empty: of "
        "the whole film; null: it is not about the picture",
    )


class Interval(BaseModel):
    """A prediction interval in months that holds the bone age with probability ``level``."""

    level: float
    low: float
    high: float


class Reference(BaseModel):
    """The comparison with the reference table; ``refusal``: why there is none, in one sentence.

    ``sds_low`` and ``sds_high``: the ends of the SDS over the ages that a chronological age in whole years leaves open.
    """

    table: str
    chronological_age_months: float | None = None
    difference_months: float | None = None
    mean_months: float | None = None
    sd_months: float | None = None
    sds: float | None = None
    age_half_width_months: float | None = None
    sds_low: float | None = None
    sds_high: float | None = None
    refusal: str | None = None


class FilmFacts(BaseModel):
    """Format, size in pixels and side of the body of a film, the whole picture where it shows two hands."""

    format: str
    width: int
    height: int
    laterality: str | None


class Window(BaseModel):
    """The grey levels that were black and white for the reading, in fractions of the film's own range.

    ``black`` is above ``white`` on a film that shows bone dark.
    """

    black: float
    white: float


class Region(BaseModel):
    """A named part of the hand.

    ``share``: its part of the heat map, 0 to 1. ``outlines``: closed lines of points (x, y), in fractions of the
    film's width and height.
    """

    name: str
    share: float
    outlines: list[Points]


class RegionalAge(BaseModel):
    """The bone age of one region, in months; ``bone_age_months`` is null where the region is not informative.

    ``difference_months``: against the rest of the hand; ``usual``: the ends between which 99 of 100 such differences
    lie. ``outlines``: as a `Region` has them; of regions in several places there are none.
    """

    region: str
    name: str
    bone_age_months: float | None
    interval: Interval | None
    difference_months: float | None
    difference_sd: float | None
    usual: tuple[float, float] | None
    is_unusual: bool
    outlines: list[Points]


class RegionalAges(BaseModel):
    """The ages of a hand by region, and the network that tells them. ``reason``: why there are none."""

    model: str
    weights_sha256: str
    ages: list[RegionalAge]
    reason: str | None = None
    meaning: str


class HandAnswer(BaseModel):
    """The reading of one hand. ``bone_age_months`` is null if a flag refuses the film.

    ``patient``: the keyed hash of the patient's id. ``record``: the reading's number in the record. ``not_kept``: why
    the reading or its film could not be kept.

    Of a picture of two hands, ``part`` is the place of this one there, and ``place`` what was cut out for it; heat map,
    regions and flags then lie on the part, not on the picture.
    """

    file: str
    bone_age_months: float | None
    intervals: list[Interval] | None = None
    sex: Sex
    sex_source: str
    chronological_age_months: float | None
    chronological_age_half_width_months: float | None = Field(
        default=None,
        description="of the range the file allows: 6 where it gives whole years, 0 where it gives dates",
    )
    age_source: Literal["given", "dicom", "absent"]
    reference: Reference
    flags: list[Flag]
    film: FilmFacts
    window: Window | None = None
    part: Part | None = None
    hand: Side | None = Field(
        default=None, description="of a picture of two hands: which this is by its thumb, seen from its back"
    )
    place: tuple[float, float, float, float] = Field(
        default=(0.0, 0.0, 1.0, 1.0), description="left, top, right and bottom of the part, in fractions of the picture"
    )
    patient: str | None
    record: int | None = None
    not_kept: str | None = None
    heatmap: str | None = Field(default=None, description="a PNG that covers the whole film or part, as a data URL")
    regions: list[Region] | None = Field(
        default=None, description="shares of the heat map, 1 in all; empty if no hand was found"
    )
    regional_ages: RegionalAges | None = Field(default=None, description="if they were asked for and there is an age")
    model: str
    weights_sha256: str
    image_sha256: str
    version: str
    disclaimer: str


class Answer(HandAnswer):
    """The reading of one film. If it shows two hands it has no age itself, and ``hands`` has one reading for each."""

    hands: list[HandAnswer] | None = Field(default=None, description="null for a film of one hand")


class JobState(BaseModel):
    """Progress of a job. ``results``: the reading or the failure of each film that is done, in order."""

    id: str
    state: Literal["running", "done", "cancelled"]
    done: int
    total: int
    results: list[Answer | JobFailure]


class JobFailure(BaseModel):
    """A film of a job that could not be read."""

    file: str
    error: str


class Review(BaseModel):
    """A reviewer's own bone age for a reading in the record."""

    model_config = ConfigDict(extra="forbid")

    bone_age_months: Annotated[float, Field(gt=0, le=300, allow_inf_nan=False)]
    who: ShortText = ""


class Correction(BaseModel):
    """The right patient of a reading in the record; an empty id: not known."""

    model_config = ConfigDict(extra="forbid")

    patient_id: ShortText
    who: ShortText = ""


class Withdrawal(BaseModel):
    """Who withdraws a reading from the record."""

    model_config = ConfigDict(extra="forbid")

    who: ShortText = ""


class RecordEntry(BaseModel):
    """A reading in the record."""

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
    part: str | None = Field(default=None, description="of a picture of two hands the one that was read, by its place")
    intervals: list[Interval] | None = Field(default=None, description="of the bone age, among a patient's readings")
    disclaimer: str = DISCLAIMER


class TableRow(BaseModel):
    """One row of the reference table."""

    age: float
    mean: float
    sd: float


class ReferenceTable(BaseModel):
    """The reference table, for drawing charts."""

    table: str
    male: list[TableRow]
    female: list[TableRow]


class About(BaseModel):
    """What the service is and what it can do."""

    version: str
    model: str
    weights_sha256: str
    uses_sex: bool
    reference_table: str
    disclaimer: str = DISCLAIMER
    record: bool
    films_kept: bool
    worklist: bool
    heatmap: bool
    regions: bool
    film_bytes: int
    waiting: int


class Health(BaseModel):
    """Whether the service is up, or closing."""

    status: Literal["ok", "closing"]


def comparison(bone_age: float | None, age: float | None, sex: Sex, half_width: float | None = None) -> Reference:
    """A bone age compared with the reference table; ages in months. ``refusal`` is set if they cannot be compared.

    ``half_width``: of the range that the chronological age may lie in.
    """
    if bone_age is None or age is None:
        refusal = "the film has no bone age" if bone_age is None else "the chronological age is not known"
        return Reference(
            table=reference.TABLE, chronological_age_months=age, age_half_width_months=half_width, refusal=refusal
        )
    try:
        return Reference(**reference.compare(bone_age, age, sex, half_width or 0.0).to_dict())  # type: ignore[arg-type]
    except OutsideReference as error:
        return Reference(
            table=reference.TABLE,
            chronological_age_months=round(age, 2),
            age_half_width_months=half_width,
            refusal=str(error),
        )


def reference_table() -> ReferenceTable:
    """All rows of the reference table, by sex."""
    rows = {
        sex: [TableRow(age=row.age, mean=row.mean, sd=row.sd) for row in reference.rows(sex)]
        for sex in (Sex.MALE, Sex.FEMALE)
    }
    return ReferenceTable(table=reference.TABLE, male=rows[Sex.MALE], female=rows[Sex.FEMALE])
