"""Access control: host names, origins, tokens and the sign-in page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from services import client, form
from starlette.testclient import TestClient

from boneage.apps.web.access import token_for
from boneage.clinic.session_record import SessionRecord
from boneage.clinic.sessions import Session
from boneage.errors import BadConfig


def test_other_names_and_other_pages_are_not_answered(web: TestClient) -> None:
    assert web.get("/api/version", headers={"host": "clinic.example"}).status_code == 421
    foreign = {"origin": "https://elsewhere.example"}
    assert web.post("/api/readings", **form(), headers=foreign).status_code == 403
    assert web.post("/api/readings", **form(), headers={"origin": "http://localhost"}).status_code == 200


@pytest.mark.parametrize("sent", ["http://[", "http://]", "null", "", "http://[::1", "http://localhost:99999999999"])
@pytest.mark.parametrize("path", ["/", "/api/version", "/api/nothing", "/static/main.js"])
def test_an_origin_that_is_no_address_is_refused(web: TestClient, path: str, sent: str) -> None:
    assert web.get(path, headers={"origin": sent}).status_code == 403


@pytest.mark.parametrize("host", ["[", "[::1", "a]b", "localhost:x", "", "http://["])
def test_a_host_that_is_no_address_is_refused(web: TestClient, host: str) -> None:
    assert web.get("/api/version", headers={"host": host}).status_code == 421
    with client(token="a-token-of-the-test") as guarded:
        assert guarded.get("/api/version", headers={"host": host}).status_code == 401
        assert guarded.get("/", headers={"host": host}).status_code == 401
        sent = {"data": {"token": "a-token-of-the-test"}, "headers": {"host": host}, "follow_redirects": False}
        assert guarded.post("/api/session", **sent).status_code == 303


@pytest.mark.parametrize("path", ["/api/health", "/api/version", "/metrics", "/static/main.js", "/api/openapi.json"])
def test_with_a_token_everything_needs_it(path: str) -> None:
    with client(token="a-token-of-the-test") as web:
        refused = web.get(path, headers={"host": "clinic.example"})
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert web.get(path, headers={"authorization": "Bearer wrong"}).status_code == 401
        assert web.get(path, headers={"authorization": "Bearer a-token-of-the-test"}).status_code == 200


def test_a_browser_signs_in_with_the_token() -> None:
    with client(token="a-token-of-the-test") as web:
        page = web.get("/")
        assert page.status_code == 401
        assert "<form" in page.text
        assert web.post("/api/session", data={"token": "wrong"}).status_code == 401
        signed = web.post("/api/session", data={"token": "a-token-of-the-test"}, follow_redirects=False)
        assert signed.status_code == 303
        cookie = signed.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "a-token-of-the-test" not in cookie
        assert web.get("/").status_code == 200
        assert web.get("/api/version").status_code == 200


def test_all_that_the_sign_in_page_needs_is_open() -> None:
    with client(token="a-token-of-the-test") as web:
        needed = re.findall(r'(?:src|href)="(/[^"]+)"', web.get("/").text)
        assert needed
        assert {path: web.get(path).status_code for path in needed} == dict.fromkeys(needed, 200)


def test_a_browser_with_a_wrong_token_sees_the_page_again_with_a_sentence() -> None:
    with client(token="a-token-of-the-test") as web:
        accepts = {"accept": "text/html,application/xhtml+xml"}
        again = web.post("/api/session", data={"token": "<b>wrong"}, headers=accepts)
        assert again.status_code == 401
        assert again.headers["content-type"].startswith("text/html")
        assert "This is not the token of this service." in again.text
        assert "<form" in again.text
        assert "<b>" not in again.text
        assert "not the token" not in web.get("/").text


def test_an_open_door_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="--token-file"):
        token_for("0.0.0.0", None, encrypted=True, plain=False)
    with pytest.raises(BadConfig, match="--plain-http"):
        token_for("192.0.2.1", tmp_path / "token", encrypted=False, plain=False)
    made = token_for("0.0.0.0", tmp_path / "token", encrypted=False, plain=True)
    assert made == (tmp_path / "token").read_text().strip()
    assert (tmp_path / "token").stat().st_mode & 0o077 == 0
    assert token_for("127.0.0.1", None, encrypted=False, plain=False) is None
    study = Session("w", [], SessionRecord(None, "study w"), readers={"anna": ""})  # type: ignore[arg-type]
    with pytest.raises(BadConfig, match="each reader needs a token"):
        token_for("0.0.0.0", tmp_path / "token", encrypted=True, plain=False, session=study)
    (tmp_path / "token").write_text("short")
    with pytest.raises(BadConfig, match="16"):
        token_for("::", tmp_path / "token", encrypted=True, plain=False)
