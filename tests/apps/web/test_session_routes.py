"""The routes of sessions and quizzes: who is let in, and that nothing else is answered."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hands import hand
from services import client

from boneage.clinic.record import Record
from boneage.clinic.sessions import open_quiz, open_study

ANNA, BERT = "anna's token 2026", "bert's token 2026"


def test_readers_come_in_by_their_tokens(tmp_path: Path) -> None:
    (tmp_path / "age-90.png").write_bytes(hand(months=90))
    study = tmp_path / "STUDY.toml"
    study.write_text(f'name = "w"\nfilms = "."\n[readers]\nanna = "{ANNA}"\nbert = "{BERT}"\n')
    study.chmod(0o600)
    record = Record.open(str(tmp_path / "record.db"))
    with contextlib.closing(record), client(session=open_study(study, record)) as web:
        page = web.get("/")
        assert page.status_code == 401
        assert "Your token" in page.text
        assert 'name="reader" disabled' in page.text
        for path in ("/api/session", "/static/session.js", "/api/version"):
            assert web.get(path).status_code == 401
        wrong = web.post("/api/session", data={"token": "another token 2026", "reader": "anna"})
        assert "This is not a token of this session." in wrong.text
        assert web.post("/api/session", data={"token": ANNA}).status_code == 200
        state = web.get("/api/session").json()
        assert (state["reader"], state["total"]) == ("anna", 1)
        film = web.get(f"/api/session/films/{state['current']['id']}")
        assert film.headers["film-width"] == "256"
        assert "age-90" not in f"{film.url} {film.headers}"
        bert = {"Authorization": f"Bearer {BERT}"}
        web.cookies.clear()
        assert web.get("/api/session", headers=bert).json()["reader"] == "bert"
        assert web.get(f"/api/session/films/{state['current']['id']}", headers=bert).status_code == 404
        assert web.get("/api/version", headers=bert).status_code == 404
        assert web.put(f"/api/session/answers/{'0' * 64}", json={"months": 90}, headers=bert).status_code == 404
        path = f"/api/session/answers/{web.get('/api/session', headers=bert).json()['current']['id']}"
        assert web.put(path, json={"months": 900}, headers=bert).status_code == 422
        assert web.put(path, json={"months": 90}, headers=bert).json()["current"] is None
        web.post("/api/session", data={"token": BERT})
        assert web.post("/api/session/end").status_code == 401


def test_readers_without_tokens_say_a_name_of_the_study(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(hand(months=90))
    study = tmp_path / "STUDY.toml"
    study.write_text('name = "w"\nfilms = "."\nreaders = ["Anna Ä.", "bert"]\n')
    record = Record.open(str(tmp_path / "record.db"))
    with contextlib.closing(record), client(session=open_study(study, record)) as web:
        page = web.get("/")
        assert "Your name" in page.text
        assert 'name="token" disabled' in page.text
        assert web.get("/api/session").json() == {"error": "say first who you are"}
        for name in ("zoe", "", "ANNA"):
            assert "No reader of this session has this name." in web.post("/api/session", data={"reader": name}).text
        web.post("/api/session", data={"reader": " Anna  Ä. "})
        assert web.get("/api/session").json()["reader"] == "Anna Ä."
        assert web.get("/", headers={"host": "clinic.example"}).status_code == 421
        assert web.post("/api/session/end").status_code == 401
        assert web.get("/api/session").status_code == 401


def test_a_session_describes_only_itself(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(hand(months=90))
    (tmp_path / "films.csv").write_text("id,boneage\n1,90\n")
    record = Record.open(str(tmp_path / "record.db"))
    with contextlib.closing(record), client(session=open_quiz(tmp_path, record)) as web:
        paths = web.get("/api/openapi.json").json()["paths"]
        assert sorted(paths) == [
            "/api/session",
            "/api/session/answers/{showing}",
            "/api/session/films/{showing}",
            "/api/session/results",
        ]
        for path in ("/api/readings", "/api/films", "/api/reports", "/api/jobs"):
            assert web.post(path, content=hand()).status_code == 404
        assert web.get("/api/record.csv").status_code == 404


def test_a_quiz_behind_a_token_takes_any_name(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(hand(months=90))
    (tmp_path / "films.csv").write_text("id,boneage,sex\n1,90,F\n")
    record = Record.open(str(tmp_path / "record.db"))
    shared = {"token": "a-token-of-the-test", "reader": "carla"}
    with contextlib.closing(record), client(shared["token"], session=open_quiz(tmp_path, record)) as web:
        assert {"Your token", "Your name"} <= set(web.get("/").text.replace("<", ">").split(">"))
        assert web.post("/api/session", data=shared | {"token": "wrong"}).status_code == 401
        assert web.post("/api/session", data=shared | {"reader": "Reference"}).status_code == 401
        assert web.post("/api/session", data=shared).status_code == 200
        state = web.get("/api/session").json()
        assert (state["kind"], state["reader"], state["seen"]) == ("quiz", "carla", None)
        assert web.get("/api/session/results").json() == {"reference": None, "program": None}
        path = f"/api/session/answers/{state['current']['id']}"
        assert web.put(path, json={"months": None}).json()["seen"]["reference_months"] == 90
        again = web.put(path, json={"months": 96})
        assert (again.status_code, again.json()["error"]) == (409, "this film is rated already (cannot be rated)")
        assert web.get("/api/session/results").json()["reference"] is None
