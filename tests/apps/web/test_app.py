"""The application: its counters, its log, its description, and what a fault of the program is answered with."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from services import HTTP_LIMITS, PNG, client, form
from starlette.testclient import TestClient

from boneage.errors import CannotWrite


def test_each_film_is_counted_for_what_became_of_it() -> None:
    with client() as web:
        web.post("/api/readings", **form())
        web.post("/api/films", **form())
        web.post("/api/films", **form())
        web.post("/api/films", content=b"hello", headers=PNG)
        web.app.state.service.queue.closed = True  # type: ignore[attr-defined]
        web.post("/api/readings", **form())
        web.post("/api/readings", content=b"\0" * (HTTP_LIMITS.film + 1), headers=PNG)
        text = web.get("/metrics").text
    outcomes = {"read": 1, "shown": 2, "unreadable": 1, "refused": 1}
    for outcome, count in outcomes.items():
        assert f'boneage_readings_total{{outcome="{outcome}"}} {count}.0' in text
    assert 'boneage_requests_total{route="/api/readings",status="503"} 1.0' in text
    assert 'boneage_requests_total{route="/api/readings",status="413"} 1.0' in text
    assert 'route="other"' not in text


def test_the_description_has_every_route_and_no_page_of_others(web: TestClient) -> None:
    described = web.get("/api/openapi.json").json()
    assert {"/api/readings", "/api/jobs", "/api/jobs/{job}", "/api/health", "/api/ready"} <= described["paths"].keys()
    assert web.get("/docs").status_code == 404
    assert "://" not in json.dumps(described)


def test_a_record_that_fails_is_a_sentence_and_503(web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise CannotWrite("the record at postgresql://database cannot be used: it is down")

    record = SimpleNamespace(of_patient=gone, export=gone, review=gone)
    monkeypatch.setattr(web.app.state.service, "_record", record)  # type: ignore[attr-defined]
    found = [web.get(f"/api/patients/{'0' * 64}/readings"), web.get("/api/record.csv")]
    found.append(web.put("/api/readings/1/review", json={"bone_age_months": 117}))
    assert [answer.status_code for answer in found] == [503] * 3
    assert all("it is down" in answer.json()["error"] and answer.headers["retry-after"] for answer in found)


def test_a_fault_of_the_program_is_one_sentence_and_no_traceback(
    web: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("DOE^JANE")

    monkeypatch.setattr(web.app.state.service.predictor, "read", broken)  # type: ignore[attr-defined]
    found = web.post("/api/readings", **form())
    assert found.status_code == 500
    assert "its own fault" in found.json()["error"]
    assert "DOE" not in caplog.text + found.text
    assert "RuntimeError in test_app.py" in caplog.text
