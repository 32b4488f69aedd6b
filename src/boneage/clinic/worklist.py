"""The worklist of a node: the films that it holds for a person to decide on, for a service that shows them.

It works on the node's spool, beside the node and also while that does not run: a decision is then carried out when the
node runs again. Whose film it is stands in the film alone, so that is read for it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..errors import BadConfig
from ..types import Identity
from . import decisions
from .answers import Part, Side
from .decisions import Decision, NotHeld, Verdict
from .documents.case import Review
from .errors import NoDecision, NoSpool
from .spool import is_in_use

Name = Annotated[str, Field(max_length=30), AfterValidator(str.strip)]


class HeldFilm(BaseModel):
    """A film that waits for a decision. ``answer``: what tells its reading from another one, to be sent back."""

    key: str
    received: datetime
    reading: str
    answer: str
    parts: list[Part] = Field(description="of a picture of two hands, the places of those that were read")


class Held(BaseModel):
    """The films that wait for a decision, oldest first, and whether the node runs, which carries decisions out."""

    films: list[HeldFilm]
    node_runs: bool


class Patient(BaseModel):
    """Whose film it is and from which study, as its file says; empty where it does not."""

    name: str = ""
    id: str = ""
    birth_date: str = ""
    sex: str = ""
    study_date: str = ""
    accession_number: str = ""


class SentDecision(BaseModel):
    """What a reviewer decides on a film, and on which reading of it."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["accept", "correct", "reject"]
    answer: str = Field(min_length=1, max_length=200, description="of the reading that was decided on")
    family: Name = Field(description="the reviewer's family name")
    given: Name = ""
    organisation: Annotated[str, Field(max_length=64), AfterValidator(str.strip)]
    bone_age_months: float | None = Field(default=None, gt=0, le=300, allow_inf_nan=False)
    side: Side | None = None
    part: Part | None = Field(default=None, description="of a picture of two hands the one that is corrected")
    reason: Annotated[str, Field(max_length=200), AfterValidator(str.strip)] = Field(
        default="", description="of a rejection"
    )


class Worklist:
    """The films that the node of a spool holds. Several threads may use it at once.

    Args:
        folder: of the spool; it need not be there yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def films(self) -> Held:
        """All of them; NoSpool before the node's first start."""
        try:
            found = decisions.held(self.folder)
        except BadConfig as error:
            raise NoSpool(str(error)) from None
        entries = [
            HeldFilm(
                key=one.key,
                received=datetime.fromtimestamp(one.received, UTC),
                reading=one.reading,
                answer=one.answer,
                parts=one.parts,  # type: ignore[arg-type]
            )
            for one in found
        ]
        return Held(films=entries, node_runs=is_in_use(self.folder))

    def film(self, key: str) -> bytes:
        """The file of a film; NotHeld if it waits for no decision any more, or has gone."""
        try:
            return decisions.film_of(self.folder, key)
        except NotHeld:
            raise
        except BadConfig as error:
            raise NoSpool(str(error)) from None

    def decide(self, key: str, sent: SentDecision) -> Held:
        """Write a decision down; returns what is left.

        Raises:
            NoDecision: if it contradicts itself, or lacks a name or a reason.
            NotHeld: if somebody else has decided meanwhile, or the film was read anew.
        """
        at = datetime.now().replace(microsecond=0)
        observer = f"{sent.family}^{sent.given}".rstrip("^")
        side = sent.side and sent.side[0].upper()
        try:
            review = Review(observer, sent.organisation, at, sent.bone_age_months, side, sent.part)
            decisions.decide(self.folder, key, Decision(Verdict(sent.verdict), review, sent.reason, sent.answer))
        except NotHeld:
            raise
        except BadConfig as error:
            raise NoDecision(str(error)) from None
        return self.films()


def patient_of(identity: Identity | None) -> Patient:
    """What a film says of its patient."""
    if identity is None:
        return Patient()
    return Patient(
        name=identity.patient_name,
        id=identity.patient_id,
        birth_date=identity.patient_birth_date,
        sex=identity.patient_sex,
        study_date=identity.study_date,
        accession_number=identity.accession_number,
    )
