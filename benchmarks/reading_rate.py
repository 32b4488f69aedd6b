"""Films a second from file to row, here and by another checkout, in turn; where a film's time goes; and memory.

python benchmarks/reading_rate.py --data DIR --before CHECKOUT --out docs/results/reading_rate.json

The rate, and the time of a core for each film, are those of the whole command ``boneage predict FOLDER --csv OUT``, its
start and all checks included, on as many cores as this process may use. The stages are those of one film on one core.
Both times are the processor's own, so that other programs count less. Memory is the most that one of the command's
processes has had resident.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from boneage.config import Config
from boneage.data.dataset import open_folder
from boneage.data.split import choose
from boneage.data.workers import cores
from boneage.files import write_json
from boneage.reading.predictor import Predictor

HERE = Path(__file__).parents[1]
PAUSE = 0.1  # seconds between two looks at the memory of processes
WARM = 5  # films before the stages are timed
STAGED = 40  # films whose stages are timed
Way = tuple[Path, str]  # a checkout, and the model that it reads with
Answer = TypeVar("Answer")


def stages(films: list[str], model: str) -> dict[str, float]:
    """Milliseconds of each stage of a film on one core, the median over the films."""
    import cv2

    from boneage import Predictor, Sex
    from boneage.hand import quality
    from boneage.hand.prepare import analyse
    from boneage.images.guarded import read
    from boneage.reading.examination import Examination

    cv2.setNumThreads(1)
    predictor, times = Predictor.load(model, threads=1), dict[str, list[float]]()

    def timed(stage: str, work: Callable[[], Answer]) -> Answer:
        began = time.process_time()
        answer = work()
        times.setdefault(stage, []).append(1000 * (time.process_time() - began))
        return answer

    for path in films:
        film = timed("decode", lambda path=path: read(path))
        found = timed("find the hand", lambda film=film: analyse(film.pixels, predictor.spec))
        evidence = timed("judge the film", lambda film=film, found=found: quality.examine(film, found))
        seen = Examination(film, predictor.spec, found, found, evidence)
        timed("prepare the pixels", lambda seen=seen: seen.pixels)
        timed("networks", lambda seen=seen: predictor.predict_batch(seen.pixels[None], [Sex.FEMALE]))
        timed("all after decoding", lambda film=film: predictor.read(film, Sex.FEMALE).to_dict())
    return {stage: round(float(np.median(each[WARM:])), 2) for stage, each in times.items()}


class Run(NamedTuple):
    """One command: films a second, milliseconds of a core a film, MiB of its largest process, and the ages by film."""

    rate: float
    core: float
    memory: float
    months: dict[str, float | None]


def rate(films: Path, checkout: Path, model: str) -> Run:
    """Read a folder by one command."""
    with tempfile.TemporaryDirectory() as place:
        table = Path(place) / "ages.csv"
        words = [sys.executable, "-m", "boneage", "predict", str(films), "--csv", str(table), "--model", model]
        began, busy = time.perf_counter(), _busy()
        process = subprocess.Popen(words, env=environment(checkout), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        most, done = [0.0], threading.Event()
        watch = threading.Thread(target=_watch, args=(process.pid, done, most))
        watch.start()
        _, words_of_it = process.communicate()
        seconds = time.perf_counter() - began
        done.set()
        watch.join()
        if process.returncode not in (0, 3):
            raise SystemExit(f"{checkout}: {words_of_it.decode()[-500:]}")
        rows = list(csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines()))
    months = {row["id"]: float(row["bone_age_months"]) if row["bone_age_months"] else None for row in rows}
    return Run(len(rows) / seconds, 1000 * (_busy() - busy) / len(rows), most[0], months)


def _busy() -> float:
    """The seconds of a core that processes started here have taken so far, with those that they have started."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch(parent: int, done: threading.Event, most: list[float]) -> None:
    """Keep in ``most`` the largest resident memory, in MiB, of a process and of those that it has started."""
    while not done.wait(PAUSE):
        most[0] = max([most[0], *(_peak(pid) for pid in _family(parent))])


def _family(parent: int) -> list[int]:
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return [parent]
    return [parent, *(pid for child in children for pid in _family(int(child)))]


def _peak(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def environment(checkout: Path) -> dict[str, str]:
    """That of a process which runs another checkout's code."""
    return os.environ | {"PYTHONPATH": str(checkout / "src")}


def folder(data: Path, count: int, place: Path) -> list[str]:
    """Copy so many validation films, and the table of their sexes, into a folder; their paths."""
    about = Predictor.load().about
    chosen, _ = choose(open_folder(data), Config.from_dict(about["config"]).data, "validation", about["data"])
    samples = [sample for sample in chosen.samples if sample.path][:count]
    rows = [f"{sample.id},{sample.sex}" for sample in samples]
    (place / "films.csv").write_text("\n".join(["id,sex", *rows, ""]))
    return [shutil.copy(sample.path or "", place) for sample in samples]


def processor() -> str:
    """The processor's name, and whether it has the instructions that matter to networks in 8 bits."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    name = next((value.strip() for key, value in facts.items() if key.strip() == "model name"), "unknown")
    flags = next((value.split() for key, value in facts.items() if key.strip() == "flags"), [])
    return ", ".join([name, *(flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx_vnni") if flag in flags)])


def measured(ways: dict[str, Way], films: list[str], rounds: int) -> dict[str, Any]:
    """Each way's rate, memory and stages, and its rate as a multiple of the first one's, round by round."""
    runs: dict[str, list[Run]] = {way: [] for way in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            runs[name].append(rate(Path(films[0]).parent, *way))
            print(name, *(round(value, 1) for value in runs[name][-1][:3]), flush=True)
    found: dict[str, Any] = {}
    first = next(iter(runs.values()))
    for name, (checkout, model) in ways.items():
        words = [sys.executable, __file__, "--stages", model, *films[:STAGED]]
        told = subprocess.run(words, env=environment(checkout), check=True, capture_output=True, text=True)
        times = [own.rate / other.rate for own, other in zip(runs[name], first, strict=True)]
        found[name] = {
            "films_a_second": round(float(np.median([run.rate for run in runs[name]])), 2),
            "times": {"median": round(float(np.median(times)), 2), "low": min(times), "high": max(times)},
            "core_milliseconds": round(float(np.median([run.core for run in runs[name]])), 1),
            "largest_process_mib": round(max(run.memory for run in runs[name])),
            "largest_shift": _largest_shift(runs[name][0].months, first[0].months),
            "milliseconds": json.loads(told.stdout),
        }
    return found


def _largest_shift(months: dict[str, float | None], others: dict[str, float | None]) -> float:
    """In months; infinite where one way reads a film that the other does not."""
    pairs = [(months.get(name), age) for name, age in others.items()]
    if any((own is None) != (age is None) for own, age in pairs):
        return float("inf")
    return max((abs(own - age) for own, age in pairs if own is not None and age is not None), default=0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stages", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--before", type=Path, help="another checkout, to compare with")
    parser.add_argument("--films", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.stages:
        print(json.dumps(stages(options.stages[1:], options.stages[0])))
        return
    ways: dict[str, Way] = {"before": (options.before.resolve(), "default")} if options.before else {}
    ways["now"] = (HERE, "default")
    found: dict[str, Any] = {"films": options.films, "rounds": options.rounds, "cores": cores(), "cpu": processor()}
    with tempfile.TemporaryDirectory() as place:
        found["ways"] = measured(ways, folder(options.data, options.films, Path(place)), options.rounds)
    print(json.dumps(found, indent=2))
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
