"""The web service for tests: with a client in this process, or in a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

for package in ("fastapi", "uvicorn", "httpx2", "sqlalchemy", "alembic", "prometheus_client", "reportlab"):
    pytest.importorskip(package, reason="the web service needs boneage[serve]")

import httpx2 as httpx
from hands import hand, predictor
from starlette.testclient import TestClient

from boneage.apps.web.app import create_app
from boneage.apps.web.limits import HttpLimits
from boneage.clinic.limits import MIB, Limits

PNG = {"content-type": "image/png"}
LIMITS = Limits(running=1, waiting=2, jobs=2, decode_seconds=60)
HTTP_LIMITS = HttpLimits(film=2 * MIB)
SHORT = (  # the same server with limits that a test can wait for
    "import functools\n"
    "from boneage.apps.web import limits as http\n"
    "from boneage.clinic import limits\n"
    "limits.Limits = functools.partial(limits.Limits, running=1, waiting=2)\n"
    "http.HttpLimits = functools.partial(http.HttpLimits, film=2 * 2**20, head_seconds=2, idle_seconds=2, "
    "body_seconds=300, connections=60)\n"
)
PATIENT = (  # a service that schemathesis cannot fill: it takes a 503, though right, for an error of the server
    "import functools\n"
    "from boneage.clinic import limits\n"
    "limits.Limits = functools.partial(limits.Limits, jobs=10_000, waiting=1000)\n"
)
DROP = """([data, name]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name));
    for (const kind of ["dragenter", "dragover", "drop"])
        document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""  # in a browser: drop a file, its bytes in base64, on the page


def form(film: bytes = b"", name: str = "hand.png", **fields: Any) -> dict[str, Any]:
    """A form with a film, for a client to send."""
    return {"files": {"film": (name, film or hand())}, "data": {key: str(value) for key, value in fields.items()}}


@contextlib.contextmanager
def client(token: str | None = None, **options: Any) -> Iterator[TestClient]:
    """A client of a service in this process, with limits that a test can reach unless others are given."""
    limits = {"limits": LIMITS, "http_limits": HTTP_LIMITS}
    app = create_app(predictor(), token=token, **(limits | options))
    with TestClient(app, base_url="http://localhost") as web:
        yield web


class ServiceProcess:
    """``boneage serve`` in a process of its own."""

    def __init__(self, *words: object, env: dict[str, str] | None = None, code: str = "", cwd: Path | None = None):
        program = f"{code}\nfrom boneage.apps.cli import main; main()"
        command = [sys.executable, "-c", program, "serve", "--port", "0", *map(str, words)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | (env or {}), cwd=cwd
        )
        assert self.process.stdout is not None
        found = re.search(r"(https?)://\S*:(\d+)", line := self.process.stdout.readline())
        assert found, line + self.process.communicate(timeout=120)[1]
        self.port = int(found[2])
        self.url = f"{found[1]}://localhost:{self.port}"
        self.log: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(self.process.stderr)

    def post(self, data: bytes, **params: Any) -> httpx.Response:
        """One film, bare."""
        headers = {"content-type": "image/png"}
        return httpx.post(f"{self.url}/api/readings", content=data, params=params, headers=headers, timeout=120)

    def connection(self) -> socket.socket:
        """A bare connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=120)

    def stop(self) -> tuple[int, float]:
        """SIGTERM: the exit code, and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=120)
        self._reader.join(60)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()
        return code, time.monotonic() - began


@contextlib.contextmanager
def service(*words: object, **options: Any) -> Iterator[ServiceProcess]:
    """A `ServiceProcess` that is stopped at the end."""
    running = ServiceProcess(*words, **options)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()


def head(method: str = "POST", path: str = "/api/readings", *lines: str) -> bytes:
    """The head of a request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def sent_until_closed(connection: socket.socket, data: bytes, most: int) -> int:
    """How many bytes the other side takes before it closes, of ``most``."""
    sent = 0
    with contextlib.suppress(OSError):
        while sent < most:
            connection.sendall(data)
            sent += len(data)
    return sent


def heard(connection: socket.socket, word: str) -> str:
    """What comes until there is this word in it."""
    received = ""
    while word not in received and (piece := connection.recv(65536)):
        received += piece.decode()
    return received


def answer_of(connection: socket.socket) -> tuple[int, str]:
    """Status and body of what comes before the other side closes."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece
    first, _, body = received.partition(b"\r\n\r\n")
    return int(first.split()[1]) if first else 0, body.decode("utf-8", "replace")


def certificate(folder: Path) -> None:
    """``cert.pem`` and ``key.pem`` for localhost."""
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem"),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        ],
        cwd=folder,
        capture_output=True,
    )
    assert made.returncode == 0
