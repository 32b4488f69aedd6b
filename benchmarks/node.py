"""The DICOM node against its bars, on this machine: `boneage node start` in a process apart, synthetic hands, loopback.

python benchmarks/node.py --out docs/results/node.json          all of it, some twenty minutes, as root
python benchmarks/node.py --only speed --films 40               parts of it, shorter

A part's figures replace those of the same part in the file of results, the others stay.

`speed`: seconds from a film's sending to its last document in the PACS, warm; films received a second. `kills`: the
node is killed (kill -9) at random moments while films come, the PACS is down for a while, and the spool is full for a
while; every film that was acknowledged must be answered exactly once. `hostile`: garbage, PDUs of 4 GiB and half-open
connections, foreign titles and UIDs that are paths, from another address; a C-ECHO a second, and the node's memory.
`container`: seconds of `boneage container` for five films, as a user without rights, with a read-only root and no
network, each time in a process of its own and with nothing of it in the page cache.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import multiprocessing
import os
import platform
import random
import socket
import statistics
import struct
import sys
import tempfile
import threading
import time
import warnings
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pydicom

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from clinical_films import film, hand_pixels
from confined import USER, confined
from nodes import NodeProcess, toml
from pacs import Pacs, echo, pacs, sender

from boneage.files import json_value, write_json

DOCUMENTS = 3  # of a film, at the PACS
ONE_BY_ONE = 11  # films whose latency is measured; the first of the process is told apart
EVIL = "127.0.0.2"
PAUSE = 0.02  # seconds between two attacks of a kind
PARTS = ["speed", "kills", "hostile", "container"]


def films(count: int, size: tuple[int, int] = (1000, 1000)) -> list[bytes]:
    """Different films of one hand, 2 MB each with `size` 1000 x 1000."""
    pixels = cv2.resize(hand_pixels(512), size, interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(1).integers(0, 8, pixels.shape)
    pixels = np.clip(pixels.astype(int) + noise, 0, 4095).astype(np.uint16)
    return [
        film(pixels, SOPInstanceUID=f"1.2.3.{number}", StudyInstanceUID=f"1.2.4.{number}") for number in range(count)
    ]


def sent(port: int, offered: list[bytes]) -> list[bool]:
    """Send films in one association; whether each was acknowledged."""
    datasets = [pydicom.dcmread(io.BytesIO(one)) for one in offered]
    association = sender().associate("127.0.0.1", port, ae_title="BONEAGE")
    found = [False] * len(offered)
    for number, dataset in enumerate(datasets):
        if not association.is_established:
            break
        with contextlib.suppress(ValueError, RuntimeError):
            found[number] = association.send_c_store(dataset).get("Status") == 0
    if association.is_established:
        association.release()
    return found


def speed(folder: Path, count: int) -> dict[str, Any]:
    """Latency of films one by one, then films as fast as they are taken."""
    with pacs() as archive:
        process = NodeProcess(toml(folder, archive))
        offered = films(count + ONE_BY_ONE)
        took = []
        for number, one in enumerate(offered[:ONE_BY_ONE], start=1):
            began = time.perf_counter()
            assert sent(process.port, [one]) == [True]
            archive.wait(DOCUMENTS * number)
            took.append(time.perf_counter() - began)
        began = time.perf_counter()
        acknowledged = sent(process.port, offered[ONE_BY_ONE:])
        received = time.perf_counter() - began
        archive.wait(DOCUMENTS * (count + ONE_BY_ONE), 3600)
        answered = time.perf_counter() - began
        process.stop()
    return {
        "film_bytes": len(offered[0]),
        "first_seconds_to_documents": took[0],
        "seconds_to_documents": {"median": statistics.median(took[1:]), "worst": max(took[1:]), "n": len(took[1:])},
        "received_a_second": count / received,
        "answered_a_second": count / answered,
        "films": count,
        "lost": count - sum(acknowledged),
        "sent_twice": sum(copies > 1 for copies in archive.copies.values()),
    }


def kills(folder: Path, rounds: int) -> dict[str, Any]:
    """Kill the node at random moments under load; in some rounds the PACS is down, or the spool nearly full."""
    chance = random.Random(1)
    acknowledged: set[str] = set()
    unsure = 0
    with pacs() as archive:
        for number in range(rounds):
            if number % 5 == 2:
                archive.down()
            full = "spool = 400_000\nobject = 200_000\npartial = 200_000" if number % 5 == 4 else ""
            process = NodeProcess(toml(folder, archive, limits=full))
            offered = {f"1.2.3.{number}.{one}": film(SOPInstanceUID=f"1.2.3.{number}.{one}") for one in range(4)}
            killer = threading.Timer(chance.uniform(0.05, 3), process.process.kill)
            killer.start()
            for uid, one in offered.items():
                with contextlib.suppress(Exception):
                    is_there = sent(process.port, [one])[0]
                    acknowledged |= {uid} if is_there else set()
                    unsure += not is_there
            killer.join()
            process.kill()
            if number % 5 == 2:
                archive.up()
        process = NodeProcess(toml(folder, archive))
        wait_until_answered(archive, acknowledged)
        process.stop()
        answered = sources(archive)
    return {
        "rounds": rounds,
        "acknowledged": len(acknowledged),
        "not_acknowledged": unsure,
        "answered_of_acknowledged": len(acknowledged & answered.keys()),
        "answered_more_than_once": sum(count != 1 for count in answered.values()),
        "objects_that_came_again": sum(copies > 1 for copies in archive.copies.values()),
        "objects_that_came_again_with_other_bytes": len(archive.differing),
    }


def sources(archive: Pacs) -> dict[str, int]:
    """For each film, how many different pages there are of it."""
    found: dict[str, int] = {}
    for one in archive.datasets():
        if one.Modality == "DOC":
            uid = one.SourceInstanceSequence[0].ReferencedSOPInstanceUID
            found[uid] = found.get(uid, 0) + 1
    return found


def wait_until_answered(archive: Pacs, acknowledged: set[str], seconds: float = 900) -> None:
    end = time.monotonic() + seconds
    while acknowledged - sources(archive).keys() and time.monotonic() < end:
        time.sleep(1)
    time.sleep(3)  # what would come twice comes now


def hostile(folder: Path, seconds: float) -> dict[str, Any]:
    """What others wait for a C-ECHO, and the node's memory, while one address sends nonsense."""
    with pacs() as archive:
        process = NodeProcess(toml(folder, archive))
        idle = memory(process.process.pid)
        ended = multiprocessing.Event()
        kinds = (garbage, giants, half_open, strangers, climbers)
        attackers = [multiprocessing.Process(target=one, args=(process.port, ended)) for one in kinds]
        for attacker in attackers:
            attacker.start()
        took, most = [], 0.0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.perf_counter()
            status = echo(process.port)
            took.append(time.perf_counter() - began if status == 0 else float("inf"))
            most = max(most, memory(process.process.pid))
            time.sleep(0.5)
        ended.set()
        for attacker in attackers:
            attacker.join()
        names = {path.name for path in folder.rglob("*") if "evil" in path.name}
        process.stop()
    return {
        "echoes": len(took),
        "echo_seconds": {"median": statistics.median(took), "worst": max(took)},
        "mebibytes_over_idle": round(most - idle, 1),
        "files_by_names_of_senders": len(names),
    }


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(EVIL, 0))


def garbage(port: int, ended: Event) -> None:
    while not ended.is_set():
        with contextlib.suppress(OSError), connected(port) as peer:
            peer.sendall(os.urandom(10_000))
        ended.wait(PAUSE)


def giants(port: int, ended: Event) -> None:
    """PDUs of 4 GiB, of which a good part is sent."""
    while not ended.is_set():
        with contextlib.suppress(OSError), connected(port) as peer:
            peer.sendall(b"\x01\x00" + struct.pack(">I", 2**32 - 1))
            for _ in range(100):
                peer.sendall(bytes(100_000))
        ended.wait(PAUSE)


def half_open(port: int, ended: Event) -> None:
    """300 connections that say nothing, again and again."""
    while not ended.is_set():
        with contextlib.ExitStack() as held:
            for _ in range(300):
                with contextlib.suppress(OSError):
                    held.enter_context(connected(port))
            ended.wait(2)


def strangers(port: int, ended: Event) -> None:
    """Associations by a title that the node does not have."""
    while not ended.is_set():
        with contextlib.suppress(Exception):
            echo(port, called="../../ELSE")
        ended.wait(PAUSE)


def climbers(port: int, ended: Event) -> None:
    """Films whose UID is a path. No library sends such a UID: it takes the place of a good one on its way."""
    warnings.simplefilter("ignore")  # of pydicom, about that UID in the answer
    good, evil = b"1.2.999999999999999999", b"../../../../tmp/evil//"
    offered = film(SOPInstanceUID=good.decode())
    while not ended.is_set():
        with contextlib.suppress(Exception):
            association = sender().associate("127.0.0.1", port, ae_title="BONEAGE", bind_address=(EVIL, 0))
            plain = association.dul.socket.send
            association.dul.socket.send = lambda data, plain=plain: plain(bytes(data).replace(good, evil))
            association.send_c_store(pydicom.dcmread(io.BytesIO(offered)))
            association.release()
        ended.wait(PAUSE)


def container(folder: Path, runs: int) -> dict[str, Any]:
    """Five films of 2 MB from folder to folder, again and again."""
    took = []
    for number in range(runs):
        source, target = folder / f"in{number}", folder / f"out{number}"
        for place in (source, target):
            place.mkdir(parents=True)
        for one, data in enumerate(films(5)):
            (source / f"1.2.{one}#1.3.{one}.dcm").write_bytes(data)
        with contextlib.suppress(OSError):
            os.sync()
            Path("/proc/sys/vm/drop_caches").write_text("3")
        began = time.perf_counter()
        ended = confined(source, target)
        took.append(time.perf_counter() - began)
        assert ended.returncode == 0, ended.stderr
        assert len(list(target.glob("*.dcm"))) == 5 * 4
    return {"films": 5, "user": USER, "seconds": {"median": statistics.median(took), "worst": max(took), "n": runs}}


def memory(pid: int) -> float:
    """Resident mebibytes of a process and its children."""
    pages = 0
    for process in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = process.read_text().rpartition(")")[2].split()
            if int(process.parent.name) == pid or int(words[1]) == pid:
                pages += int(words[21])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    parts = {
        "speed": lambda folder: speed(folder, asked.films),
        "kills": lambda folder: kills(folder, asked.rounds),
        "hostile": lambda folder: hostile(folder, asked.seconds),
        "container": lambda folder: container(folder, asked.runs),
    }
    found: dict[str, Any] = json_value(asked.out.read_text()) if asked.out and asked.out.exists() else {}
    found["machine"] = f"{os.cpu_count()} cores, {platform.machine()}"
    for name in asked.only:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = parts[name](Path(folder))
        print(name, found[name], flush=True)
    if asked.out:
        write_json(asked.out, found)


if __name__ == "__main__":
    main()
