"""How long a training run takes on this machine, from a few of its steps."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from ..config import Config
from .distributed import join_processes, keep_freed_memory
from .fit import train_step
from .run import Run
from .tensors import FilmTensors, TrainingData

WARM, TIMED = 2, 6  # steps: the first ones are slower


def fastest(configs: Sequence[Config], films: int) -> tuple[float, int]:
    """The seconds that runs on so many films take together, and with how many threads of torch: one or all.

    One thread is faster than all where another program needs the other cores.
    """
    seconds = {}
    for count in {1, torch.get_num_threads()}:
        with threads(count):
            seconds[count] = sum(training_seconds(config, films) for config in configs)
    best = min(seconds, key=lambda count: seconds[count])
    return seconds[best], best


def training_seconds(config: Config, films: int) -> float:
    """The seconds that all steps of a run on so many films take, estimated from `TIMED` steps on grey films.

    Preparing the films, evaluating and saving are not counted.
    """
    kept = int(films * (1 - config.data.validation - config.data.calibration))
    keep_freed_memory()
    with join_processes(config.train.device) as processes, tempfile.TemporaryDirectory() as folder:
        grey = _grey(kept, config.prepare.size, processes.device)
        run = Run(config, TrainingData(grey, grey, {}), Path(folder), processes)
        for step in range(WARM):
            loss = train_step(run, run.network, step)
        float(loss)  # waits for a device that is behind
        began = time.perf_counter()
        for step in range(WARM, WARM + TIMED):
            loss = train_step(run, run.network, step)
        float(loss)
        return (time.perf_counter() - began) / TIMED * run.steps


def _grey(n: int, side: int, device: torch.device) -> FilmTensors:
    """Films of one grey, of unknown sex, with bone ages from 10 to 210 months."""
    pixels, months = torch.full((n, side, side), 128, dtype=torch.uint8), torch.arange(n) / n * 200 + 10
    return FilmTensors(("",) * n, pixels.to(device), months.to(device), torch.zeros(n, 2, device=device))


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch compute with so many threads while the block lasts."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
