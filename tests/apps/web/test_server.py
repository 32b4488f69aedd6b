"""The server as a process: how it starts, what it logs, and how it stops."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import ssl
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn
from command import check_sentence, child, refused
from fastapi import FastAPI
from hands import hand
from services import SHORT, ServiceProcess, answer_of, certificate, head, httpx, service

from boneage.apps.web.limits import HttpLimits
from boneage.apps.web.server import Server


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_told_to_stop_it_finishes_what_runs_and_ends_with_0() -> None:
    with (
        service(code=SHORT.replace("waiting=2", "waiting=2, drain_seconds=60")) as running,
        ThreadPoolExecutor(3) as crowd,
    ):
        films = [crowd.submit(running.post, hand(size=1500)) for _ in range(3)]
        while "boneage_films_inside 3.0" not in httpx.get(f"{running.url}/metrics", timeout=60).text:
            if all(film.done() for film in films):
                break
            time.sleep(0.02)
        late: list[int] = []
        stopping = threading.Thread(target=lambda: late.extend(statuses_until_gone(running)))
        stopping.start()
        code, _ = running.stop()
        stopping.join()
        assert [film.result().status_code for film in films] == [200, 200, 200]
    assert code == 0
    assert set(late) <= {200, 503}


STUCK = (
    SHORT.replace("waiting=2", "waiting=2, drain_seconds=0.5")
    + """
import time
from boneage.reading import occlusion
occlusion.over_film = lambda *_: time.sleep(600)
"""
)  # a service whose heat maps take longer than anybody waits


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_films_that_are_not_done_in_time_get_503_and_the_service_ends() -> None:
    with service(code=STUCK) as running, ThreadPoolExecutor(3) as crowd:
        films = [crowd.submit(running.post, hand(), sex="female", heatmap="true") for _ in range(3)]
        while "boneage_films_inside 3.0" not in httpx.get(f"{running.url}/metrics", timeout=60).text:
            assert [film.result().text for film in films if film.done()] == []
            time.sleep(0.02)
        code, _ = running.stop()
        answers = [film.result() for film in films]
    assert code == 0
    assert [answer.status_code for answer in answers] == [503, 503, 503]
    assert all(answer.headers["retry-after"] for answer in answers)
    assert "Traceback" not in "".join(running.log)


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_six_heat_maps_inside_are_given_or_refused_and_none_is_a_fault() -> None:
    """Some may be done within the grace time; `benchmarks/serve.py` measures that it then ends within 10 s."""
    with (
        service(code=SHORT.replace("waiting=2", "waiting=5, drain_seconds=1")) as running,
        ThreadPoolExecutor(6) as crowd,
    ):
        films = [crowd.submit(running.post, hand(size=1000), sex="female", heatmap="true") for _ in range(6)]
        while not any(film.done() for film in films):
            if "boneage_films_inside 6.0" in httpx.get(f"{running.url}/metrics", timeout=60).text:
                break
            time.sleep(0.02)
        code, seconds = running.stop()
        statuses = Counter(film.result().status_code for film in films)
    assert code == 0
    assert statuses[200] + statuses[503] == 6, statuses
    assert "Traceback" not in "".join(running.log)
    assert seconds < 60


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_a_film_that_is_still_being_sent_gets_503_too() -> None:
    with service(code=STUCK) as running, running.connection() as connection:
        connection.sendall(head("POST", "/api/readings", "Content-Type: image/png", "Content-Length: 1000") + b"part")
        assert httpx.get(f"{running.url}/api/health", timeout=60).status_code == 200  # the part has arrived by then
        code, _ = running.stop()
        status, _ = answer_of(connection)
    assert (code, status) == (0, 503)
    assert "Traceback" not in "".join(running.log)


def statuses_until_gone(running: ServiceProcess) -> list[int]:
    found = []
    for _ in range(100):
        try:
            found.append(running.post(hand()).status_code)
        except httpx.TransportError:
            break
    return found


def test_no_name_no_id_no_address_is_in_the_log_or_in_temporary_files(tmp_path: Path) -> None:
    files = pytest.importorskip("dicom_files")
    film = files.written(files.dicom(PatientID="MRN-Q4711", PatientName="DOE^JANE"))
    with service("--record", tmp_path / "readings.db", env={"TMPDIR": str(tmp_path)}) as running:
        url = f"{running.url}/api/readings"
        data = {"patient_id": "MRN-Q4711", "who": "AB"}
        sent = {"film": ("DOE^JANE Q4711.dcm", film)}
        assert httpx.post(url, files=sent, data=data, timeout=60).status_code == 200
        httpx.post(url, files=sent, data={"sex": "DOE^JANE Q4711"}, timeout=60)
        httpx.post(url, content=film[:2000], params={"patient": "MRN-Q4711"}, timeout=60)
        httpx.get(f"{running.url}/DOE^JANE/Q4711?DOE", timeout=60)
        during = [path.name for path in tmp_path.rglob("*")]
        running.stop()
        log = "".join(running.log)
    assert "POST /api/readings 200" in log
    held = log.encode() + b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (b"Q4711", b"DOE", b"JANE"):
        assert secret not in held
    assert {name.partition("-")[0] for name in during} == {"readings.db", "readings.db.key"}


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
        (("--record", "nowhere/readings.db"), "cannot be written"),
        (("--keep-films", "films"), "needs --record"),
        (("--keep-films", "latin", "--record", "readings.db"), "cannot be written"),
    ],
)
def test_mistakes_on_the_command_line_are_one_sentence(
    words: tuple[str, ...], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "latin").write_bytes("ein schlüssel, lang genug".encode("latin-1"))
    (tmp_path / "folder").mkdir()
    for name in ("latin", "folder"):
        (tmp_path / name).chmod(0o700)
    refused("serve", "--port", "0", *words, because=reason)


@pytest.mark.parametrize("package", ["fastapi", "alembic", "reportlab"])
def test_without_its_packages_it_says_which_install_it_needs(package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None\nfrom boneage.apps.cli import main; main()"
    ended = child("serve", "--port", "0", code=code)
    check_sentence(ended.returncode, ended.stderr, because="boneage[serve]")


def test_a_port_in_use_is_one_sentence(short: ServiceProcess) -> None:
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
    limits = HttpLimits(head_seconds=0.5)

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

    assert 0.3 < asyncio.run(silent()) < 30  # without the limit it would be 60
