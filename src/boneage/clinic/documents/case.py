"""A case: one answer about one film, and what a reviewer said of it. Documents are made from it and from nothing else.

The same film, model and answer make the same documents, byte for byte: their UIDs are hashes of these, and their dates
are those of the film.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cached_property
from uuid import UUID

from ...errors import BoneAgeError
from ...types import Identity, Interval, Radiograph, Severity
from ..answers import Answer, comparison
from .outlines import Outline

LEVEL = 0.9  # of the interval that documents give
_OF_THE_CALL = {"file", "patient", "record", "not_kept", "heatmap", "regions"}  # of an answer, not of the film


class NoDocument(BoneAgeError):
    """A film lacks what a DICOM object of its study must have."""


def uid_of(*words: str) -> str:
    """The UID of some words, under DICOM's root for UUIDs (PS3.5 B.2): always the same one."""
    digest = hashlib.sha256(" ".join(words).encode()).digest()
    return f"2.25.{UUID(bytes=digest[:16], version=5).int}"


@dataclass(frozen=True)
class Review:
    """What a person said of a reading.

    Attributes:
        observer: the person's name, as it is to stand in the documents.
        organisation: the person's.
        at: when; without a zone, in local time, as DICOM has it.
        bone_age_months: the age that replaces the reading's, None where that stands.
        laterality: the side, ``L`` or ``R``, that replaces the file's, None where that stands.
        part: of a picture of two hands the place of the one that is corrected; the other stands.
    """

    observer: str
    organisation: str
    at: datetime
    bone_age_months: float | None = None
    laterality: str | None = None
    part: str | None = None

    @property
    def is_correction(self) -> bool:
        """Whether something is replaced."""
        return self.bone_age_months is not None or self.laterality is not None

    def of(self, part: str | None) -> Review:
        """What it says of the hand at a place of the picture."""
        is_about_it = not self.is_correction or self.part == part
        return self if is_about_it else replace(self, bone_age_months=None, laterality=None)


@dataclass(frozen=True, eq=False, repr=False)
class Case:
    """An answer, its film, the regions on it, and the review if there was one. It shows nothing when printed."""

    answer: Answer
    film: Radiograph
    outlines: tuple[Outline, ...] = ()
    review: Review | None = None

    @property
    def owner(self) -> Identity:
        """Whose film it is and from which study.

        Raises:
            NoDocument: if the film is not DICOM.
        """
        if self.film.identity is None:
            raise NoDocument(f"{self.answer.file} is not DICOM: it has no study that a DICOM object could go to")
        return self.film.identity

    @property
    def months(self) -> float | None:
        """The bone age in months that the documents give: the reviewer's, else the reading's."""
        given = self.review.bone_age_months if self.review else None
        return self.answer.bone_age_months if given is None else given

    @property
    def laterality(self) -> str | None:
        """``L`` or ``R`` as the reviewer or the file says, of one of two hands in a picture its thumb; else None."""
        by_thumb = self.answer.hand[0].upper() if self.answer.part and self.answer.hand else None
        return (self.review and self.review.laterality) or by_thumb or self.answer.film.laterality

    @property
    def side_source(self) -> str:
        """Who says which side it is."""
        if self.review and self.review.laterality:
            return "the reviewer"
        return "its thumb, if seen from its back" if self.answer.part else "the film's file"

    @property
    def remarks(self) -> list[str]:
        """What the reviewer did, in sentences; none without a review."""
        review, months = self.review, self.answer.bone_age_months
        if review is None:
            return []
        found = [] if review.is_correction else ["A reviewer has accepted this reading."]
        if review.bone_age_months is not None:
            read = "refused the film" if months is None else f"read {months:.1f} months"
            found.append(f"The age is the reviewer's; the program {read}.")
        if review.laterality is not None:
            before = replace(self, review=None)
            was = f"says {before.laterality}" if before.laterality else "names none"
            found.append(f"The side is the reviewer's; {before.side_source.partition(',')[0]} {was}.")
        return found

    @property
    def interval(self) -> Interval | None:
        """The interval of `LEVEL` around the reading; None without one, and for an age that a reviewer gave."""
        if self.review and self.review.bone_age_months is not None:
            return None
        of_level = (one for one in self.answer.intervals or [] if one.level == LEVEL)
        return next((Interval(one.level, one.low, one.high) for one in of_level), None)

    @property
    def refusals(self) -> tuple[str, ...]:
        """The codes of the flags for which there is no age."""
        codes = [flag.code for flag in self.answer.flags if flag.severity is Severity.REFUSE]
        return tuple(dict.fromkeys(codes)) if self.months is None else ()

    @cached_property
    def key(self) -> str:
        """The hash of film, model and answer, in hexadecimal; whose film it is counts too."""
        answer = self.answer.model_dump(mode="json", exclude=_OF_THE_CALL)
        owner = asdict(self.film.identity) if self.film.identity else None
        review = asdict(self.review) if self.review else None
        text = json.dumps([answer, owner, review], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def uid(self, what: str) -> str:
        """The UID of a part of the documents."""
        return uid_of(self.key, what)

    @cached_property
    def corrected(self) -> Answer:
        """The answer as the documents give it: with the reviewer's age and side in place of the reading's."""
        if self.review is None or not self.review.is_correction:
            return self.answer
        answer, age = self.answer, self.answer.chronological_age_months
        reference = comparison(self.months, age, answer.sex, answer.chronological_age_half_width_months)
        film = answer.film.model_copy(update={"laterality": self.laterality})
        intervals = answer.intervals if self.review.bone_age_months is None else None
        changes = {"bone_age_months": self.months, "reference": reference, "film": film, "intervals": intervals}
        return answer.model_copy(update=changes)

    def reviewed(self, review: Review) -> Case:
        """The same case with what a person said of it."""
        return replace(self, review=review)
