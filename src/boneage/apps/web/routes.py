"""The routes: each parses, asks the room, and gives its answer on."""

from __future__ import annotations

import io
from importlib.metadata import version
from typing import Annotated, Any
from urllib.parse import parse_qs

import numpy as np
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, RedirectResponse

from ...clinic import pdf
from ...clinic.answers import (
    About,
    Answer,
    Correction,
    FormWishes,
    Health,
    JobState,
    Kept,
    Problem,
    ReferenceTable,
    Review,
    Wishes,
    Withdrawal,
    reference_table,
)
from ...clinic.jobs import Jobs
from ...clinic.limits import Refusal
from ...clinic.service import Room
from ...growth import reference
from .access import COOKIE, STATIC, cookie_of, is_same, sign_in_page
from .uploads import Part, parts_of

BARE = ("image/", "application/dicom", "application/octet-stream")
BIGGEST_NUMBER = 2**31 - 1
JobId = Annotated[str, Path(max_length=64)]
Number = Annotated[int, Path(ge=1, le=BIGGEST_NUMBER)]
Hash = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]

REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": words}
    for status, words in {
        400: "the request is damaged",
        401: "a token is needed",
        403: "the request comes from another page",
        404: "there is no such thing",
        408: "the request did not arrive in time",
        413: "the request is larger than the limit",
        415: "the content type is none that is read here",
        421: "the name of the host is none of this service",
        422: "the film or a value is not what it should be",
        503: "busy or closing: Retry-After says when to come back",
    }.items()
}
router = APIRouter(prefix="/api", responses=REFUSALS)
page = APIRouter(include_in_schema=False)


def body_of(*names: str, model: type[Wishes] = FormWishes, bare: bool = True) -> dict[str, Any]:
    """The OpenAPI description of a body: a form with these film fields, or a bare file."""
    schema = model.model_json_schema()
    fields = {name: {"type": "array", "items": _FILM, "minItems": 1} if name == "films" else _FILM for name in names}
    form = {
        "type": "object",
        "properties": fields | {name: _plain(field) for name, field in schema["properties"].items()},
        "required": list(names),
        "additionalProperties": False,
    }
    content: dict[str, Any] = {"multipart/form-data": {"schema": form}}
    if bare:
        content |= {kind: {"schema": _FILM} for kind in ("image/png", "image/jpeg", "application/dicom")}
    return {"requestBody": {"required": True, "content": content}}


_FILM = {"type": "string", "format": "binary", "description": "a film: PNG, JPEG, TIFF, WebP, AVIF, BMP or DICOM"}


def _plain(field: dict[str, Any]) -> dict[str, Any]:
    """A field's schema without the null that no form can send, and without references."""
    options = [option for option in field.get("anyOf", [field]) if option.get("type") != "null"]
    kind = {"type": "string", "enum": ["female", "male", "unknown"]} if "$ref" in options[0] else options[0]
    return {name: value for name, value in (field | kind).items() if name not in ("anyOf", "default", "title", "$ref")}


def room_of(request: Request) -> Room:
    """The room of the application that the request came to."""
    return request.app.state.room


def jobs_of(request: Request) -> Jobs:
    """Its jobs."""
    return request.app.state.jobs


InRoom = Annotated[Room, Depends(room_of)]
InJobs = Annotated[Jobs, Depends(jobs_of)]
Asked = Annotated[Wishes, Query()]


async def one_film(request: Request, wishes: Asked) -> tuple[bytes, str, Wishes]:
    """The film of a request with its name and wishes: those of the form, or those in the address."""
    kind = request.headers.get("content-type", "application/octet-stream")
    body = await request.body()
    if kind.lower().startswith(BARE):
        return body, "film", wishes
    films, wanted = await run_in_threadpool(_form, body, kind, "film", wishes)
    if len(films) != 1:
        raise Refusal(422, f"the form needs one file in its field film, it has {len(films)}")
    return films[0][1], films[0][0], wanted


OneFilm = Annotated[tuple[bytes, str, Wishes], Depends(one_film)]


@router.post("/readings", openapi_extra=body_of("film"))
async def read(room: InRoom, film: OneFilm) -> Answer:
    """Read the bone age of one film."""
    return await room.read(*film)


@router.post(
    "/films",
    openapi_extra=body_of("film"),
    responses={200: {"content": {"application/octet-stream": {}}, "description": "uint16, row by row, little-endian"}},
    response_class=Response,
)
async def show(room: InRoom, film: OneFilm) -> Response:
    """The pixels of one film for a viewer: 16 bits each, bone as the file displays it, at most 2048 on a side.

    ``Film-Width`` and ``Film-Height`` are their numbers.
    """
    decoded = await room.decode(film[0])
    height, width = decoded.pixels.shape
    pixels = await run_in_threadpool(lambda: np.rint(decoded.pixels * 65535).astype("<u2").tobytes())
    headers = {"Film-Width": str(width), "Film-Height": str(height)}
    return Response(pixels, media_type="application/octet-stream", headers=headers)


@router.post(
    "/reports",
    openapi_extra=body_of("film", model=pdf.ReportWishes, bare=False),
    responses={200: {"content": {"application/pdf": {}}, "description": "one page, A4"}},
    response_class=Response,
)
async def report(request: Request, room: InRoom) -> Response:
    """Read one film and set the reading as a PDF of one page. Its ``earlier`` readings are drawn in the chart."""
    kind = request.headers.get("content-type", "")
    films, wishes = await run_in_threadpool(_form, await request.body(), kind, "film", pdf.ReportWishes())
    if len(films) != 1:
        raise Refusal(422, f"the form needs one file in its field film, it has {len(films)}")
    assert isinstance(wishes, pdf.ReportWishes)
    answer = await room.read(films[0][1], films[0][0], wishes, keep=False)
    film = await room.decode(films[0][1])
    page = await run_in_threadpool(pdf.report, answer, film, wishes)
    headers = {"Content-Disposition": 'attachment; filename="bone-age.pdf"'}
    return Response(page, media_type="application/pdf", headers=headers)


@router.post("/jobs", status_code=202, openapi_extra=body_of("films", bare=False))
async def start(request: Request, response: Response, jobs: InJobs) -> JobState:
    """Read many films, one after another; sex, age and patient in the form hold for all of them."""
    kind = request.headers.get("content-type", "")
    films, wishes = await run_in_threadpool(_form, await request.body(), kind, "films", FormWishes())
    if not films:
        raise Refusal(422, "the form needs files in its field films, it has none")
    assert isinstance(wishes, FormWishes)
    job = jobs.start(films, wishes)
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return job.state()


@router.get("/jobs/{job}")
async def progress(job: JobId, jobs: InJobs) -> JobState:
    """How far a job is, and the results so far."""
    return jobs.find(job).state()


@router.delete("/jobs/{job}")
async def cancel(job: JobId, jobs: InJobs) -> JobState:
    """Read no further film of a job and forget it; the results so far are in this answer, and nowhere else."""
    return jobs.cancel(job).state()


@router.get("/patients/{patient}/readings")
async def earlier(patient: Hash, room: InRoom) -> list[Kept]:
    """The record's readings under one keyed hash, oldest first."""
    record = _record(room)
    entries = await run_in_threadpool(record.of_patient, patient)
    return [_kept(entry) for entry in entries]


@router.put("/readings/{number}/review")
async def review(number: Number, given: Review, room: InRoom) -> Kept:
    """Put a reviewer's own age beside a reading of the record."""
    return _kept(await run_in_threadpool(_record(room).review, number, given.bone_age_months, given.who))


@router.post("/readings/{number}/patient")
async def give_to(number: Number, given: Correction, room: InRoom) -> Kept:
    """Give a reading of the record to the right patient: it is kept anew, and the one with the wrong id is superseded.

    The answer has its new number; 404 also for a reading that is superseded or withdrawn.
    """
    record = _record(room)
    new = await run_in_threadpool(record.give_to, record.pseudonyms.of(given.patient_id), number, given.who)
    return _kept(None if new is None else await run_in_threadpool(record.entry, new))


@router.put("/readings/{number}/withdrawal")
async def withdraw(number: Number, given: Withdrawal, room: InRoom) -> Kept:
    """Withdraw a reading of the record: it stays there, marked, and is none of its patient's readings any more."""
    return _kept(await run_in_threadpool(_record(room).withdraw, number, given.who))


@router.get("/record.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def export(room: InRoom) -> Response:
    """All readings of the record as a table."""
    out = io.StringIO()
    await run_in_threadpool(_record(room).export, out)
    headers = {"Content-Disposition": 'attachment; filename="readings.csv"'}
    return Response(out.getvalue(), media_type="text/csv", headers=headers)


@router.get("/reference")
async def table() -> ReferenceTable:
    """The table that readings are compared with."""
    return reference_table()


@router.get("/health")
async def health() -> Health:
    """Whether the service lives."""
    return Health(status="ok")


@router.get("/ready")
async def ready(room: InRoom) -> Health:
    """Whether the service takes films; 503 once it is closing."""
    if room.line.closed:
        raise Refusal(503, "the service is closing", 10)
    return Health(status="ok")


@router.get("/version")
async def about(room: InRoom) -> About:
    """What reads here."""
    return About(
        version=version("boneage"),
        model=room.predictor.name,
        weights_sha256=room.predictor.weights_sha256,
        uses_sex=room.predictor.uses_sex,
        reference_table=reference.TABLE,
        record=room.record is not None,
        films_kept=room.films is not None,
        heatmap=room.explain is not None,
        film_bytes=room.limits.film,
        waiting=room.limits.waiting,
    )


@page.get("/metrics")
async def metrics(room: InRoom) -> Response:
    """The counters, for Prometheus."""
    return Response(room.counters.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@page.get("/")
async def index() -> FileResponse:
    """The page."""
    return FileResponse(STATIC / "index.html", headers={"Cache-Control": "no-cache"})


@page.post("/api/session")
async def sign_in(request: Request) -> Response:
    """A browser's token, exchanged for a cookie that no script can read."""
    token = request.app.state.token
    given = parse_qs((await request.body()).decode("utf-8", "replace")).get("token", [""])[0]
    if token is None or not is_same(given.strip(), token):
        if token is not None and "text/html" in request.headers.get("accept", ""):
            return sign_in_page("This is not the token of this service.")
        raise Refusal(401, "this is not the token")
    answer = RedirectResponse("/", 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, cookie_of(token), httponly=True, samesite="strict", secure=secure)
    return answer


def _form(body: bytes, kind: str, field: str, otherwise: Wishes) -> tuple[list[tuple[str, bytes]], Wishes]:
    """The files of a form's ``field`` and its wishes; where ``otherwise`` is of a form's kind, of that kind."""
    if not kind.lower().startswith("multipart/form-data"):
        raise Refusal(415, f"a film comes as multipart/form-data or as {', '.join(BARE)}, not as {kind[:80] or 'this'}")
    films, texts = [], dict[str, str]()
    for part in parts_of(body, kind):
        if part.name == field and part.filename is not None:
            films.append((_name(part), bytes(part.data)))
        elif part.name == field:
            raise Refusal(422, f"the field {field} is not a file: it has no filename")
        elif part.name in texts:
            raise Refusal(422, f"{part.name[:60]}: the form has it more than once")
        else:
            texts[part.name] = part.text
    model = type(otherwise) if isinstance(otherwise, FormWishes) else FormWishes
    try:
        return films, model.model_validate(otherwise.model_dump(exclude_unset=True) | texts)
    except ValidationError as error:
        raise Refusal(422, sentence_of(error.errors())) from None


def sentence_of(errors: Any) -> str:
    """The first of pydantic's errors in one line that does not repeat what was sent."""
    first = errors[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("query", "path", "body"))
    return f"{place[:60] or 'the request'}: {first['msg']}"


def _name(part: Part) -> str:
    """The last part of a file's name, as its sender calls it."""
    return (part.filename or "film").replace("\\", "/").rpartition("/")[2][:200] or "film"


def _record(room: Room) -> Any:
    if room.record is None:
        raise Refusal(404, "this service keeps no record")
    return room.record


def _kept(entry: Any) -> Kept:
    if entry is None:
        raise Refusal(404, "there is no such reading")
    values = entry.to_dict()
    return Kept(**{name: values[name] for name in Kept.model_fields if name in values})
