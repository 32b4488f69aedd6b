"""Where the time of a training step goes on a GPU, in three minutes: films a second of steps on real batches (gathered,
augmented) and of the same steps on one constant batch, launches, and milliseconds by kind of kernel.

python benchmarks/gpu.py [WORD...] [--runs RUN...] [--out docs/results/gpu.json]

A WORD is a recipe and what it is tried with: ``joints_384+train.batch=128+train.compile=true``. Films are drawn at
random, so no data is needed; networks begin untrained. Each word has a process: all compile beside each other, and are
measured one after the other.

Beside the figures stand two floors: a step's operations at the measured rate of a product of matrices, and the least
that it moves through memory at the measured rate of a copy. The latter is fourteen passes, of two bytes each, over the
results of all convolutions. Forwards these are written, summed up, read and written by normalisation with activation,
and read by the next convolution: five. Backwards they and their gradient are read for the sums, and again for a
gradient that is written: five; both gradients of a convolution read that one, one reads the input and one writes: four.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from cost import cost, operations
from side_by_side import tried
from torch import nn
from torch.nn import functional
from torch.profiler import ProfilerActivity, profile

from boneage.config import Config
from boneage.files import write_json
from boneage.models.head import Network
from boneage.training import fit
from boneage.training.distributed import join_processes
from boneage.training.launches import can_be_graphs
from boneage.training.losses import output
from boneage.training.run import Run
from boneage.training.tensors import FilmTensors, TrainingData

WORDS = (
    "joints_384",
    "joints_384+train.batch=128+train.compile=true",
    "resnet50",
    "resnet50+train.batch=128",
    "inception_v4",
)
FILMS = 1024
SIDE, ROUNDS = 8192, 10  # of the matrices
NUMBERS = 2**30  # of the copy
WARM, STEPS, AT_ONCE = 6, 16, 4
PASSES, BYTES = 14, 2
LIMIT = 180  # seconds for all words
KINDS = (  # what is in a kernel's name, and what that is; the first that fits counts
    *(("triton_red", "fused sums"), ("triton_per", "fused sums"), ("triton_", "fused passes")),
    *(("batch_norm", "normalisation"), ("dgrad", "convolution"), ("wgrad", "convolution"), ("fprop", "convolution")),
    *(("conv", "convolution"), ("xmma", "convolution"), ("cutlass", "convolution"), ("gemm", "convolution")),
    *(("nvjet", "convolution"), ("pool", "pooling"), ("Memcpy", "copies"), ("Memset", "copies")),
    *(("multi_tensor", "optimiser"), ("elementwise", "passes"), ("reduce", "sums")),
)


def timed(work: Any) -> float:
    """Seconds of one of many calls."""
    work()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(ROUNDS):
        work()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / ROUNDS


def peaks() -> tuple[float, float]:
    """Operations a second of a product of two bfloat16 matrices, and bytes a second of a copy, read and written."""
    a, b = (torch.randn(SIDE, SIDE, dtype=torch.bfloat16, device="cuda") for _ in range(2))
    product = 2 * SIDE**3 / timed(lambda: a @ b)
    x = torch.randn(NUMBERS, device="cuda")
    y = torch.empty_like(x)
    return product, 8 * NUMBERS / timed(lambda: y.copy_(x))


def least_bytes(config: Config) -> int:
    """What a film of a training step moves through memory at least."""
    numbers = 0

    def count(module: nn.Module, inputs: object, result: torch.Tensor) -> None:
        nonlocal numbers
        numbers += result.numel()

    with torch.device("meta"):
        model = replace(config.model, pretrained="none")
        network = Network(model, config.prepare, output(config.train, 120.0, 40.0).outputs)
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(count)
        network(torch.rand(1, 1, config.prepare.size, config.prepare.size), torch.zeros(1, 2))
    return PASSES * BYTES * numbers


def random_films(side: int, device: torch.device) -> TrainingData:
    """Clouds, and ages that go with their brightness."""
    small = torch.rand(FILMS, 1, side // 8, side // 8, generator=torch.Generator().manual_seed(0))
    clouds = functional.interpolate(small, size=(side, side), mode="bilinear").mul(255).byte()[:, 0]
    months = ((clouds.float().mean((1, 2)) - 127) * 30 + 120).clamp(1, 228)
    sex = torch.eye(2).repeat(FILMS // 2, 1)
    films = FilmTensors(tuple(map(str, range(FILMS))), *(x.to(device) for x in (clouds, months, sex)))
    return TrainingData(films, films, {})


def films_a_second(run: Run, wrapped: nn.Module, first: int) -> float:
    """Of whole training steps from number ``first`` on: the median of several."""
    times = []
    for step in range(first, first + STEPS, AT_ONCE):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for at in range(step, step + AT_ONCE):
            fit.train_step(run, wrapped, at)
        torch.cuda.synchronize()
        times.append((time.perf_counter() - start) / AT_ONCE)
    return run.batch_size / statistics.median(times)


def kernels(run: Run, wrapped: nn.Module, step: int) -> dict[str, Any]:
    """Launches and milliseconds of a step."""
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        fit.train_step(run, wrapped, step)
        torch.cuda.synchronize()
    spent, launches = Counter[str](), 0
    for event in seen.events():
        if event.device_type.name == "CUDA" and event.self_device_time_total:
            kind = next((kind for part, kind in KINDS if part in event.name), "other")
            spent[kind] += event.self_device_time_total / 1000
            launches += 1
    return {"launches": launches, "milliseconds": {kind: round(spent[kind], 2) for kind in spent}}


def measured(word: str, lock: Path) -> dict[str, Any]:
    """One word's row."""
    config = tried(word)
    config = replace(config, model=replace(config.model, pretrained="none"))
    with join_processes("cuda") as processes, tempfile.TemporaryDirectory() as folder, lock.open("w") as turn:
        run = Run(config, random_films(config.prepare.size, processes.device), Path(folder), processes)
        if not config.train.compile:
            fcntl.flock(turn, fcntl.LOCK_EX)
        start = time.perf_counter()
        wrapped = run.wrapped()
        float(fit.train_step(run, wrapped, 0))
        first = time.perf_counter() - start
        fcntl.flock(turn, fcntl.LOCK_EX)
        for step in range(1, WARM):
            fit.train_step(run, wrapped, step)
        real = films_a_second(run, wrapped, WARM)
        augmented_batch = fit.augmented_batch
        batch = augmented_batch(run, 0, 0, fit.batch_rows(run, 0))
        fit.augmented_batch = lambda run, step, part, rows: batch
        constant = films_a_second(run, wrapped, WARM + STEPS)
        fit.augmented_batch = augmented_batch
        seen = kernels(run, wrapped, WARM + 2 * STEPS)
    row = {"recipe": config.recipe, "batch": run.batch_size, "compiled": config.train.compile}
    row["graphs"] = can_be_graphs(run.config, run.processes) and not config.train.compile
    return row | {"real": round(real), "constant": round(constant), "first_seconds": round(first)} | seen


def floors(row: dict[str, Any], word: str, product: float, copy: float) -> dict[str, Any]:
    """The row with the least milliseconds of its step: by its operations, and by what it moves."""
    config, batch = tried(word), row["batch"]
    least = {"operations": operations(config) * batch / product, "bytes": least_bytes(config) * batch / copy}
    return row | {"least_milliseconds": {name: round(1000 * seconds, 2) for name, seconds in least.items()}}


def rows_of(words: Sequence[str]) -> list[dict[str, Any]]:
    """Each word measured by a process of its own; a sentence for those that failed or did not end in time."""
    until, found = time.monotonic() + LIMIT, []
    with tempfile.TemporaryDirectory() as folder:
        lock = Path(folder) / "turn"
        command = [sys.executable, __file__, "--alone", str(lock)]
        works = [subprocess.Popen([*command, word], stdout=subprocess.PIPE, text=True) for word in words]
        for word, work in zip(words, works, strict=True):
            try:
                said = work.communicate(timeout=max(0.1, until - time.monotonic()))[0]
                if work.returncode:
                    print(f"{word} could not be measured: its process ended with {work.returncode}")
                else:
                    found.append(json.loads(said) | {"word": word})
            except subprocess.TimeoutExpired:
                work.kill()
                print(f"{word} was not measured within {LIMIT} s")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", default=WORDS, metavar="WORD")
    parser.add_argument("--runs", nargs="*", type=Path, default=[], help="run folders, for what they took")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--alone", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(measured(options.words[0], options.alone)))
        return
    product, copy = peaks()
    torch.cuda.empty_cache()
    steps = [floors(row, row["word"], product, copy) for row in rows_of(options.words)]
    found = {"device": torch.cuda.get_device_name(), "torch": torch.__version__, "peak": product, "copy": copy}
    found |= {"steps": steps, "runs": [cost(run, product) for run in options.runs]}
    for row in steps:
        print(row)
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
