"""The web service against its bars, on this machine: `boneage serve` in a process apart, synthetic hands, loopback.

python benchmarks/serve.py --out docs/results/serve.json                 all of it, some ten minutes
python benchmarks/serve.py --only overload slow --seconds 20             parts of it, shorter
python benchmarks/serve.py --only schema                                 schemathesis, 200 examples an operation

`page` needs playwright and Debian's chromium, `schema` needs schemathesis; both are left out where they are missing.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from schema_run import run
from services import DROP, PATIENT, ServiceProcess, service

from boneage.data.phantom import draw
from boneage.files import write_json

FILM_BYTES = 2_000_000
SLOW = 300
READINGS = 2000
TURNS = 3  # of overload, and of the best without
Asked = tuple[int, float]  # status and seconds


def film() -> bytes:
    """A PNG of a synthetic hand with about `FILM_BYTES` bytes, 2000 x 1500 pixels, grain and all."""
    rng = np.random.default_rng(1)
    hand = draw(rng, months=120, size=1500).pixels
    hand = cv2.resize(hand, (1500, 2000), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    grain = rng.normal(0, 6, hand.shape)
    return cv2.imencode(".png", np.clip(hand + grain, 0, 255).astype(np.uint8))[1].tobytes()


class Client(http.client.HTTPConnection):
    """A connection that is kept: the plainest client there is, since it works on the cores that it measures."""

    def __init__(self, served: ServiceProcess) -> None:
        super().__init__("localhost", served.port, timeout=60)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, float]:
        """Status and seconds of one request."""
        began = time.perf_counter()
        self.request(method, path, body, {"content-type": "image/png"} if body else {})
        answer = self.getresponse()
        answer.read()
        return answer.status, time.perf_counter() - began

    def reading(self, data: bytes) -> tuple[int, float]:
        """Status and seconds of one reading."""
        return self.ask("POST", "/api/readings?sex=female", data)


def spread(seconds: list[float]) -> dict[str, float]:
    """Median, 99th percentile and largest, in seconds."""
    ordered = sorted(seconds)
    last = ordered[min(len(ordered) - 1, round(0.99 * (len(ordered) - 1)))]
    return {"median": round(statistics.median(ordered), 4), "p99": round(last, 4), "largest": round(ordered[-1], 4)}


def crowd(served: ServiceProcess, data: bytes, clients: int, seconds: float, pause: float = 0) -> list[Asked]:
    """So many clients that ask again as soon as they are answered; status and seconds of each request."""
    found: list[Asked] = []
    end = time.monotonic() + seconds

    def ask() -> None:
        with contextlib.closing(Client(served)) as client:
            while time.monotonic() < end:
                got = client.reading(data)
                found.append(got)
                if got[0] == 503 and pause:
                    time.sleep(pause)

    with ThreadPoolExecutor(clients) as threads:
        for one in [threads.submit(ask) for _ in range(clients)]:
            one.result()
    return found


def summary(found: list[Asked], clients: int, seconds: float) -> dict[str, Any]:
    """What a crowd got."""
    statuses = Counter(status for status, _ in found)
    return {
        "clients": clients,
        "seconds": seconds,
        "statuses": dict(statuses),
        "per_second": round(statuses[200] / seconds, 2),
    } | spread([took for status, took in found if status == 200])


def overload(served: ServiceProcess, data: bytes, seconds: float) -> dict[str, Any]:
    """Four times as many requests a second as the service can read, whoever is told to come back pausing shortly.

    In turns with the best that it does without, since the speed of a machine drifts.
    """
    turn = seconds / TURNS
    few = max((2, 4), key=lambda clients: read(crowd(served, data, clients, turn)))
    many = 24  # ten are inside; the others ask, are refused, pause and ask again: four times what can be read
    health: list[float] = []
    calm, loaded, shares = list[Asked](), list[Asked](), list[float]()
    for _ in range(TURNS):
        best = crowd(served, data, few, turn)
        with watched(served, health):
            under = crowd(served, data, many, turn, pause=(many - 10) / (3.5 * read(best) / turn))
        calm, loaded, shares = calm + best, loaded + under, [*shares, round(read(under) / read(best), 3)]
    asked = len(loaded) / seconds
    alone, crowded = summary(calm, few, seconds), summary(loaded, many, seconds)
    return {
        "best": alone,
        "overload": crowded | {"asked_per_second": round(asked, 1), "times": round(asked / alone["per_second"], 1)},
        "throughput": round(read(loaded) / read(calm), 3),
        "throughputs": shares,
        "health": spread(health) | {"n": len(health)},
    }


def read(found: list[Asked]) -> int:
    """How many readings a crowd got."""
    return sum(status == 200 for status, _ in found)


@contextlib.contextmanager
def watched(served: ServiceProcess, seconds: list[float]) -> Iterator[None]:
    """Ask for the service's health every 50 ms meanwhile, and add the seconds that it takes to the list."""
    stop = threading.Event()

    def watch() -> None:
        with contextlib.closing(Client(served)) as client:
            while not stop.is_set():
                status, took = client.ask("GET", "/api/health")
                assert status == 200
                seconds.append(took)
                time.sleep(0.05)

    with ThreadPoolExecutor(1) as thread:
        watching = thread.submit(watch)
        try:
            yield
        finally:
            stop.set()
        watching.result()


@contextlib.contextmanager
def slow_clients(served: ServiceProcess) -> Iterator[None]:
    """300 connections: silent, with half a head, with a head and no body, with a body that drips."""
    head = b"POST /api/readings HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 2000000\r\n"
    starts = (b"", head[:40], head + b"\r\n", head + b"\r\n\x89PNG")
    opened: list[socket.socket] = []
    for number in range(SLOW):
        connection = served.connection()
        connection.sendall(starts[number % 4])
        opened.append(connection)
    yield
    for connection in opened:
        connection.close()


def slow(served: ServiceProcess, data: bytes, n: int) -> dict[str, Any]:
    """A normal reading's time alone, and among 300 slow or half-open clients."""
    with contextlib.closing(Client(served)) as client:
        alone = [client.reading(data) for _ in range(n)]
        with slow_clients(served):
            among = [client.reading(data) for _ in range(n)]
    assert {status for status, _ in alone + among} == {200}
    times = [[took for _, took in part] for part in (alone, among)]
    ratio = statistics.median(times[1]) / statistics.median(times[0])
    return {
        "n": n,
        "clients": SLOW,
        "alone": spread(times[0]),
        "among": spread(times[1]),
        "ratio": round(ratio, 2),
    }


def resident(served: ServiceProcess) -> float:
    """MiB of the server and its decoders."""
    pids, total = [served.process.pid], 0.0
    for pid in pids:
        task = Path(f"/proc/{pid}/task")
        pids += [int(child) for thread in task.iterdir() for child in (thread / "children").read_text().split()]
        found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
        total += int(found[1]) / 1024 if found else 0
    return round(total, 1)


def memory(served: ServiceProcess, data: bytes, n: int) -> dict[str, Any]:
    """Resident memory before and after so many readings by two clients, after fifty that warm the service up."""

    def ask(count: int) -> list[int]:
        with contextlib.closing(Client(served)) as client:
            return [client.reading(data)[0] for _ in range(count)]

    ask(50)
    before = resident(served)
    with ThreadPoolExecutor(2) as threads:
        statuses = Counter(status for part in threads.map(ask, [n // 2] * 2) for status in part)
    after = resident(served)
    growth = round(after - before, 1)
    return {"n": n, "statuses": dict(statuses), "before_mib": before, "after_mib": after, "growth_mib": growth}


def metrics(served: ServiceProcess) -> str:
    """The counters of the service, as text."""
    with contextlib.closing(Client(served)) as client:
        client.request("GET", "/metrics")
        return client.getresponse().read().decode()


def stop(data: bytes, films: int = 3, more: str = "") -> dict[str, Any]:
    """SIGTERM while so many films are inside; ``more``: what their address asks for."""
    path = f"/api/readings?sex=female{more}"
    with service() as served, ThreadPoolExecutor(films) as threads:
        inside = [threads.submit(Client(served).ask, "POST", path, data) for _ in range(films)]
        while not any(one.done() for one in inside) and f"films_inside {films}.0" not in metrics(served):
            time.sleep(0.01)
        code, seconds = served.stop()
        found = {"exit": code, "seconds": round(seconds, 2), "inside": sorted(one.result()[0] for one in inside)}
        return found | {"tracebacks": "".join(served.log).count("Traceback")}


def page(served: ServiceProcess, data: bytes, n: int) -> dict[str, Any]:
    """In headless Chromium: until the page is ready, what it transfers, and from a drop to the age."""
    from playwright.sync_api import expect, sync_playwright

    ready, ages, sizes = [], [], []
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(n):
            opened = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            bodies: list[Any] = []
            opened.on("response", lambda response, seen=bodies: seen.append(response))
            began = time.perf_counter()
            opened.goto(served.url)
            opened.wait_for_selector("body[data-ready]")
            ready.append(time.perf_counter() - began)
            sizes.append(sum(len(body.body()) for body in bodies))
            opened.evaluate("(data) => { window.film = atob(data); }", base64.b64encode(data).decode())
            opened.evaluate(DROP.replace("atob(data)", "window.film"), ["", "hand.png"])
            began = time.perf_counter()
            expect(opened.locator("#months")).to_contain_text(" months", timeout=60_000)
            ages.append(time.perf_counter() - began)
            opened.context.close()
        browser.close()
    return {
        "n": n,
        "ready": spread(ready),
        "transferred_bytes": max(sizes),
        "drop_to_age": spread(ages),
    }


def schema(examples: int) -> dict[str, Any]:
    """schemathesis, all checks."""
    with tempfile.TemporaryDirectory() as folder, service("--record", f"{folder}/readings.db", code=PATIENT) as served:
        ended = run(served.url, Path(folder), examples)
    print(re.sub(r".{1000,}", lambda line: f"{line[0][:400]} … {line[0][-400:]}", ended.stdout)[-20_000:])
    counted = re.search(r"(\d+) generated, (\d+) passed", ended.stdout)
    cases = {"cases": int(counted[1]), "passed": int(counted[2])} if counted else {}
    dropped = re.search(r"(\d+) \(dropped by `filter_failure`\)", ended.stdout)
    cases["dropped"] = int(dropped[1]) if dropped else 0
    return {"examples": examples, "exit": ended.returncode, **cases}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="*", default=["page", "slow", "overload", "memory", "stop", "stop-heat", "schema"]
    )
    parser.add_argument("--seconds", type=float, default=60, help="of overload")
    parser.add_argument("--n", type=int, default=20, help="readings a measurement")
    parser.add_argument("--readings", type=int, default=READINGS, help="for the memory")
    parser.add_argument("--examples", type=int, default=200, help="of schemathesis, an operation")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    data = film()
    found: dict[str, Any] = {"film_bytes": len(data), "cores": os.cpu_count()}
    if options.out and options.out.exists():
        found = json.loads(options.out.read_text()) | found
    measured: dict[str, Callable[[ServiceProcess], Any]] = {
        "page": lambda served: page(served, data, options.n),
        "slow": lambda served: slow(served, data, options.n),
        "overload": lambda served: overload(served, data, options.seconds),
        "memory": lambda served: memory(served, data, options.readings),
    }
    for name in options.only:
        if name in measured:
            with service() as served:
                for _ in range(4):
                    served.post(data)
                found[name] = measured[name](served)
        else:
            others = {"stop": stop, "stop-heat": partial(stop, films=6, more="&heatmap=true")}
            found[name] = others[name](data) if name in others else schema(options.examples)
        found[name]["load_average"] = round(os.getloadavg()[0], 1)  # of the whole machine, whoever else works on it
        print(name, json.dumps(found[name]), flush=True)
        if options.out:
            write_json(options.out, found)


if __name__ == "__main__":
    main()
