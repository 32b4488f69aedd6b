"""From a film and a request to all that its documents need, without a service."""

from __future__ import annotations

from ..reading.predictor import Predictor
from ..types import Radiograph
from .answers import Answer, ReadingRequest
from .described import described
from .documents.case import Case
from .documents.outlines import outlines_of


def case_of(predictor: Predictor, film: Radiograph, request: ReadingRequest) -> Case:
    """Read a film, and gather what its documents need; a picture of two hands is refused."""
    seen = predictor.examine(film)
    reading = predictor.read(seen, request.sex)
    answer = described(reading, seen, film, request.chronological_age_months)
    return Case(Answer(**dict(answer)), film, outlines_of(seen))
