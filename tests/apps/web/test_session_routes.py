"""The routes of a session whose readers have tokens: who is let in, and that nothing else is answered."""

from __future__ import annotations

import contextlib
from pathlib import Path

from hands import hand
from services import client

from boneage.clinic.record import Record
from boneage.clinic.sessions import open_study

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
