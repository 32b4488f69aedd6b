"""Connections to a real server: early answers, slow and half-open clients, too many of them, and how each ends."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hands import hand
from services import SHORT, ServiceProcess, answer_of, certificate, head, heard, httpx, sent_until_closed, service

from boneage.clinic.limits import MIB

NEEDS_OPENSSL = pytest.mark.skipif(shutil.which("openssl") is None, reason="the certificate is made with openssl")
IMAGE = "Content-Type: image/png"


@pytest.fixture(scope="module")
def patient() -> Iterator[ServiceProcess]:
    """A service that waits five minutes for the next piece of a body."""
    with service(code=SHORT.replace("idle_seconds=2", "idle_seconds=300")) as running:
        yield running


@pytest.fixture(scope="module")
def full() -> Iterator[ServiceProcess]:
    """A server whose queue has no place at all."""
    with service(code=SHORT.replace("waiting=2", "waiting=-1")) as running:
        yield running


def test_a_body_that_nobody_wants_is_discarded_and_the_connection_goes_on(full: ServiceProcess) -> None:
    with full.connection() as connection:
        connection.sendall(head("POST", "/api/readings", "Content-Type: image/png", f"Content-Length: {MIB}"))
        assert " 503 " in heard(connection, "moment")
        connection.sendall(b"x" * MIB + head("GET", "/api/health"))
        assert " 200 " in heard(connection, "ok")


def test_a_client_that_is_refused_again_and_again_keeps_its_connection(full: ServiceProcess) -> None:
    with contextlib.closing(http.client.HTTPConnection("localhost", full.port, timeout=60)) as client:
        client.connect()
        first = client.sock
        for _ in range(100):
            client.request("POST", "/api/readings", b"x" * 500_000, {"Content-Type": "image/png"})
            with client.getresponse() as answer:
                assert answer.status == 503
                answer.read()
        assert client.sock is first


def test_a_body_that_nobody_wants_and_that_does_not_come_is_not_waited_for(full: ServiceProcess) -> None:
    with full.connection() as connection:
        connection.sendall(head("POST", "/api/readings", "Content-Type: image/png", f"Content-Length: {MIB}"))
        began = time.monotonic()
        assert answer_of(connection)[0] == 503
        assert time.monotonic() - began < 60  # of the 300 seconds that a body may take


def test_nonsense_after_the_answer_ends_the_connection(full: ServiceProcess) -> None:
    with full.connection() as connection:
        connection.sendall(head("POST", "/api/readings", "Content-Type: image/png", "Transfer-Encoding: chunked"))
        assert " 503 " in heard(connection, "moment")
        connection.sendall(b"no chunk\r\n")
        assert answer_of(connection)[0] == 0
    assert "Traceback" not in "".join(full.log)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"GET /api/health HTT",
        head("POST", "/api/readings", "Content-Type: image/png", "Content-Length: 1000"),
        head("POST", "/api/readings", "Content-Type: image/png", "Content-Length: 1000") + b"\x89PNG",
    ],
)
def test_silent_clients_are_cut_off(short: ServiceProcess, start: bytes) -> None:
    with short.connection() as connection:
        connection.sendall(start)
        began = time.monotonic()
        status, _ = answer_of(connection)
        assert time.monotonic() - began < 60  # of 300
        assert status in (0, 408)


def test_a_head_that_drips_is_cut_off(short: ServiceProcess) -> None:
    with short.connection() as connection:
        drips = head("GET", "/api/health", *(f"X-{n}: {n}" for n in range(60)))
        taken = 0
        with contextlib.suppress(OSError):
            for letter in drips:
                connection.sendall(bytes([letter]))
                taken += 1
                time.sleep(0.05)
        assert taken < len(drips)


def test_a_head_without_end_is_refused(short: ServiceProcess) -> None:
    with short.connection() as connection:
        sent = sent_until_closed(connection, b"GET / HTTP/1.1\r\nX: " + b"x" * 65536, 8 * MIB)
        assert sent < 8 * MIB


def test_slow_clients_do_not_keep_others_waiting(short: ServiceProcess) -> None:
    usual = short.post(hand())
    slow = [short.connection() for _ in range(50)]
    for connection in slow[:25]:
        connection.sendall(head("POST", "/api/readings", "Content-Type: image/png", "Content-Length: 100000") + b"x")
    answer = short.post(hand())
    assert (usual.status_code, answer.status_code) == (200, 200)
    for connection in slow:
        connection.close()


def test_more_connections_than_may_be_open_push_out_the_silent_ones(short: ServiceProcess) -> None:
    slow = [short.connection() for _ in range(150)]
    assert httpx.get(f"{short.url}/api/health", timeout=60).status_code == 200
    for connection in slow:
        connection.close()


ENDINGS = {"close": "HTTP/1.1\r\nConnection: close", "old": "HTTP/1.0", "kept": "HTTP/1.1"}


def refused_head(ending: str, length: int) -> bytes:
    """Of a film that the full service refuses, for a connection that ends with the answer or does not."""
    return head("POST", "/api/readings", IMAGE, f"Content-Length: {length}").replace(
        b"HTTP/1.1", ENDINGS[ending].encode(), 1
    )


@pytest.mark.parametrize("ending", ["close", "old"])
def test_a_refusal_is_heard_where_the_connection_ends_with_it(full: ServiceProcess, ending: str) -> None:
    with full.connection() as connection:
        connection.sendall(refused_head(ending, MIB))
        time.sleep(0.5)  # the answer is there, the body is not
        for _ in range(16):
            connection.sendall(b"x" * (MIB // 16))
            time.sleep(0.01)
        status, body = answer_of(connection)
    assert status == 503
    assert "moment" in body


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_body_that_nobody_wants_may_come_slowly_but_steadily(full: ServiceProcess, ending: str) -> None:
    with full.connection() as connection:
        connection.sendall(refused_head(ending, 200_000))
        for _ in range(20):
            time.sleep(0.2)
            connection.sendall(b"x" * 10_000)
        assert " 503 " in heard(connection, "moment")
        if ending == "kept":
            connection.sendall(head("GET", "/api/health"))
            assert " 200 " in heard(connection, "ok")


def test_a_body_past_the_limit_is_not_taken_where_the_connection_ends_with_the_answer(full: ServiceProcess) -> None:
    with full.connection() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        connection.sendall(refused_head("close", 64 * MIB))
        sent = sent_until_closed(connection, b"x" * 65536, 64 * MIB)
    assert sent < 9 * MIB  # half a megabyte, and what the sockets' own buffers hold


# --- halves ---------------------------------------------------------------------------------------------------------


def test_a_client_that_ends_its_half_gets_its_answer(short: ServiceProcess) -> None:
    film = hand()
    with short.connection() as connection:
        connection.sendall(head("POST", "/api/readings", IMAGE, f"Content-Length: {len(film)}") + film)
        connection.shutdown(socket.SHUT_WR)
        status, body = answer_of(connection)
    assert status == 200
    assert "bone_age_months" in body


def test_both_of_two_requests_are_answered_before_the_end(short: ServiceProcess) -> None:
    with short.connection() as connection:
        connection.sendall(head("GET", "/api/health") + head("GET", "/api/reference"))
        connection.shutdown(socket.SHUT_WR)
        _, body = answer_of(connection)
    assert '"ok"' in body
    assert "sd" in body


def test_half_a_body_and_the_end_is_the_end(patient: ServiceProcess) -> None:
    with patient.connection() as connection:
        connection.sendall(head("POST", "/api/readings", IMAGE, "Content-Length: 1000") + b"\x89PNG")
        connection.shutdown(socket.SHUT_WR)
        began = time.monotonic()
        assert answer_of(connection)[0] == 0
        assert time.monotonic() - began < 60  # of the 300 that the rest might take


# --- too many -------------------------------------------------------------------------------------------------------


def test_the_idlest_connection_makes_room_for_a_new_one(short: ServiceProcess) -> None:
    with contextlib.ExitStack() as opened:
        kept = [opened.enter_context(short.connection()) for _ in range(60)]
        for connection in kept:
            connection.sendall(head("GET", "/api/health"))
            assert " 200 " in heard(connection, "ok")
        with short.connection() as new:
            new.sendall(head("GET", "/api/health"))
            assert " 200 " in heard(new, "ok")
        assert kept[0].recv(1) == b""
        kept[-1].sendall(head("GET", "/api/health"))
        assert " 200 " in heard(kept[-1], "ok")


# --- large answers --------------------------------------------------------------------------------------------------

WIDE = 2048
PIXELS = 2 * WIDE * WIDE  # bytes of the answer


@pytest.fixture(scope="module", params=["plain", pytest.param("tls", marks=NEEDS_OPENSSL)])
def either(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service without and with TLS."""
    words: tuple[object, ...] = ()
    if request.param == "tls":
        folder = tmp_path_factory.mktemp("tls")
        certificate(folder)
        words = ("--tls-cert", folder / "cert.pem", "--tls-key", folder / "key.pem")
    with service(*words, code=SHORT) as running:
        yield running


def asks_for_pixels(running: ServiceProcess) -> socket.socket:
    """A connection with little room of its own, on which many pixels were asked for."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
    plain.settimeout(120)
    plain.connect(("127.0.0.1", running.port))
    connection = plain
    if running.url.startswith("https"):
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        connection = trusting.wrap_socket(plain)
    film = cv2.imencode(".png", np.zeros((WIDE, WIDE), np.uint8))[1].tobytes()
    connection.sendall(head("POST", "/api/films", IMAGE, f"Content-Length: {len(film)}", "Connection: close") + film)
    return connection


def taken(connection: socket.socket, pause: float) -> int:
    """Bytes that come before the end, read in pieces of 64 KB with this pause after each."""
    count = 0
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            count += len(piece)
            time.sleep(pause * len(piece) / 65536)
    return count


def test_a_slow_but_steady_reader_gets_all_of_a_large_answer(either: ServiceProcess) -> None:
    with asks_for_pixels(either) as connection:
        began = time.monotonic()
        assert taken(connection, 0.05) > PIXELS
        assert time.monotonic() - began > 5  # twice what a reader that stalls would have


def test_a_reader_that_stalls_is_cut_off(either: ServiceProcess) -> None:
    with asks_for_pixels(either) as connection:
        time.sleep(6)
        assert taken(connection, 0) < PIXELS


# --- the end of TLS -------------------------------------------------------------------------------------------------


@NEEDS_OPENSSL
def test_a_client_that_does_not_end_tls_is_not_waited_for(tmp_path: Path) -> None:
    certificate(tmp_path)
    words = ("--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem")
    with service(*words, code=SHORT.replace("waiting=2", "waiting=-1")) as running:
        trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        for asked in (head("GET", "/api/health"), refused_head("kept", MIB), refused_head("close", MIB)):
            with trusting.wrap_socket(running.connection(), server_hostname="localhost") as connection:
                connection.sendall(asked)
                began = time.monotonic()
                assert answer_of(connection)[0] in (200, 503)
                with socket.socket(fileno=connection.detach()) as bare, contextlib.suppress(ConnectionError):
                    bare.settimeout(120)
                    while bare.recv(65536):
                        pass
                assert time.monotonic() - began < 25  # seconds; asyncio alone would wait for thirty
