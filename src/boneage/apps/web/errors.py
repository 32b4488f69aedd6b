"""The one place where the service's errors become HTTP answers."""

from __future__ import annotations

import math

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from ...clinic.errors import (
    Busy,
    Closing,
    NoRecord,
    NoSuchJob,
    NoSuchReading,
    NotAFilm,
    ServiceError,
    TooManyFilms,
    TooManyJobs,
)
from ...errors import CannotWrite

STATUSES: dict[type[Exception], int] = {
    NoRecord: 404,
    NoSuchJob: 404,
    NoSuchReading: 404,
    NotAFilm: 422,
    TooManyFilms: 422,
    Busy: 503,
    Closing: 503,
    TooManyJobs: 503,
    CannotWrite: 503,  # the record cannot be used at the moment
}
RECORD_RETRY = 10  # seconds until the record may work again


def error_answer(error: Exception) -> JSONResponse:
    """The answer to an error of `STATUSES`, or to an HTTPException: one sentence as JSON."""
    if isinstance(error, HTTPException):
        return JSONResponse({"error": str(error.detail)}, error.status_code, error.headers)
    retry = RECORD_RETRY if isinstance(error, CannotWrite) else None
    if isinstance(error, ServiceError):
        retry = error.retry_after
    headers = None if retry is None else {"Retry-After": str(math.ceil(retry))}
    return JSONResponse({"error": str(error)}, STATUSES[type(error)], headers)
