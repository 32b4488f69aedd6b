"""The one place where the service's errors become HTTP answers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from ...clinic.decisions import NotHeld
from ...clinic.errors import (
    Busy,
    Closing,
    FilmChanged,
    NoDecision,
    NoRecord,
    NoSpool,
    NoSuchJob,
    NoSuchReading,
    NoSuchShowing,
    NotAFilm,
    NotYourTurn,
    NoWorklist,
    ServiceError,
    TooManyFilms,
    TooManyJobs,
)
from ...errors import CannotWrite

STATUSES: dict[type[Exception], int] = {
    NoRecord: 404,
    NoSuchJob: 404,
    NoSuchReading: 404,
    NoWorklist: 404,
    NotHeld: 409,
    NoDecision: 422,
    NoSuchShowing: 404,
    FilmChanged: 409,
    NotYourTurn: 409,
    NotAFilm: 422,
    TooManyFilms: 422,
    Busy: 503,
    Closing: 503,
    NoSpool: 503,
    TooManyJobs: 503,
    CannotWrite: 503,  # the record cannot be used at the moment
}
_PROBLEMS = {  # what pydantic calls a problem, and what a person is told
    "bool_type": "it is neither true nor false",
    "extra_forbidden": "there is no such field",
    "finite_number": "it is no finite number",
    "float_parsing": "it is no number",
    "float_type": "it is no number",
    "greater_than": "it is not more than {gt:g}",
    "greater_than_equal": "it is less than {ge:g}",
    "int_from_float": "it is no whole number",
    "int_parsing": "it is no whole number",
    "int_parsing_size": "it is no number of this size",
    "int_type": "it is no whole number",
    "json_invalid": "it is no JSON",
    "less_than": "it is not less than {lt:g}",
    "less_than_equal": "it is more than {le:g}",
    "list_type": "it is no list",
    "literal_error": "it is not {expected}",
    "missing": "it is missing",
    "model_attributes_type": "it is no JSON object",
    "sex": "it is none of female, male and unknown",
    "string_pattern_mismatch": "it does not have the form that it should have",
    "string_too_long": "it has more than {max_length} characters",
    "string_type": "it is no text",
    "too_long": "it has more than {max_length} entries",
    "tuple_type": "it is no list",
}
_FRAMEWORK = {  # what it says by itself, and what a person is told
    "Method Not Allowed": "this address does not take requests of this kind",
    "Not Found": "there is no such address",
    "There was an error parsing the body": "the body is no JSON that can be read",
}
RECORD_RETRY = 10  # seconds until the record may work again


def error_answer(error: Exception) -> JSONResponse:
    """The answer to an error of `STATUSES`, or to an HTTPException: one sentence as JSON."""
    if isinstance(error, HTTPException):
        sentence = _FRAMEWORK.get(error.detail, str(error.detail))
        return JSONResponse({"error": sentence}, error.status_code, error.headers)
    retry = RECORD_RETRY if isinstance(error, CannotWrite) else None
    if isinstance(error, ServiceError):
        retry = error.retry_after
    headers = None if retry is None else {"Retry-After": str(math.ceil(retry))}
    return JSONResponse({"error": str(error)}, STATUSES[type(error)], headers)


def problem(found: Mapping[str, Any]) -> str:
    """A sentence for one of the errors of a ``ValidationError`` of pydantic, which does not repeat what was sent."""
    return _PROBLEMS.get(found["type"], "it is not what it should be").format(**found.get("ctx", {}))
