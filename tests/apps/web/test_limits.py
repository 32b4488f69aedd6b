"""Limits against a real server: sizes, slow and half-open clients, overload, hostile files, and how it stops."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn
from command import check_sentence, child
from fastapi import FastAPI
from rooms import FILM_LIMIT, SHORT, Service, answer_of, certificate, hand, head, httpx, sent_until_closed, service

from boneage.apps.web.server import Server
from boneage.clinic.decoder_pool import Decoders
from boneage.clinic.limits import MIB, Limits
from boneage.errors import UnreadableImage


@pytest.fixture(scope="module")
def short() -> Iterator[Service]:
    with service(code=SHORT) as running:
        yield running


def test_a_declared_length_beyond_the_limit_is_413_before_anything_is_read(short: Service) -> None:
    with short.connection() as connection:
        connection.sendall(head("POST", "/api/readings", "Content-Type: image/png", f"Content-Length: {10 * MIB}"))
        status, body = answer_of(connection)
    assert status == 413
    assert f"{FILM_LIMIT:,}" in body


def test_of_a_chunked_body_no_more_than_a_megabyte_is_read_past_the_limit(short: Service) -> None:
    chunk = b"10000\r\n" + b"\0" * 0x10000 + b"\r\n"
    with short.connection() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        connection.sendall(head("POST", "/api/readings", "Content-Type: image/png", "Transfer-Encoding: chunked"))
        sent = sent_until_closed(connection, chunk, 64 * MIB)
    assert FILM_LIMIT <= sent < FILM_LIMIT + 9 * MIB  # what the sockets' own buffers hold comes on top


def test_what_the_program_itself_reads_past_the_limit() -> None:
    """Counted where it is read: the sockets' buffers are the system's."""
    import asyncio

    from boneage.apps.web.intake import Intake

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
        asyncio.run(Intake(app, Limits(film=FILM_LIMIT), lambda: None)(scope | {"headers": headers}, receive, send))
        assert answers[-2]["status"] == 413
        assert read <= (FILM_LIMIT if not headers else 0) + MIB


def test_a_body_on_a_route_that_takes_none_is_no_way_in(short: Service) -> None:
    with short.connection() as connection:
        connection.sendall(head("GET", "/api/health", "Transfer-Encoding: chunked"))
        sent = sent_until_closed(connection, b"10000\r\n" + b"\0" * 0x10000 + b"\r\n", 64 * MIB)
    assert sent < 12 * MIB


def test_overload_is_200_or_503_and_health_still_answers(short: Service) -> None:
    with ThreadPoolExecutor(12) as crowd:
        found = list(crowd.map(lambda _: short.post(hand(size=700)), range(36)))
        assert httpx.get(f"{short.url}/api/health", timeout=60).status_code == 200
    assert {answer.status_code for answer in found} == {200, 503}
    busy = next(answer for answer in found if answer.status_code == 503)
    assert int(busy.headers["retry-after"]) >= 1
    assert busy.json()["error"]


# --- decoders -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    made = Decoders(Limits(running=1, decode_seconds=60))
    yield made
    made.close()


def test_a_decoder_that_dies_is_replaced(decoders: Decoders) -> None:
    dying = decoders._idle.get()
    decoders._idle.put(dying)
    dying.kill()
    with pytest.raises(UnreadableImage, match=r"crashed|did not decode"):
        decoders.decode(hand())
    assert decoders.decode(hand()).radiograph.format == "PNG"
    assert decoders.deaths >= 1


def test_a_decoder_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boneage.clinic.decoder_pool.CODE", "import time; time.sleep(60)")
    hanging = Decoders(Limits(running=1, decode_seconds=0.3))
    with pytest.raises(UnreadableImage, match="did not decode within"):
        hanging.decode(hand())
    hanging.close()


def test_what_a_hanging_decoder_started_ends_with_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    note = f"open({str(tmp_path / 'pid')!r}, 'w').write(str(codec.pid))"
    code = f"import subprocess; codec = subprocess.Popen(['sleep', '600']); {note}; codec.wait()"
    monkeypatch.setattr("boneage.clinic.decoder_pool.CODE", code)
    hanging = Decoders(Limits(running=1, decode_seconds=3))
    with pytest.raises(UnreadableImage, match="did not decode within"):
        hanging.decode(hand())
    codec = int((tmp_path / "pid").read_text())
    hanging.close()
    for _ in range(1200):
        try:
            state = Path(f"/proc/{codec}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            break
        if state == "Z":
            break
        time.sleep(0.05)
    else:
        raise AssertionError("it still runs")


def test_a_decoder_has_only_so_much_memory(tmp_path: Path) -> None:
    """A film of 144 megapixels cannot be decoded in what is left of 1 GiB: a sentence, not a dead machine."""
    import zlib

    side = 12_000
    rows = zlib.compress(b"\0" * (side + 1) * side, 1)

    def part(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    size = side.to_bytes(4, "big") * 2
    film = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", size + b"\x08\0\0\0\0") + part(b"IDAT", rows) + part(b"IEND", b"")
    small = Decoders(Limits(running=1, pixels=200_000_000, memory=2**29 + 2**28))
    with pytest.raises(UnreadableImage):
        small.decode(film)
    assert small.decode(hand()).radiograph.format == "PNG"
    small.close()
    usual = Decoders(Limits(running=1))
    with pytest.raises(UnreadableImage, match="limit of 36,000,000"):
        usual.decode(film)
    usual.close()


# --- the process ----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_told_to_stop_it_finishes_what_runs_and_ends_with_0() -> None:
    with service(code=SHORT) as running, ThreadPoolExecutor(3) as crowd:
        films = [crowd.submit(running.post, hand(size=1500)) for _ in range(3)]
        while "boneage_films_inside 3.0" not in httpx.get(f"{running.url}/metrics", timeout=60).text:
            if all(film.done() for film in films):
                break
            time.sleep(0.02)
        late: list[int] = []
        stopping = threading.Thread(target=lambda: late.extend(statuses_until_gone(running)))
        stopping.start()
        code, seconds = running.stop()
        stopping.join()
        assert [film.result().status_code for film in films] == [200, 200, 200]
    assert code == 0
    assert seconds < 60  # `drain_seconds` and what an idle machine needs are under ten
    assert set(late) <= {200, 503}


def statuses_until_gone(running: Service) -> list[int]:
    found = []
    for _ in range(100):
        try:
            found.append(running.post(hand()).status_code)
        except httpx.TransportError:
            break
    return found


def test_no_name_no_id_no_address_is_in_the_log_or_in_temporary_files(tmp_path: Path) -> None:
    files = pytest.importorskip("dicom_files")
    film = files.written(files.dicom(PatientID="MRN-4711", PatientName="DOE^JANE"))
    with service("--record", tmp_path / "room.db", env={"TMPDIR": str(tmp_path)}) as running:
        url = f"{running.url}/api/readings"
        data = {"patient_id": "MRN-4711", "who": "AB"}
        sent = {"film": ("DOE^JANE 4711.dcm", film)}
        assert httpx.post(url, files=sent, data=data, timeout=60).status_code == 200
        httpx.post(url, files=sent, data={"sex": "DOE^JANE 4711"}, timeout=60)
        httpx.post(url, content=film[:2000], params={"patient": "MRN-4711"}, timeout=60)
        httpx.get(f"{running.url}/DOE^JANE/4711?DOE", timeout=60)
        during = [path.name for path in tmp_path.rglob("*")]
        running.stop()
        log = "".join(running.log)
    assert "POST /api/readings 200" in log
    held = log.encode() + b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (b"4711", b"DOE", b"JANE"):
        assert secret not in held
    assert {name.partition("-")[0] for name in during} == {"room.db", "room.db.key"}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--host", "0.0.0.0"), "--token-file"),
        (("--host", "0.0.0.0", "--token-file", "token"), "--plain-http"),
        (("--host", "999.0.0.1", "--token-file", "token", "--plain-http"), "cannot be listened on"),
        (("--tls-cert", "none.pem", "--tls-key", "none.pem"), "no certificate"),
        (("--tls-key", "none.pem"), "belong together"),
        (("--tls-cert", "none.pem"), "belong together"),
        (("--token-file", "latin"), "no token"),
        (("--token-file", "folder"), "cannot be read"),
        (("--model", "nothing"), "no trained weights"),
        (("--record", "nowhere/room.db"), "cannot be written"),
        (("--keep-films", "films"), "needs --record"),
        (("--keep-films", "latin", "--record", "room.db"), "cannot be written"),
    ],
)
def test_mistakes_on_the_command_line_are_one_sentence(words: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("ein schlüssel, lang genug".encode("latin-1"))
    (tmp_path / "folder").mkdir()
    for name in ("latin", "folder"):
        (tmp_path / name).chmod(0o700)
    ended = child("serve", "--port", "0", *words, cwd=tmp_path)
    check_sentence(ended.returncode, ended.stderr, because=reason)


@pytest.mark.parametrize("package", ["fastapi", "alembic", "reportlab"])
def test_without_its_packages_it_says_which_install_it_needs(package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None\nfrom boneage.apps.cli import main; main()"
    ended = child("serve", "--port", "0", code=code)
    check_sentence(ended.returncode, ended.stderr, because="boneage[serve]")


def test_a_port_in_use_is_one_sentence(short: Service) -> None:
    ended = child("serve", "--port", short.port)
    check_sentence(ended.returncode, ended.stderr, because="cannot be listened on")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the certificate is made with openssl")
def test_with_a_certificate_it_speaks_tls_and_asks_for_the_token(tmp_path: Path) -> None:
    certificate(tmp_path)
    place = ("--host", "0.0.0.0", "--token-file", tmp_path / "token")
    with service(*place, "--tls-cert", tmp_path / "cert.pem", "--tls-key", tmp_path / "key.pem") as running:
        trusted = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
        assert running.url.startswith("https")
        url = f"{running.url}/api/version"
        assert httpx.get(url, verify=trusted).status_code == 401
        token = {"authorization": f"Bearer {(tmp_path / 'token').read_text().strip()}"}
        assert json.loads(httpx.get(url, verify=trusted, headers=token).text)["model"] == "default"
        assert (tmp_path / "token").read_text().strip() not in "".join(running.log)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the certificate is made with openssl")
def test_a_handshake_that_never_comes_is_cut(tmp_path: Path) -> None:
    certificate(tmp_path)
    limits = Limits(running=1, head_seconds=0.5)

    async def silent() -> float:
        config = uvicorn.Config(
            FastAPI(), loop="asyncio", ssl_certfile=tmp_path / "cert.pem", ssl_keyfile=tmp_path / "key.pem"
        )
        config.load()
        listener = socket.create_server(("127.0.0.1", 0))
        server = Server(config, FastAPI(), limits)
        serving = asyncio.create_task(server._serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        began = asyncio.get_running_loop().time()
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        await reader.read()
        took = asyncio.get_running_loop().time() - began
        writer.close()
        server.should_exit = True
        await serving
        return took

    assert 0.3 < asyncio.run(silent()) < 30  # seconds; uvicorn alone would wait for a minute
