"""The routes of a reading session or quiz: all that a service with one answers. A reader sees their own state only."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qs, quote, unquote

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from ...clinic.sessions import Saying, Session, SessionState
from .access import COOKIE, asking, cookie_of, is_same, remember, token_of
from .access import page as static_page
from .routes import ERRORS, Hash, InService, pixels_of

NAME_COOKIE = "boneage-reader"
OPEN = {"/", "/api/session", "/static/session.css"}  # to whom has no token yet

router = APIRouter(prefix="/api/session", responses=ERRORS)
page = APIRouter(include_in_schema=False)


async def session_of(request: Request) -> Session:
    """The session of the application that the request came to."""
    return request.app.state.session


async def reader_of(request: Request) -> str:
    """Who sends the request: 401 for nobody in this session."""
    if found := _reader(request):
        return found
    raise HTTPException(401, "say first who you are")


InSession = Annotated[Session, Depends(session_of)]
Reader = Annotated[str, Depends(reader_of)]


@router.get("")
async def state(session: InSession, reader: Reader) -> SessionState:
    """How far the reader is, and what film comes now."""
    return await run_in_threadpool(session.state, reader)


@router.get("/films/{showing}", response_class=Response)
async def film(showing: Hash, service: InService, session: InSession, reader: Reader) -> Response:
    """The pixels of the film to rate now, or of the last one, as ``POST /api/films`` gives them."""
    return await pixels_of(await session.show(service, reader, showing))


@router.put("/answers/{showing}")
async def rate(showing: Hash, said: Saying, service: InService, session: InSession, reader: Reader) -> SessionState:
    """Say an age. The same answer may be sent again; 409 for any other film than the one to rate now or the last."""
    return await session.rate(service, reader, showing, said)


@router.get("/results")
async def results(session: InSession, reader: Reader) -> dict[str, Any]:
    """In a quiz the reader's bias, MAD and limits of agreement against reference and program."""
    return await run_in_threadpool(session.results, reader)


@page.get("/")
async def index(request: Request) -> Response:
    """The page; for somebody unknown that which asks who it is."""
    if not _reader(request):
        return _who_are_you(request)
    return HTMLResponse(static_page("session.html", request.app.state.root), headers={"Cache-Control": "no-store"})


@page.post("/api/session")
async def sign_in(request: Request) -> Response:
    """Exchange a token or a name for a cookie that no script can read."""
    session, root = request.app.state.session, request.app.state.root
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    token, name = (form.get(field, [""])[0].strip() for field in ("token", "reader"))
    tokens = session.tokens or [one for one in (request.app.state.token,) if one]
    right = next((one for one in tokens if is_same(token, one)), None)
    if tokens and not right:
        return _who_are_you(request, "This is not a token of this session.")
    admitted = None if session.tokens else session.admitted(name)
    if not session.tokens and not admitted:
        return _who_are_you(request, "No reader of this session has this name.")
    answer = RedirectResponse(f"{root}/", 303)
    values = {COOKIE: right and cookie_of(right), NAME_COOKIE: admitted and quote(admitted)}
    for cookie, value in values.items():
        if value:
            remember(answer, request, cookie, value)
    return answer


@page.post("/api/session/end")
async def leave(request: Request) -> Response:
    """Forget who it was: another reader may sit down at this computer."""
    answer = RedirectResponse(f"{request.app.state.root}/", 303)
    for cookie in (COOKIE, NAME_COOKIE):
        answer.delete_cookie(cookie, path=request.app.state.root or "/", httponly=True, samesite="strict")
    return answer


def _reader(request: Request) -> str | None:
    """The reader whose token, or name, comes with the request."""
    session = request.app.state.session
    if session.tokens:
        sent = token_of(request, session.tokens)
        return next((name for name, token in session.readers.items() if token == sent), None)
    shared = request.app.state.token
    if shared and not token_of(request, [shared]):
        return None
    return session.admitted(unquote(request.cookies.get(NAME_COOKIE, "")))


def _who_are_you(request: Request, problem: str = "") -> Response:
    """The page that asks for what this session knows its readers by."""
    session, text = request.app.state.session, static_page("session-sign-in.html", request.app.state.root)
    wanted = {"token": session.tokens or request.app.state.token, "reader": not session.tokens}
    for field, is_wanted in wanted.items():
        text = text.replace(f"<fieldset hidden data-{field}>", "<fieldset>") if is_wanted else text
        text = text if is_wanted else text.replace(f'name="{field}" ', f'name="{field}" disabled ')
    return asking(text, problem)
