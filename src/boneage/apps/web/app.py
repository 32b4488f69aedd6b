"""The application: a room, its routes, and the middleware that guards them. Built, never imported into life."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...clinic.faults import log, noted
from ...clinic.film_store import FilmFolder
from ...clinic.jobs import Jobs
from ...clinic.limits import Limits, Refusal
from ...clinic.record import Record
from ...clinic.service import Explain, Room
from ...errors import CannotWrite
from ...reading.predictor import Predictor
from ...types import DISCLAIMER
from .access import STATIC, Door
from .intake import Intake
from .routes import page, router, sentence_of


def create_app(
    predictor: Predictor,
    *,
    record: Record | None = None,
    films: FilmFolder | None = None,
    explain: Explain | None = None,
    token: str | None = None,
    limits: Limits | None = None,
) -> FastAPI:
    """The page and the service over one predictor.

    ``record``: where readings are kept; None: nowhere. ``films``: where the pixels of their films are kept.
    ``explain``: the layers over a film that say where the model looked. ``token``: what everybody needs; None: only
    names of this computer are answered to.
    """
    limits = limits or Limits()
    app = FastAPI(
        title="boneage",
        version=version("boneage"),
        description=f"Bone age from hand radiographs. {DISCLAIMER}",
        docs_url=None,  # those pages would fetch their scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=_lifespan,
    )
    app.state.open_room = lambda: Room(predictor, limits, record=record, films=films, explain=explain)
    app.state.token = token
    app.include_router(router)
    app.include_router(page)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for kind, answer in (
        (Refusal, _refused),
        (CannotWrite, _unkept),
        (RequestValidationError, _invalid),
        (HTTPException, _other),
    ):
        app.add_exception_handler(kind, answer)
    app.add_middleware(Intake, limits=limits, expect_film=lambda: app.state.room.expect_film())
    app.add_middleware(Door, token=token)
    app.add_middleware(Journal, room_of=lambda: app.state.room)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Decoders and threads live as long as the application, and the first film finds them warm."""
    room = app.state.room = await run_in_threadpool(app.state.open_room)
    app.state.jobs = Jobs(room)
    await run_in_threadpool(room.warm)
    yield
    app.state.jobs.cancel_all()
    await run_in_threadpool(room.close)


async def _refused(request: Request, error: Any) -> JSONResponse:
    return JSONResponse({"error": error.sentence}, error.status, error.headers)


async def _unkept(request: Request, error: Any) -> JSONResponse:
    return JSONResponse({"error": str(error)}, 503, {"Retry-After": "10"})


async def _invalid(request: Request, error: Any) -> JSONResponse:
    return JSONResponse({"error": sentence_of(error.errors())}, 422)


async def _other(request: Request, error: Any) -> JSONResponse:
    headers = {"Allow": _allowed(request)} if error.status_code == 405 else error.headers
    return JSONResponse({"error": str(error.detail)}, error.status_code, headers)


def _allowed(request: Request) -> str:
    """The methods of all routes with this path; the framework names those of the first alone."""
    methods: set[str] = set()
    for method in ("DELETE", "GET", "POST", "PUT"):
        scope = dict(request.scope) | {"method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes):
            methods.add(method)
    return ", ".join(sorted(methods))


def _route_of(scope: Scope) -> str:
    """The pattern of the path, also of a request that was answered before it came to its route."""
    like = (route for route in (*router.routes, *page.routes) if route.matches(scope)[0] is not Match.NONE)
    return getattr(scope.get("route") or next(like, None), "path", None) or "other"


class Journal:
    """ASGI middleware: a line and a count for every request, and one sentence where the program itself is wrong.

    A line has the route, never what was in the address, the body or a message: any of them may name a patient.
    """

    def __init__(self, app: ASGIApp, room_of: Callable[[], Room]) -> None:
        self.app, self.room_of = app, room_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and note what came of it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except Exception as error:
            answer = JSONResponse({"error": noted(error)}, 500)
            if not status:
                await answer(scope, receive, noting)
        finally:
            route = _route_of(scope)
            self.room_of().counters.requests.labels(route, str(status)).inc()
            log.info("%s %s %d %.0f ms", scope["method"], route, status, 1000 * (time.monotonic() - began))
