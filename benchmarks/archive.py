"""An archive's growth: planning, reading, memory, resuming and merging at several sizes, kills, engines, two cores.

python benchmarks/archive.py --out docs/results/archive.json                    all of it, some hours
python benchmarks/archive.py --only plan scaling --films 1000                   parts of it, shorter
python benchmarks/archive.py --only kills --films 4000 --engines processes ray

Films are 299-px synthetic hands, a few hundred distinct ones under as many names as are asked for (hard links): so a
file is more often in the system's cache than an archive's would be. `growth` reads them; `bookkeeping` is everything
but reading (see `archive_stand_in.py`) in shards of the usual size, for sizes at which reading would take days. A
part's figures replace those of the same part in the file of results, the others stay.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import archive_stand_in

from boneage.data.phantom import write_folder
from boneage.data.workers import cores
from boneage.files import json_value, sha256, write_json
from boneage.reading.archive import run as runs
from boneage.reading.archive.job import Job
from boneage.reading.archive.merge import merge
from boneage.reading.archive.plan import SHARD_SIZE, plan
from boneage.reading.archive.run import run
from boneage.reading.archive.sources import source_of

DISTINCT = 200  # films that are drawn
IN_FOLDER = 1000  # names
ENGINES = {
    "processes": ("run", "--workers", "2"),
    "shards": ("run", "--workers", "1", "--shard"),  # one process for each of two parts, as under a scheduler
    "ray": ("run", "--engine", "ray", "--workers", "2"),
}


class Bench:
    """Where the films lie, and what is asked for."""

    def __init__(self, folder: Path, asked: argparse.Namespace) -> None:
        self.folder, self.asked = folder, asked
        drawn = write_folder(folder / "drawn", DISTINCT, seed=1, size=299)
        self.drawn = sorted((drawn / "images").iterdir())

    def films(self, count: int) -> Path:
        """A folder of so many films."""
        place = self.folder / f"films-{count}"
        for number in range(count if not place.exists() else 0):
            below = place / f"{number // IN_FOLDER:05d}"
            if number % IN_FOLDER == 0:
                below.mkdir(parents=True)
            os.link(self.drawn[number % DISTINCT], below / f"{number:08d}.png")
        return place

    def job(self, count: int, shard_size: int) -> Job:
        """A new job for so many films."""
        place = Path(tempfile.mkdtemp(dir=self.folder, prefix="job-"))
        return plan(source_of(str(self.films(count))), place, shard_size=shard_size)


def planned(bench: Bench) -> dict[str, Any]:
    """Names a second from a folder into the manifest, and the memory of the process that plans."""
    found = {}
    for count in bench.asked.names:
        films = bench.films(count)
        code = (
            "import time, resource, sys; from boneage.reading.archive.plan import plan;"
            "from boneage.reading.archive.sources import source_of; began = time.perf_counter();"
            "job = plan(source_of(sys.argv[1]), sys.argv[2]);"
            "print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        )
        out = bench.folder / f"planned-{count}"
        seconds, memory = apart(code, films, out)
        manifest = sum(path.stat().st_size for path in (out / "manifest").iterdir())
        found[str(count)] = {
            "names_per_second": round(count / seconds),
            "memory_mb": round(memory / 1024),
            "manifest_bytes_per_film": round(manifest / count, 1),
        }
    return found


def apart(code: str, *paths: Path) -> list[float]:
    """The numbers that Python code prints in a process of its own, as a command has one."""
    told = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True)
    return [float(word) for word in told.stdout.split()]


def merged_rows(job: Job, out: Path) -> tuple[int, float]:
    """Merge a job in a process of its own; gives the rows and the seconds."""
    code = (
        "import time, sys; from boneage.reading.archive.job import Job;"
        "from boneage.reading.archive.merge import merge; job = Job.open(sys.argv[1]);"
        "began = time.perf_counter(); merged = merge(job, sys.argv[2]);"
        "print(merged.rows, time.perf_counter() - began)"
    )
    rows, seconds = apart(code, job.folder, out)
    return int(rows), seconds


@contextmanager
def watched(process: int) -> Iterator[list[tuple[float, int, int]]]:
    """Seconds, memory of this process and of the largest below it in MB, every half second."""
    seen, over, began = list[tuple[float, int, int]](), threading.Event(), time.perf_counter()

    def watch() -> None:
        while not over.wait(0.5):
            workers = [resident(one) for one in below(process)]
            seen.append((time.perf_counter() - began, resident(process), max(workers, default=0)))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def resident(process: int) -> int:
    """The resident memory of a process in MB."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize() // 2**20
    except (OSError, IndexError):
        return 0


def below(process: int) -> list[int]:
    """The processes that a process and those below it have started."""
    found = []
    for path in Path(f"/proc/{process}/task").glob("*/children"):
        for child in path.read_text().split():
            found += [int(child), *below(int(child))]
    return found


def growth(bench: Bench, counts: list[int], shard_size: int, reader: type | None = None) -> dict[str, Any]:
    """Rate, memory, bytes, and the time to resume and to merge, by the number of films."""
    found = {}
    for count in counts:
        job = bench.job(count, shard_size)
        before, runs.FilmReader = runs.FilmReader, reader or runs.FilmReader  # type: ignore[misc]
        try:
            began = time.perf_counter()
            with watched(os.getpid()) as seen:
                ran = run(job, workers=bench.asked.workers)
            seconds = time.perf_counter() - began
            job.readings(job.plan.shards - 1).unlink()
            began = time.perf_counter()
            again = run(job, workers=bench.asked.workers)
            resumed = time.perf_counter() - began
        finally:
            runs.FilmReader = before  # type: ignore[misc]
        rows, merging = merged_rows(job, job.folder / "merged")
        late = [one for one in seen if one[0] > min(30.0, seconds / 4)]
        found[str(count)] = {
            "films": ran.films,
            "failed": ran.failed,
            "films_per_second": round(count / seconds, 2),
            "worker_mb": [min(one[2] for one in late), max(one[2] for one in late)],
            "run_mb": [min(one[1] for one in late), max(one[1] for one in late)],
            "readings_bytes_per_film": round(size_of(job.folder / "readings") / count, 1),
            "merged_bytes_per_film": round(size_of(job.folder / "merged") / count, 1),
            "resume_last_shard": {"films": again.films, "seconds": round(resumed, 2)},
            "merge_seconds": round(merging, 2),
            "merge_rows_per_second": round(rows / merging),
        }
        shutil.rmtree(job.folder)
    return found


def size_of(folder: Path) -> int:
    """The bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def hashes(job: Job) -> dict[str, str]:
    """The hash of every file of readings."""
    return {path.name: sha256(path.read_bytes()) for path in sorted(job.folder.glob("readings/*/*.parquet"))}


def started(job: Job, engine: str) -> list[subprocess.Popen[bytes]]:
    """The processes of a run by an engine, each the head of a group."""
    verb, *words = ENGINES[engine]
    command = [sys.executable, "-m", "boneage", "archive", verb, str(job.folder), *words]
    commands = [[*command, f"{part}/2"] for part in (1, 2)] if words[-1] == "--shard" else [command]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return [subprocess.Popen(one, start_new_session=True, **quiet) for one in commands]  # type: ignore[call-overload]


def finished(job: Job, engine: str) -> float:
    """Run to the end; gives the seconds."""
    began = time.perf_counter()
    for process in started(job, engine):
        if process.wait():
            raise SystemExit(f"{engine} ended with {process.returncode}")
    return time.perf_counter() - began


def killed(bench: Bench) -> dict[str, Any]:
    """Workers and whole runs are killed (kill -9) at random; then every film must be there once, as in a whole run.

    A job that is done before there were so many kills had too few films for them.
    """
    found = {}
    chance = random.Random(1)
    reference = bench.job(bench.asked.films, bench.asked.kill_shard)
    run(reference, workers=bench.asked.workers)
    for engine in bench.asked.engines:
        job = bench.job(bench.asked.films, bench.asked.kill_shard)
        whole = workers = ended = 0
        while whole + workers < bench.asked.kills and len(list(job.finished())) < job.plan.shards:
            processes = started(job, engine)
            while all(one.poll() is None for one in processes) and not any(workers_of(one.pid) for one in processes):
                time.sleep(0.1)  # an engine may take long to start: nothing is killed before there is a worker
            for _ in range(chance.randint(1, 4)):  # kills in one run: workers first, the run itself last
                time.sleep(chance.uniform(0.3, bench.asked.longest))
                there = [one for process in processes if process.poll() is None for one in workers_of(process.pid)]
                if there:
                    kill(chance.choice(there))
                    workers += 1
            if all(process.poll() is not None for process in processes):
                ended += 1
            else:
                whole += 1
            for process in processes:
                for one in [*below(process.pid), process.pid]:
                    kill(one)
                process.wait()
        left = [path.name for path in job.work.glob("[0-9]*")]
        finished(job, engine)
        found[engine] = {
            "films": bench.asked.films,
            "kills": {"workers": workers, "whole runs": whole},
            "runs that ended before their kill": ended,
            "journals and claims before the last run": len(left),
            "left afterwards": len(list(job.work.glob("[0-9]*"))),
            "same bytes as an unbroken run": hashes(job) == hashes(reference),
            "merged films": merge(job, job.folder / "merged").films,
        }
        print(engine, found[engine], flush=True)
    return found


def workers_of(process: int) -> list[int]:
    """The processes below one that read films."""
    found = []
    for one in below(process):
        try:
            words = Path(f"/proc/{one}/cmdline").read_bytes()
        except OSError:
            continue
        if b"boneage.data.workers" in words or words.startswith(b"ray::read_shard"):
            found.append(one)
    return found


def kill(process: int) -> None:
    """kill -9, of one process that this command has started."""
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def engines(bench: Bench) -> dict[str, Any]:
    """The same films by every engine, to the same bytes."""
    found, seen = {}, {}
    for engine in bench.asked.engines:
        job = bench.job(bench.asked.engine_films, bench.asked.shard_size)
        seconds = finished(job, engine)
        seen[engine] = hashes(job)
        rate = round(bench.asked.engine_films / seconds, 2)
        found[engine] = {"films": bench.asked.engine_films, "films_per_second": rate}
    first = next(iter(seen.values()))
    return found | {"same bytes": all(one == first for one in seen.values())}


def scaling(bench: Bench) -> dict[str, Any]:
    """Two workers against one, in turns, on the same films."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(bench.asked.turns):
        for count in rates:
            job = bench.job(bench.asked.films, bench.asked.shard_size)
            began = time.perf_counter()
            run(job, workers=count)
            rates[count].append(bench.asked.films / (time.perf_counter() - began))
            shutil.rmtree(job.folder)
    ratios = [two / one for one, two in zip(rates[1], rates[2], strict=True)]
    middle = {str(count): round(statistics.median(values), 2) for count, values in rates.items()}
    spans = [round(value, 2) for value in sorted(ratios)]
    return {"films": bench.asked.films, "films_per_second": middle, "two to one": spans}


def odd(bench: Bench) -> dict[str, Any]:
    """A folder in which a thousand files are broken or no films: what they cost."""
    times, kinds = {}, (b"", b"text", b"\x89PNG\r\n\x1a\n\0\0\0\0", bench.drawn[0].read_bytes()[:2000], bytes(500))
    for name, broken in (("without", 0), ("with", 1000)):
        place = bench.folder / f"odd-{name}"
        place.mkdir()
        for number in range(bench.asked.films):
            os.link(bench.drawn[number % DISTINCT], place / f"{number:06d}.png")
        for number in range(broken):
            (place / f"broken-{number:04d}.png").write_bytes(kinds[number % len(kinds)])
        if broken:
            os.mkfifo(place / "pipe.png")
            (place / "round").symlink_to(place / "round")
        job = plan(source_of(str(place)), bench.folder / f"odd-job-{name}", shard_size=bench.asked.shard_size)
        began = time.perf_counter()
        ran = run(job, workers=bench.asked.workers)
        times[name] = {"films": ran.films, "failed": ran.failed, "seconds": round(time.perf_counter() - began, 1)}
    return times


PARTS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "plan": planned,
    "growth": lambda bench: growth(bench, bench.asked.read, bench.asked.shard_size),
    "bookkeeping": lambda bench: growth(bench, bench.asked.counts, SHARD_SIZE, archive_stand_in.StandInReader),
    "scaling": scaling,
    "engines": engines,
    "kills": killed,
    "odd": odd,
}


def paper(found: dict[str, Any], films: float = 1e8, price: float = 0.04) -> dict[str, Any]:
    """What so many films need, from the figures above: a model on paper, not a measurement; empty without them."""
    if not {"growth", "plan", "bookkeeping", "scaling"} <= found.keys():
        return {}
    largest = max(found["growth"].values(), key=lambda one: one["films"])
    book = max(found["bookkeeping"].values(), key=lambda one: one["films"])
    names = max(found["plan"].items(), key=lambda one: int(one[0]))[1]
    rate = found["scaling"]["films_per_second"]["1"]
    hours = films / rate / 3600
    return {
        "films": films,
        "films_per_second_and_core": rate,
        "core_hours": round(hours),
        "cost": {"price_a_core_hour": price, "total": round(hours * price)},
        "hours_on_cores": {str(cores): round(hours / cores, 1) for cores in (100, 1000, 10_000)},
        "shards_of_2000": round(films / 2000),
        "plan_hours": round(films / names["names_per_second"] / 3600, 2),
        "manifest_gb": round(films * names["manifest_bytes_per_film"] / 1e9, 1),
        "readings_gb": round(films * largest["readings_bytes_per_film"] / 1e9, 1),
        "merge_hours": round(films / book["merge_rows_per_second"] / 3600, 2),
        "store_requests": {"lists": round(films / 1000), "heads and gets": round(2 * films)},
    }


def asked_for() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--read", nargs="+", type=int, default=[1000, 10_000, 100_000], help="films of growth")
    parser.add_argument("--counts", nargs="+", type=int, default=[1000, 10_000, 100_000], help="of bookkeeping")
    parser.add_argument("--names", nargs="+", type=int, default=[100_000, 1_000_000], help="of plan")
    parser.add_argument("--films", type=int, default=1000, help="of scaling, kills and odd")
    parser.add_argument("--engine-films", type=int, default=20_000)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--longest", type=float, default=4.0, help="seconds between two kills, at the most")
    parser.add_argument("--kill-shard", type=int, default=50)
    parser.add_argument("--shard-size", type=int, default=500)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--workers", type=int, default=cores())
    return parser.parse_args()


def main() -> None:
    asked = asked_for()
    found: dict[str, Any] = json_value(asked.out.read_bytes()) if asked.out and asked.out.exists() else {}
    with tempfile.TemporaryDirectory(prefix="boneage-archive-") as folder:
        bench = Bench(Path(folder), asked)
        for part in asked.only:
            found[part] = PARTS[part](bench)
            print(part, found[part], flush=True)
            if figures := paper(found):
                found["paper"] = figures
            found["machine"] = f"{platform.processor() or platform.machine()}, {cores()} cores"
            if asked.out:
                write_json(asked.out, found)


if __name__ == "__main__":
    main()
