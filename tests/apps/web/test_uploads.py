"""Multipart bodies: damaged ones, ones of too many parts, and that no file is written."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hands import hand
from services import form
from starlette.testclient import TestClient


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 415),
        (b"--a\r\n", "multipart/form-data", 400),
        (b"nonsense", "multipart/form-data; boundary=a", 400),
        (b'--a\r\nContent-Disposition: form-data; name="film"\r\n\r\nx', "multipart/form-data; boundary=a", 400),
        (b"--a--\r\n", "multipart/form-data; boundary=a", 422),
    ],
)
def test_damaged_requests_are_refused(web: TestClient, content: bytes, kind: str, status: int) -> None:
    found = web.post("/api/readings", content=content, headers={"content-type": kind})
    assert found.status_code == status, found.text
    assert found.json()["error"]


def test_a_form_of_nothing_but_boundaries_is_refused_before_it_is_parsed(
    web: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(*_: Any) -> None:
        raise AssertionError("the parser was called")

    monkeypatch.setattr("boneage.apps.web.uploads.MultipartParser", parse)
    body = b"--a\r\n" + b"\r\n--ax" * 300_000
    answer = web.post("/api/readings", content=body, headers={"content-type": "multipart/form-data; boundary=a"})
    assert answer.status_code == 413


def test_forms_are_read_without_a_file(web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> io.BytesIO:
        raise AssertionError("a temporary file")

    monkeypatch.setattr("tempfile.SpooledTemporaryFile", refuse)
    monkeypatch.setattr("tempfile.NamedTemporaryFile", refuse)
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert web.post("/api/readings", **form(hand(size=700))).status_code == 200
