"""Destinations: what each answers, told in a sentence; a server of STOW-RS that says no in every way."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from clinical_films import plain_case
from nodes import settings
from pacs import pacs
from services import certificate

from boneage.apps.dicom.destinations import StoreCarrier, StowCarrier, Unreachable, carrier, server_tls
from boneage.apps.dicom.settings import Destination, Tls
from boneage.clinic.documents import bundle
from boneage.errors import BadConfig


@pytest.fixture
def documents(tmp_path: Path) -> list[Path]:
    return [path for path in bundle.write([plain_case()], tmp_path / "documents")[0] if path.suffix == ".dcm"]


class Web(BaseHTTPRequestHandler):
    """A server of STOW-RS that answers as it is told."""

    answer: tuple[int, dict[str, Any]] = (200, {})
    seen: ClassVar[list[dict[str, str]]] = []

    def do_POST(self) -> None:
        self.seen.append(dict(self.headers))
        if "Content-Length" in self.headers:
            self.rfile.read(int(self.headers["Content-Length"]))
        else:
            while length := int(self.rfile.readline(), 16):
                self.rfile.read(length + 2)
            self.rfile.readline()
        status, body = self.answer
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/dicom+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: object) -> None:
        """Nothing."""


@pytest.fixture
def web() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Web) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        Web.seen = []
        yield f"http://127.0.0.1:{server.server_address[1]}/dicom-web"
        server.shutdown()
        thread.join()


KEPT = {"00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2.3"]}}]}}
NOT_KEPT = {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0xA700]}}]}}


def test_stow_sends_the_token_and_each_document(web: str, documents: list[Path], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    Web.answer = (200, KEPT)
    to = Destination("web", url=web, token_file=tmp_path / "token")
    assert list(StowCarrier(to).carry(documents)) == [None] * 4
    assert {one["Authorization"] for one in Web.seen} == {"Bearer secret"}
    assert len(Web.seen) == 4


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [((202, NOT_KEPT), "web did not keep it, reason A700"), ((409, {}), "web answered with HTTP 409")],
)
def test_what_stow_refuses_is_told(answer: Any, sentence: str, web: str, documents: list[Path]) -> None:
    Web.answer = answer
    assert list(StowCarrier(Destination("web", url=web)).carry(documents[:1])) == [sentence]


@pytest.mark.parametrize("status", [401, 500, 503])
def test_a_server_that_is_not_well_is_tried_later(status: int, web: str, documents: list[Path]) -> None:
    Web.answer = (status, {})
    with pytest.raises(Unreachable, match=f"web answered with HTTP {status}"):
        list(StowCarrier(Destination("web", url=web)).carry(documents))


def test_a_server_that_is_not_there_is_unreachable(documents: list[Path]) -> None:
    with pytest.raises(Unreachable, match="web cannot be reached"):
        list(StowCarrier(Destination("web", url="http://127.0.0.1:1/x")).carry(documents))


def test_store_tells_what_the_pacs_answers(documents: list[Path]) -> None:
    with pacs() as archive:
        to = Destination("pacs", host="127.0.0.1", port=archive.port, ae_title="PACS")
        assert list(StoreCarrier(to, "BONEAGE", None).carry(documents)) == [None] * 4
        archive.status = 0xB000
        assert list(StoreCarrier(to, "BONEAGE", None).carry(documents[:1])) == [None]
        archive.status = 0xA900
        assert list(StoreCarrier(to, "BONEAGE", None).carry(documents[:1])) == ["pacs answered with status A900"]
    with pytest.raises(Unreachable, match="pacs cannot be reached"):
        list(StoreCarrier(to, "BONEAGE", None).carry(documents))


def test_each_destination_has_its_carrier_and_files_that_are_missing_are_told(tmp_path: Path) -> None:
    with pacs() as archive:
        plain = settings(tmp_path, archive)
    assert isinstance(carrier(plain.destinations[0], plain), StoreCarrier)
    assert isinstance(carrier(Destination("web", url="http://x/"), plain), StowCarrier)
    with pytest.raises(BadConfig, match="token"):
        carrier(Destination("web", url="http://x/", token_file=tmp_path / "token"), plain)
    with pytest.raises(BadConfig, match="no certificate and key to be used: No such file"):
        server_tls(Tls(tmp_path / "cert.pem", tmp_path / "key.pem"))
    certificate(tmp_path)
    assert server_tls(Tls(tmp_path / "cert.pem", tmp_path / "key.pem")) is not None
    with pytest.raises(BadConfig, match=r"cert.pem: no certificate and key to be used: they are none in PEM"):
        server_tls(Tls(tmp_path / "cert.pem", tmp_path / "cert.pem"))
    (tmp_path / "none.pem").write_text("no certificate")
    with pytest.raises(BadConfig, match=r"^tls: client_ca = .*none.pem: no certificate to be used: it is none in PEM$"):
        server_tls(Tls(tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "none.pem"))
    with pytest.raises(BadConfig, match=r"^destination web: ca_file = .*none.pem: no certificate to be used"):
        carrier(Destination("web", url="https://x/", ca_file=tmp_path / "none.pem"), plain)
    assert server_tls(None) is None
