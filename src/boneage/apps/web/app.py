"""The application: the service's routes, its error answers, and the middleware in front of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import Counter
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...clinic.errors import Closing
from ...clinic.faults import log_fault
from ...clinic.film_store import FilmStore
from ...clinic.jobs import Jobs
from ...clinic.limits import Limits
from ...clinic.record import Record
from ...clinic.service import Explain, Service
from ...clinic.sessions import Session
from ...clinic.worklist import Worklist
from ...reading.predictor import Predictor
from ...reading.regional import Regional
from ...types import DISCLAIMER
from .access import STATIC, AccessControl
from .errors import STATUSES, error_answer, problem
from .front import Front, checked_root
from .growth_routes import growth_router
from .intake import Intake
from .limits import HttpLimits
from .routes import page, router
from .session_routes import OPEN as SESSION_OPEN
from .session_routes import page as session_page
from .session_routes import router as session_router
from .worklist_routes import worklist_router

log = logging.getLogger("boneage.web")

READING_ROOM = (router, growth_router, worklist_router, page)
SESSION = (session_router, session_page)  # of a reading session or quiz: all that it answers


def create_app(
    predictor: Predictor,
    record: Record | None = None,
    films: FilmStore | None = None,
    worklist: Worklist | None = None,
    *,
    explain: Explain | None = None,
    regional: Regional | None = None,
    token: str | None = None,
    limits: Limits | None = None,
    http_limits: HttpLimits | None = None,
    root_path: str = "",
    session: Session | None = None,
) -> FastAPI:
    """The web application over one predictor.

    Args:
        predictor: what reads the films.
        record: where readings are kept; None: they are not.
        films: where the pixels of read films are kept; None: they are not.
        worklist: of the films that a node holds; None: no node's results are shown.
        explain: computes the heat map of a film; None: there are no heat maps.
        regional: tells ages by region; None: there are none.
        token: what every client must send; None: only requests to a name of this computer are answered.
        limits: on films and jobs.
        http_limits: on requests.
        session: a reading session or quiz, which then is all that there is: no other route of the service.
        root_path: what a proxy in front puts before every address, such as ``/boneage``.

    Raises:
        BadConfig: if ``root_path`` is no path.
    """
    root = checked_root(root_path)
    if session:  # it keeps what readers say, and no reading
        record = films = explain = None
    limits, http_limits = limits or Limits(), http_limits or HttpLimits()
    app = FastAPI(
        title="boneage",
        version=version("boneage"),
        description=f"Bone age from hand radiographs. {DISCLAIMER}",
        docs_url=None,  # these pages would load scripts from another site
        redoc_url=None,
        openapi_url="/api/openapi.json",
        servers=[{"url": root}] if root else None,
        lifespan=_lifespan,
    )
    app.state.open_service = partial(
        Service, predictor, limits, record=record, films=films, explain=explain, regional=regional
    )
    app.state.token, app.state.http_limits, app.state.root = token, http_limits, root
    app.state.session, app.state.worklist = session, worklist
    for part in SESSION if session else READING_ROOM:
        app.include_router(part)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for kind in STATUSES:
        app.add_exception_handler(kind, _failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _failed)
    app.add_middleware(Intake, limits=http_limits, expect_film=lambda: app.state.service.expect_film())
    tokens = [*([token] if token else []), *(session.tokens if session else [])]
    app.add_middleware(AccessControl, tokens=tokens, root=root, open_paths=SESSION_OPEN if session else ())
    app.add_middleware(RequestLog, requests_of=lambda: app.state.requests)
    app.add_middleware(Front, root=root)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Start the service, with its decoders and threads, before the first request, and end it after the last."""
    service = app.state.service = await run_in_threadpool(app.state.open_service)
    app.state.jobs = Jobs(service)
    app.state.requests = Counter(
        "boneage_requests", "Requests by route and status", ["route", "status"], registry=service.counters.registry
    )
    await run_in_threadpool(service.warm_up)
    yield
    app.state.jobs.cancel_all()
    await run_in_threadpool(service.close)


async def _failed(request: Request, error: Exception) -> JSONResponse:
    answer = error_answer(error)
    if answer.status_code == 405:
        answer.headers["Allow"] = _allowed(request)
    return answer


async def _invalid(request: Request, error: Any) -> JSONResponse:
    """The first problem that pydantic found, in one line that does not repeat what was sent."""
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("query", "path", "body", "header"))
    return JSONResponse({"error": f"{place[:60] or 'the request'}: {problem(first)}"}, 422)


def _allowed(request: Request) -> str:
    """The methods of all routes with this path; the framework names only those of the first route."""
    methods: set[str] = set()
    for method in ("DELETE", "GET", "POST", "PUT"):
        scope = dict(request.scope) | {"method": method}
        if any(route.matches(scope)[0] is Match.FULL for route in request.app.router.routes):
            methods |= {"GET", "HEAD"} if method == "GET" else {method}
    return ", ".join(sorted(methods))


def _route_of(scope: Scope) -> str:
    """The pattern of a request's path, also if the request was answered before it reached its route."""
    like = (
        route
        for part in (*READING_ROOM, *SESSION)
        for route in part.routes
        if route.matches(scope)[0] is not Match.NONE
    )
    return getattr(scope.get("route") or next(like, None), "path", None) or "other"


class RequestLog:
    """ASGI middleware that logs and counts every request, and answers 500 if the program itself is wrong.

    The log has the route and the status, never an address, a body or a message: any of them may name a patient.
    """

    def __init__(self, app: ASGIApp, requests_of: Callable[[], Counter]) -> None:
        self.app, self.requests_of = app, requests_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on; log and count its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def recorded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, recorded)
        except asyncio.CancelledError:  # the server ends, and this request is not done
            if status:
                raise
            await error_answer(Closing())(scope, receive, recorded)
        except Exception as error:
            answer = JSONResponse({"error": log_fault(error)}, 500)
            if not status:
                await answer(scope, receive, recorded)
        finally:
            route = _route_of(scope)
            self.requests_of().labels(route, str(status)).inc()
            log.info("%s %s %d %.0f ms", scope["method"], route, status, 1000 * (time.monotonic() - began))
