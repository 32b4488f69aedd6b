"""Bodies of requests: too large, too slow, too many."""

from __future__ import annotations

import asyncio
import socket
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest
from hands import hand
from services import (
    HTTP_LIMITS,
    PNG,
    ServiceProcess,
    answer_of,
    head,
    httpx,
    sent_until_closed,
)
from starlette.testclient import TestClient
from starlette.types import Receive

from boneage.apps.web.intake import Intake
from boneage.apps.web.limits import HttpLimits
from boneage.clinic.limits import MIB


def test_a_film_beyond_the_limit_is_413(web: TestClient) -> None:
    found = web.post("/api/readings", content=b"\0" * (HTTP_LIMITS.film + 1), headers=PNG)
    assert found.status_code == 413
    assert f"{HTTP_LIMITS.film:,}" in found.json()["error"]


def test_a_declared_length_beyond_the_limit_is_413_before_anything_is_read(short: ServiceProcess) -> None:
    with short.connection() as connection:
        connection.sendall(head("POST", "/api/readings", "Content-Type: image/png", f"Content-Length: {10 * MIB}"))
        status, body = answer_of(connection)
    assert status == 413
    assert f"{HTTP_LIMITS.film:,}" in body


def test_of_a_chunked_body_no_more_than_a_megabyte_is_read_past_the_limit(short: ServiceProcess) -> None:
    chunk = b"10000\r\n" + b"\0" * 0x10000 + b"\r\n"
    with short.connection() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        connection.sendall(head("POST", "/api/readings", "Content-Type: image/png", "Transfer-Encoding: chunked"))
        sent = sent_until_closed(connection, chunk, 64 * MIB)
    assert HTTP_LIMITS.film <= sent < HTTP_LIMITS.film + 9 * MIB  # what the sockets' own buffers hold comes on top


def test_what_the_program_itself_reads_past_the_limit() -> None:
    """Counted where it is read: the sockets' buffers are the system's."""
    read, answers = 0, []

    async def receive() -> dict:
        nonlocal read
        read += 65536
        return {"type": "http.request", "body": b"\0" * 65536, "more_body": True}

    async def send(message: dict) -> None:
        answers.append(message)

    async def app(*_: object) -> None:
        raise AssertionError("the body was let in")

    scope = {"type": "http", "method": "POST", "path": "/api/readings", "headers": []}
    for headers in ([], [(b"content-length", b"99999999")]):
        read = 0
        asyncio.run(Intake(app, HTTP_LIMITS, lambda: None)(scope | {"headers": headers}, receive, send))
        assert answers[-2]["status"] == 413
        assert read <= (HTTP_LIMITS.film if not headers else 0) + MIB


@pytest.mark.parametrize(("piece", "count"), [(b"ab", 40_000), (bytes(range(256)) * 999, 7)])
def test_a_body_comes_whole_and_in_memory_costs_little_more_than_its_bytes(piece: bytes, count: int) -> None:
    left, taken = iter(range(count - 1, -1, -1)), []

    async def receive() -> dict:
        fresh = bytes(bytearray(piece))  # an object of its own, as from a socket
        return {"type": "http.request", "body": fresh, "more_body": bool(next(left))}

    async def app(scope: dict, receive: Receive, send: object) -> None:
        message = await receive()
        taken.append(message["body"] == piece * count and not message["more_body"])

    intake = Intake(app, HttpLimits(), lambda: None)
    scope = {"type": "http", "method": "POST", "path": "/api/readings", "headers": []}
    tracemalloc.start()
    try:
        asyncio.run(intake(scope, receive, None))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken == [True]
    assert intake.held == 0
    assert most < MIB + 3 * len(piece) * count


def test_a_body_on_a_route_that_takes_none_is_no_way_in(short: ServiceProcess) -> None:
    with short.connection() as connection:
        connection.sendall(head("GET", "/api/health", "Transfer-Encoding: chunked"))
        sent = sent_until_closed(connection, b"10000\r\n" + b"\0" * 0x10000 + b"\r\n", 64 * MIB)
    assert sent < 12 * MIB


def test_overload_is_200_or_503_and_health_still_answers(short: ServiceProcess) -> None:
    with ThreadPoolExecutor(12) as crowd:
        found = list(crowd.map(lambda _: short.post(hand(size=700)), range(36)))
        assert httpx.get(f"{short.url}/api/health", timeout=60).status_code == 200
    assert {answer.status_code for answer in found} == {200, 503}
    busy = next(answer for answer in found if answer.status_code == 503)
    assert int(busy.headers["retry-after"]) >= 1
    assert busy.json()["error"]
