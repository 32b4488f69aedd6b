"""What threads that spin while they wait cost, alone and beside one busy process of another session.

Films a second of training steps, with the processor's bfloat16 instructions and without (ONEDNN_MAX_CPU_ISA makes torch
do without), as they were before (bfloat16, and OpenMP's threads spin as long as it likes), with threads that sleep at
once, and as they are; and the seconds of one reading by the shipped weights, by ONNX Runtime's threads as it likes and
as they are.

python benchmarks/threads.py --out docs/results/threads.json     (no data: the films are noise, and a drawn hand)
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from boneage.files import write_json

RECIPES = ("tiny", "quick", "resnet50_128")
SPIN = {"before": {"GOMP_SPINCOUNT": "300000"}, "asleep": {"GOMP_SPINCOUNT": "0"}, "now": {}}  # OpenMP's own: 300,000
PROCESSORS = {"with": {}, "without": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"}}  # bfloat16 instructions
WARM, LEAST = 1, 2  # steps
FILMS = 64


def steps(name: str, precision: str, seconds: float) -> float:
    """Films a second of training steps of a recipe in this process, taken for so long."""
    import torch

    from boneage.config import override
    from boneage.training.distributed import Processes, keep_freed_memory
    from boneage.training.fit import train_step
    from boneage.training.recipes import recipe
    from boneage.training.run import Run
    from boneage.training.tensors import FilmTensors, TrainingData

    keep_freed_memory()
    config = override(recipe(name), [f"train.precision={precision}"])
    pixels = torch.randint(0, 256, (FILMS, *config.prepare.shape), dtype=torch.uint8)
    films = FilmTensors(("",) * FILMS, pixels, torch.rand(FILMS) * 200 + 10, torch.zeros(FILMS, 2))
    with tempfile.TemporaryDirectory() as folder:
        run = Run(config, TrainingData(films, films, {}), Path(folder), Processes(0, 1, torch.device("cpu")))
        for step in range(WARM):
            train_step(run, run.network, step)
        done, began = 0, time.perf_counter()
        while done < LEAST or time.perf_counter() - began < seconds:
            train_step(run, run.network, WARM + done)
            done += 1
        return done * run.batch_size / (time.perf_counter() - began)


def readings(way: str, seconds: float) -> float:
    """Seconds of one reading of a drawn hand by the shipped weights in this process, the median of many."""
    import onnxruntime

    from boneage import Predictor, Radiograph, Sex
    from boneage.data.phantom import draw

    class Spinning(onnxruntime.SessionOptions):
        """Options that leave the threads as ONNX Runtime has them."""

        def add_session_config_entry(self, key: str, value: str) -> None:
            pass

    if way == "before":
        onnxruntime.SessionOptions = Spinning
    hand = draw(np.random.default_rng(1), months=120.0, sex=Sex.FEMALE, size=512).pixels
    film = Radiograph(hand.astype(np.float32) / 255, "hand", "", "png")
    predictor, times = Predictor.load(), []
    while len(times) < WARM + LEAST or sum(times) < seconds:
        began = time.perf_counter()
        predictor.read(film, Sex.FEMALE, force=True)
        times.append(time.perf_counter() - began)
    return float(np.median(times[WARM:]))


@contextmanager
def busy() -> Iterator[None]:
    """One process that needs a whole core while the block lasts."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def child(words: list[str], seconds: float, environment: dict[str, str]) -> float:
    """One measurement in a process of its own."""
    clean = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    command = [sys.executable, __file__, "--seconds", str(seconds), "--child", *words]
    done = subprocess.run(command, env=clean | environment, check=True, capture_output=True, text=True)
    return float(done.stdout)


Way = tuple[list[str], dict[str, str]]  # the words of a child, and its environment


def compared(what: str, ways: dict[str, Way], rounds: int, seconds: float) -> dict[str, Any]:
    """The median of the rounds of each way, and its ratio to the first way's, in turn, alone and beside."""
    found: dict[str, Any] = {}
    for company in ("alone", "beside"):
        values: dict[str, list[float]] = {way: [] for way in ways}
        with busy() if company == "beside" else nullcontext():
            for _ in range(rounds):
                for way, (words, environment) in ways.items():
                    values[way].append(child(words, seconds, environment))
        first = next(iter(values.values()))
        ratios = {way: np.median([a / b for a, b in zip(own, first, strict=True)]) for way, own in values.items()}
        found[company] = {
            way: {"median": round(float(np.median(own)), 4), "ratio": round(float(ratios[way]), 3)}
            for way, own in values.items()
        }
        print(what, company, found[company], flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--recipes", nargs="+", default=RECIPES)
    parser.add_argument("--seconds", type=float, default=4.0, help="of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.child:
        first, second = options.child
        measured = readings if first == "reader" else partial(steps, first)
        print(measured(second, options.seconds))
        return
    found: dict[str, Any] = {"rounds": options.rounds, "seconds": options.seconds, "films_a_second": {}}
    how = {"rounds": options.rounds, "seconds": options.seconds}
    for name in options.recipes:
        rates = found["films_a_second"][name] = {}
        for processor, limit in PROCESSORS.items():
            ways = {way: ([name, "bf16" if way == "before" else "auto"], spin | limit) for way, spin in SPIN.items()}
            rates[processor] = compared(f"{name}, {processor} bfloat16", ways, **how)
    readers: dict[str, Way] = {way: (["reader", way], {}) for way in ("before", "now")}
    found["seconds_of_a_reading"] = compared("a reading", readers, **how)
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
