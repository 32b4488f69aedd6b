"""The table of errors: every error of the service has its status, and says in a header when to come again."""

from __future__ import annotations

import json

import pytest
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from boneage.apps.web.errors import STATUSES, error_answer
from boneage.clinic.errors import Busy, Closing, NoRecord, NoSuchReading, NotAFilm, ServiceError
from boneage.errors import CannotWrite


def test_every_error_of_the_service_has_a_status() -> None:
    assert set(ServiceError.__subclasses__()) <= STATUSES.keys()


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (Busy(4), 503, "4"),
        (Closing(), 503, "10"),
        (CannotWrite("the record cannot be used"), 503, "10"),
        (NotAFilm("it is empty"), 422, None),
        (NoRecord(), 404, None),
        (NoSuchReading(), 404, None),
        (HTTPException(413, "too large"), 413, None),
        (HTTPException(503, "too much", {"Retry-After": "2"}), 503, "2"),
    ],
)
def test_an_error_becomes_one_sentence_with_its_status(error: Exception, status: int, retry: str | None) -> None:
    answer = error_answer(error)
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry)
    assert json.loads(bytes(answer.body)) == {"error": error.detail if isinstance(error, HTTPException) else str(error)}


def test_no_phrase_of_the_framework_reaches_a_person(web: TestClient) -> None:
    nested = {"content": "[" * 60_000, "headers": {"content-type": "application/json"}}
    answers = [web.get("/api/nothing"), web.post("/api/version"), web.put("/api/readings/1/review", **nested)]
    assert [answer.status_code for answer in answers] == [404, 405, 400]
    for answer in answers:
        assert answer.json()["error"][0].islower()
    no_object = web.put("/api/readings/1/review", json=[])
    assert no_object.json()["error"] == "the request: it is no JSON object"
