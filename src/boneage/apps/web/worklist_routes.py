"""The routes of the worklist: films that a node holds, and what a reviewer decides on them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from ...clinic.errors import NoWorklist
from ...clinic.worklist import Held, Patient, SentDecision, Worklist, patient_of
from .routes import ERRORS, ErrorAnswer, Hash, InService

worklist_router = APIRouter(
    prefix="/api/held",
    responses=ERRORS | {409: {"model": ErrorAnswer, "description": "the film waits for no such decision any more"}},
)


async def worklist_of(request: Request) -> Worklist:
    """The worklist of the application that the request came to; NoWorklist if it has none."""
    if request.app.state.worklist is None:
        raise NoWorklist
    return request.app.state.worklist


InWorklist = Annotated[Worklist, Depends(worklist_of)]


@worklist_router.get("")
def held(worklist: InWorklist) -> Held:
    """The films that a node holds for a person to decide on, and whether the node runs. It names no patient."""
    return worklist.films()


@worklist_router.get("/{key}/patient")
async def patient(key: Hash, worklist: InWorklist, service: InService) -> Patient:
    """Whose film it is, as its file says."""
    return patient_of(await service.identify(await run_in_threadpool(worklist.film, key)))


@worklist_router.get("/{key}/film", responses={200: {"content": {"application/dicom": {}}}}, response_class=Response)
def film(key: Hash, worklist: InWorklist) -> Response:
    """The film's file."""
    return Response(worklist.film(key), media_type="application/dicom")


@worklist_router.post("/{key}/decision")
def decide(key: Hash, sent: SentDecision, worklist: InWorklist) -> Held:
    """Decide on a film; the answer is what is left. The node sends its documents, unless the film is rejected."""
    return worklist.decide(key, sent)
