"""The routes. Each parses the request, calls the service, and returns its answer."""

from __future__ import annotations

import io
from importlib.metadata import version
from typing import Annotated, Any
from urllib.parse import parse_qs

import numpy as np
from fastapi import APIRouter, Depends, Path, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from ...clinic import pdf
from ...clinic.answers import (
    About,
    Answer,
    Correction,
    ErrorAnswer,
    Health,
    JobState,
    ReadingRequest,
    RecordEntry,
    ReferenceTable,
    Review,
    Withdrawal,
    reference_table,
)
from ...clinic.errors import Closing
from ...clinic.jobs import Jobs
from ...clinic.record import Entry
from ...clinic.service import Service
from ...growth import reference
from ...types import Radiograph
from .access import COOKIE, cookie_of, is_same, remember, sign_in_page
from .access import page as start_page
from .forms import OneFilm, body_of, films_of, only

MAX_NUMBER = 2**31 - 1  # of a reading in the record
JobId = Annotated[str, Path(max_length=64)]
Number = Annotated[int, Path(ge=1, le=MAX_NUMBER)]
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]

ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorAnswer, "description": description}
    for status, description in {
        400: "the request is damaged",
        401: "a token is needed",
        403: "the request comes from the page of another site",
        404: "there is no such thing",
        408: "the request did not arrive in time",
        413: "the request is larger than the limit",
        415: "the content type is not supported",
        421: "the service does not answer to this name of its host",
        422: "the film or a value is not valid",
        503: "busy or closing: Retry-After says when to try again",
    }.items()
}
router = APIRouter(prefix="/api", responses=ERRORS)
page = APIRouter(include_in_schema=False)


# This and its like in the other routes wait for nothing, but are async: FastAPI would call them in a thread.
async def service_of(request: Request) -> Service:
    """The service of the application that the request came to."""
    return request.app.state.service


async def jobs_of(request: Request) -> Jobs:
    """The jobs of that service."""
    return request.app.state.jobs


InService = Annotated[Service, Depends(service_of)]
InJobs = Annotated[Jobs, Depends(jobs_of)]


@router.post("/readings", openapi_extra=body_of("film"))
async def read(service: InService, film: OneFilm) -> Answer:
    """Read the bone age of one film."""
    return await service.read(*film)


@router.post(
    "/films",
    openapi_extra=body_of("film"),
    responses={200: {"content": {"application/octet-stream": {}}, "description": "uint16, row by row, little-endian"}},
    response_class=Response,
)
async def show(service: InService, film: OneFilm) -> Response:
    """The pixels of one film for a viewer: 16 bits each, bone bright, the film reduced to at most 2048 on a side.

    The headers ``Film-Width`` and ``Film-Height`` give their numbers. They cover the whole range of the film's values,
    from 0 to 1: ``Film-Read`` gives the two ends of what is read of it, ``Film-Window`` those of the file's own window.
    """
    return await pixels_of(await service.show(film[0]))


@router.post(
    "/reports",
    openapi_extra=body_of("film", model=pdf.ReportRequest, bare=False),
    responses={200: {"content": {"application/pdf": {}}, "description": "A4, a page for each hand"}},
    response_class=Response,
)
async def report(request: Request, service: InService) -> Response:
    """Read one film and return the reading as a PDF, with a page for each hand.

    ``earlier`` readings are drawn in its chart; a page more has the ``child``'s growth.
    """
    films, reading = await films_of(request, "film", pdf.ReportRequest)
    name, data = only(films)
    answer, film = await service.read_film(data, name, reading)
    page = await run_in_threadpool(pdf.report, answer, film, reading.earlier, reading.child)
    headers = {"Content-Disposition": 'attachment; filename="bone-age.pdf"'}
    return Response(page, media_type="application/pdf", headers=headers)


@router.post("/jobs", status_code=202, openapi_extra=body_of("films", bare=False))
async def start(request: Request, response: Response, jobs: InJobs) -> JobState:
    """Read many films, one after another; sex, age and patient in the form hold for all of them."""
    films, reading = await films_of(request, "films", ReadingRequest)
    if not films:
        raise HTTPException(422, "the form needs files in its field films, it has none")
    job = jobs.start(films, reading)
    response.headers["Location"] = f"{request.app.state.root}/api/jobs/{job.id}"
    return job.state()


@router.get("/jobs/{job}")
async def progress(job: JobId, jobs: InJobs) -> JobState:
    """The progress of a job, and its results so far."""
    return jobs.find(job).state()


@router.delete("/jobs/{job}")
async def cancel(job: JobId, jobs: InJobs) -> JobState:
    """Stop a job and forget it; this answer has the only copy of its results."""
    return jobs.cancel(job).state()


@router.get("/patients/{patient}/readings")
async def earlier(patient: Hash, service: InService) -> list[RecordEntry]:
    """The readings of one patient in the record, by the keyed hash of the id, oldest first."""
    entries = await run_in_threadpool(service.record.of_patient, patient)
    known = await run_in_threadpool(service.record.intervals, patient)
    return [_described(entry, known.get(entry.id)) for entry in entries]


@router.put("/readings/{number}/review")
async def review(number: Number, sent: Review, service: InService) -> RecordEntry:
    """Add a reviewer's own bone age to a reading in the record."""
    return _described(await run_in_threadpool(service.record.review, number, sent.bone_age_months, sent.who))


@router.post("/readings/{number}/patient")
async def move(number: Number, sent: Correction, service: InService) -> RecordEntry:
    """Move a reading in the record to the right patient, as a new entry that supersedes the old one.

    The answer has the new number; 404 also for a reading that is superseded or withdrawn.
    """
    patient = service.pseudonyms.of(sent.patient_id)
    return _described(await run_in_threadpool(service.record.move, number, patient, sent.who))


@router.put("/readings/{number}/withdrawal")
async def withdraw(number: Number, sent: Withdrawal, service: InService) -> RecordEntry:
    """Withdraw a reading: it stays in the record, marked, but is no longer among its patient's readings."""
    return _described(await run_in_threadpool(service.record.withdraw, number, sent.who))


@router.get("/record.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export(service: InService) -> Response:
    """All readings in the record as a table."""
    out = io.StringIO()
    await run_in_threadpool(service.record.export, out)
    headers = {"Content-Disposition": 'attachment; filename="readings.csv"'}
    return Response(out.getvalue(), media_type="text/csv", headers=headers)


@router.get("/reference")
async def table() -> ReferenceTable:
    """The reference table that readings are compared with."""
    return reference_table()


@router.get("/health")
async def health() -> Health:
    """Whether the service is up."""
    return Health(status="ok")


@router.get("/ready")
async def ready(service: InService) -> Health:
    """Whether the service takes films; 503 once it is closing."""
    if service.queue.closed:
        raise Closing
    return Health(status="ok")


@router.get("/version")
async def about(request: Request, service: InService) -> About:
    """What the service is and what it can do."""
    return About(
        version=version("boneage"),
        model=service.predictor.name,
        weights_sha256=service.predictor.weights_sha256,
        uses_sex=service.predictor.uses_sex,
        reference_table=reference.TABLE,
        record=service.keeps_record,
        films_kept=service.films is not None,
        worklist=request.app.state.worklist is not None,
        heatmap=service.explain is not None,
        regions=service.regional is not None,
        film_bytes=request.app.state.http_limits.film,
        waiting=service.limits.waiting,
    )


@page.get("/metrics")
async def metrics(service: InService) -> Response:
    """The counters, for Prometheus."""
    return Response(service.counters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@page.get("/")
async def index(request: Request) -> HTMLResponse:
    """The web page."""
    return HTMLResponse(start_page("index.html", request.app.state.root), headers={"Cache-Control": "no-cache"})


@page.post("/api/session")
async def sign_in(request: Request) -> Response:
    """Exchange the token for a cookie that no script can read."""
    token, root = request.app.state.token, request.app.state.root
    sent = parse_qs((await request.body()).decode("utf-8", "replace")).get("token", [""])[0]
    if token is None or not is_same(sent.strip(), token):
        if token is not None and "text/html" in request.headers.get("accept", ""):
            return sign_in_page(root, "This is not the token of this service.")
        raise HTTPException(401, "this is not the token")
    answer = RedirectResponse(f"{root}/", 303)
    remember(answer, request, COOKIE, cookie_of(token))
    return answer


async def pixels_of(shown: Radiograph) -> Response:
    """The answer of `show`."""
    height, width = shown.pixels.shape
    pixels = await run_in_threadpool(lambda: np.rint(shown.pixels * 65535).astype("<u2").tobytes())
    headers = {"Film-Width": str(width), "Film-Height": str(height)}
    headers |= {"Film-Read": _ends(shown.levels.read), "Film-Window": _ends(shown.levels.window)}
    return Response(pixels, media_type="application/octet-stream", headers=headers)


def _ends(ends: tuple[float, float]) -> str:
    return " ".join(f"{end:.6g}" for end in ends)


def _described(entry: Entry, intervals: list[dict[str, float]] | None = None) -> RecordEntry:
    values = entry.to_dict() | {"intervals": intervals}
    return RecordEntry(**{name: values[name] for name in RecordEntry.model_fields if name in values})
