"""From a film and a request to all that its documents need, hand by hand, without a service."""

from __future__ import annotations

from ..reading.examination import Examination
from ..reading.predictor import Predictor
from ..reading.regional import Regional
from ..types import Radiograph
from .answers import Answer, HandAnswer, ReadingRequest
from .described import described
from .documents.case import Case
from .documents.outlines import outlines_of


def cases_of(
    predictor: Predictor, film: Radiograph, request: ReadingRequest, regional: Regional | None = None
) -> list[Case]:
    """Read a film, and gather what the documents need: of one hand, or of each of two hands in a picture.

    With ``regional`` they have ages by region too.
    """
    hands = predictor.examine_each(film, request.side, request.part)
    readings = [predictor.read(seen, request.sex, regional=regional) for seen in hands]
    answers = (
        described(reading, seen, film, request.chronological_age_months, regional=regional)
        for reading, seen in zip(readings, hands, strict=True)
    )
    return [case_from(answer, seen, film) for answer, seen in zip(answers, hands, strict=True)]


def case_from(answer: HandAnswer, seen: Examination, film: Radiograph) -> Case:
    """The case of one hand: its answer, what was seen of it, and its film."""
    return Case(Answer(**dict(answer)), film, outlines_of(seen))
