"""The routes of the worklist: guarded like the rest, patients named in their own answer alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from clinical_films import HEADER, film, plain_case
from held import hold, spool_in
from services import client
from starlette.testclient import TestClient

from boneage.clinic.decisions import decision_on
from boneage.clinic.worklist import Worklist

REVIEWER = {"family": "Roe", "given": "Ann", "organisation": "Ward 9"}


def test_without_a_node_there_is_a_sentence(web: TestClient) -> None:
    answer = web.get("/api/held")
    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "this service shows no node's results: start it with --node"},
    )
    assert web.get("/api/version").json()["worklist"] is False


def test_a_held_film_is_listed_shown_and_decided_on_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with spool_in(tmp_path) as spool, client(worklist=Worklist(spool.folder)) as web, caplog.at_level("INFO"):
        key = hold(spool, film(), plain_case())
        listed = web.get("/api/held")
        (one,) = listed.json()["films"]
        assert "Bone age" in one["reading"]
        assert listed.json()["node_runs"] is True
        assert "elik" not in listed.text
        patient = web.get(f"/api/held/{key}/patient").json()
        assert (patient["name"], patient["id"]) == (HEADER["PatientName"], HEADER["PatientID"])
        got = web.get(f"/api/held/{key}/film")
        assert (got.content, got.headers["cache-control"]) == (film(), "no-store")
        place = f"/api/held/{key}/decision"
        assert web.post(place, json={"verdict": "correct", "answer": one["answer"], **REVIEWER}).status_code == 422
        accept = {"verdict": "accept", "answer": one["answer"], **REVIEWER}
        assert web.post(place, json=accept).json()["films"] == []
        again = web.post(place, json=accept)
        assert again.status_code == 409
        assert "somebody else has decided" in again.json()["error"]
        assert web.get(f"/api/held/{key}/film").status_code == 409
        found = decision_on(spool, key)
    assert found is not None
    assert found.review.observer == "Roe^Ann"
    said = "\n".join(one.getMessage() for one in caplog.records if one.name.startswith("boneage"))
    assert "/api/held/{key}/film 200" in said
    assert key not in said
    assert "elik" not in said


def test_a_film_that_has_gone_and_a_node_never_started_are_sentences(tmp_path: Path) -> None:
    with spool_in(tmp_path) as spool, client(worklist=Worklist(spool.folder)) as web:
        key = hold(spool, film(), plain_case())
        spool.film(key).unlink()
        for what in ("film", "patient"):
            gone = web.get(f"/api/held/{key}/{what}")
            assert (gone.status_code, "cannot be read from the spool" in gone.json()["error"]) == (409, True)
    with client(worklist=Worklist(tmp_path / "none")) as web:
        answer = web.get("/api/held")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


def test_it_is_guarded_like_the_rest(tmp_path: Path) -> None:
    with spool_in(tmp_path) as spool, client("s" * 20, worklist=Worklist(spool.folder)) as web:
        key = hold(spool, film(), plain_case())
        for place in ("/api/held", f"/api/held/{key}/film", f"/api/held/{key}/patient"):
            assert web.get(place).status_code == 401
        assert web.post(f"/api/held/{key}/decision", json={}).status_code == 401
