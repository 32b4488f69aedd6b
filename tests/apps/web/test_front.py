"""Before everything else: the service behind a proxy, and HEAD."""

from __future__ import annotations

import re

import pytest
from hands import hand
from services import PNG, client, form
from starlette.testclient import TestClient

from boneage.apps.web.front import checked_root
from boneage.errors import BadConfig


@pytest.mark.parametrize("path", ["/", "/api/health", "/api/version", "/metrics", "/static/main.js"])
def test_head_is_get_without_a_body(web: TestClient, path: str) -> None:
    got, head = web.get(path), web.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert got.content
    assert head.headers["content-type"] == got.headers["content-type"]
    if path != "/metrics":  # which counts the two
        assert head.headers["content-length"] == got.headers["content-length"]


def test_head_where_there_is_no_get(web: TestClient) -> None:
    assert web.head("/api/nothing").status_code == 404
    answer = web.head("/api/readings")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "POST", b"")
    assert web.post("/api/version").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("passed_on", ["", "/clinic/boneage"])
def test_behind_a_proxy_every_address_begins_with_its_path(passed_on: str) -> None:
    """Whether the proxy takes the path off or leaves it on."""
    with client(token="a-token-of-the-test", root_path="/clinic/boneage/") as web:
        sign_in = web.get(f"{passed_on}/").text
        assert 'action="/clinic/boneage/api/session"' in sign_in
        place = f"{passed_on}/api/session"
        assert 'href="/clinic/boneage/static/style.css"' in web.post(place, headers={"accept": "text/html"}).text
        signed = web.post(place, data={"token": "a-token-of-the-test"}, follow_redirects=False)
        assert signed.headers["location"] == "/clinic/boneage/"
        assert "Path=/clinic/boneage;" in signed.headers["set-cookie"]
        web.headers["authorization"] = "Bearer a-token-of-the-test"
        page = web.get(f"{passed_on}/").text
        addresses = re.findall(r'(?:src|href|action)="(/[^"]*)"', page)
        assert addresses
        for address in addresses:
            assert address.startswith("/clinic/boneage/")
            status = web.get(passed_on + address.removeprefix("/clinic/boneage")).status_code
            assert status == (404 if "record.csv" in address else 200)  # it keeps none
        assert web.post(f"{passed_on}/api/readings", content=hand(), headers=PNG).json()["bone_age_months"]
        job = web.post(f"{passed_on}/api/jobs", files=[("films", ("a.png", hand()))])
        assert job.headers["location"] == f"/clinic/boneage/api/jobs/{job.json()['id']}"
        assert web.get(f"{passed_on}/api/openapi.json").json()["servers"] == [{"url": "/clinic/boneage"}]


def test_the_path_without_its_last_slash_leads_to_the_page() -> None:
    with client(root_path="/boneage") as web:
        answer = web.get("/boneage", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (307, "/boneage/")
        assert web.get("/boneagent").status_code == 404


def test_limits_hold_behind_a_proxy() -> None:
    with client(root_path="/boneage") as web:
        assert web.post("/boneage/api/readings", **form(bytes(1_500_000))).status_code == 422
        assert web.post("/boneage/api/session", content=bytes(1_500_000)).status_code == 413


@pytest.mark.parametrize("root", ["boneage", "/a b", "//elsewhere", '/"', "/a?b", "http://a/b"])
def test_what_is_no_path_is_one_sentence(root: str) -> None:
    with pytest.raises(BadConfig, match=r"--root-path .* is no path such as /boneage"):
        checked_root(root)
