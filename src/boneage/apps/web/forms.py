"""Films and options from the requests that bring them: as a bare file, or as a form with fields."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from ...clinic.answers import ReadingOptions, ReadingRequest
from .uploads import Part, parts_of

BARE = ("image/", "application/dicom", "application/octet-stream")
FilmFile = tuple[str, bytes]  # name and bytes
R = TypeVar("R", bound=ReadingRequest)


def body_of(*names: str, model: type[ReadingRequest] = ReadingRequest, bare: bool = True) -> dict[str, Any]:
    """The OpenAPI description of a body: a form with these film fields and the model's, or a bare file."""
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
    """A field's schema without references, and without null, which a form cannot send."""
    options = [option for option in field.get("anyOf", [field]) if option.get("type") != "null"]
    kind = {"type": "string", "enum": ["female", "male", "unknown"]} if "$ref" in options[0] else options[0]
    return {name: value for name, value in (field | kind).items() if name not in ("anyOf", "default", "title", "$ref")}


async def one_film(request: Request, options: Annotated[ReadingOptions, Query()]) -> tuple[bytes, str, ReadingRequest]:
    """Bytes and name of the one film of a request, and what goes with it, from the address and from the form."""
    kind = request.headers.get("content-type", "application/octet-stream")
    if kind.lower().startswith(BARE):
        return await request.body(), "film", ReadingRequest(**options.model_dump(exclude_unset=True))
    films, reading = await films_of(request, "film", ReadingRequest, options)
    name, data = only(films)
    return data, name, reading


OneFilm = Annotated[tuple[bytes, str, ReadingRequest], Depends(one_film)]


async def films_of(
    request: Request, field: str, model: type[R], options: ReadingOptions | None = None
) -> tuple[list[FilmFile], R]:
    """The films of a form and the model that its other fields make.

    Args:
        request: its body is the form.
        field: the name of the films' field.
        model: the class that checks the other fields.
        options: values for fields that the form does not have.

    Raises:
        HTTPException: 400, 413, 415 or 422, if the body is not such a form.
        RequestValidationError: if the model does not accept a field.
    """
    kind = request.headers.get("content-type", "")
    return await run_in_threadpool(_parsed, await request.body(), kind, field, model, options)


def only(films: list[FilmFile]) -> FilmFile:
    """The film of a form that must have one; HTTPException 422 if it has none or several."""
    if len(films) != 1:
        raise HTTPException(422, f"the form needs one file in its field film, it has {len(films)}")
    return films[0]


def _parsed(
    body: bytes, kind: str, field: str, model: type[R], options: ReadingOptions | None
) -> tuple[list[FilmFile], R]:
    if not kind.lower().startswith("multipart/form-data"):
        sent = kind[:80] or "this"
        raise HTTPException(415, f"a film comes as multipart/form-data or as {', '.join(BARE)}, not as {sent}")
    films, texts = [], options.model_dump(exclude_unset=True) if options else {}
    seen = set[str]()
    for part in parts_of(body, kind):
        if part.name == field and part.filename is not None:
            films.append((_name(part), bytes(part.data)))
        elif part.name == field:
            raise HTTPException(422, f"the field {field} is not a file: it has no filename")
        elif part.filename is not None and part.name not in model.model_fields:
            sent = part.name[:60] or "a file"
            raise HTTPException(422, f"{sent}: there is no such field; a film belongs in the field {field}")
        elif part.name in seen:
            raise HTTPException(422, f"{part.name[:60]}: the form has it more than once")
        else:
            seen.add(part.name)
            texts[part.name] = part.text
    try:
        return films, model.model_validate(texts)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def _name(part: Part) -> str:
    """The last part of the path that the client gave as the file's name."""
    return (part.filename or "film").replace("\\", "/").rpartition("/")[2][:200] or "film"
