"""Whether a training depends on how many processes share it: gradients of 1, 2 and 4, and a run that is stopped or
killed again and again and goes on with another number of them.

python benchmarks/processes.py [--kills 40] [--out docs/results/processes.json]     (no data: hands are drawn)

The processes speak over gloo on this machine's CPU. Of a run that was killed what counts is the path that led to its
end: the batches after the state that it went on from were computed again.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch.optim.optimizer import register_optimizer_step_pre_hook

from boneage.config import override
from boneage.data.phantom import write_folder
from boneage.errors import Preempted
from boneage.files import write_json
from boneage.training import checkpoint, fit
from boneage.training.recipes import recipe
from boneage.training.run import Run
from boneage.training.train import train

SIZES = (1, 2, 4)
REQUEUE = 75
SETTINGS = (
    *("prepare.size=48", "model.hidden=16", "model.dropout=0", "model.sex_dropout=0", "train.precision=fp32"),
    *("train.batch=15", "train.save_every=3", "train.device=cpu", "data.validation=0.02"),
    *(f"augment.{name}=0" for name in ("rotation", "shift", "zoom", "aspect", "gamma", "contrast", "flip")),
)
SERVER = multiprocessing.get_context("forkserver")  # which has torch in memory, so that a process begins at once
SERVER.set_forkserver_preload(["boneage.training.train", "boneage.training.export", "boneage.data.phantom"])


def work(trace: Path, rank: int, size: int, place: int, data: Path, out: Path, epochs: int) -> None:
    """Train as one of so many processes; write down which films each step took, and the gradients of the first."""
    if size > 1:
        own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": place}
        os.environ.update({name: str(value) for name, value in own.items()})
    torch.set_num_threads(1)
    rows_of = fit.batch_rows

    def traced(run: Run, step: int) -> torch.Tensor:
        rows = rows_of(run, step)
        with (trace / f"rows{rank}.jsonl").open("a") as file:
            file.write(json.dumps([step, rows.tolist()]) + "\n")
        return rows

    def keep(optimizer: torch.optim.Optimizer, *_: object) -> None:
        path = trace / f"gradients_{size}_{rank}.safetensors"
        if not path.exists():
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            save_file({str(i): p.grad.clone().contiguous() for i, p in enumerate(parameters)}, path)

    fit.batch_rows = traced
    register_optimizer_step_pre_hook(keep)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    config = override(recipe("tiny"), [*SETTINGS, f"train.epochs={epochs}"])
    try:
        train(config, data, out, resume=True, export=False)
    except Preempted:
        sys.exit(REQUEUE)


def started(trace: Path, size: int, data: Path, out: Path, epochs: int) -> list[Any]:
    """A training in so many processes, begun or gone on with; ``trace`` takes what they write down."""
    trace.mkdir(parents=True, exist_ok=True)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        place = int(listener.getsockname()[1])
    ranks = [SERVER.Process(target=work, args=(trace, rank, size, place, data, out, epochs)) for rank in range(size)]
    for one in ranks:
        one.start()
    return ranks


def ended(processes: list[Any]) -> list[int]:
    """The exit codes of processes that end by themselves."""
    for process in processes:
        process.join(600)
    return [process.exitcode for process in processes]


def gradients(data: Path, folder: Path) -> dict[str, Any]:
    """The largest difference of any gradient of the first step, of so many processes from that of one."""
    for size in SIZES:
        assert ended(started(folder, size, data, folder / f"run{size}", 1)) == [0] * size
    one = load_file(folder / "gradients_1_0.safetensors")
    found: dict[str, Any] = {"largest": max(float(tensor.abs().max()) for tensor in one.values())}
    for size in SIZES[1:]:
        others = [load_file(folder / f"gradients_{size}_{rank}.safetensors") for rank in range(size)]
        apart = [float((other[name] - one[name]).abs().max()) for other in others for name in one]
        found[f"processes_{size}"] = max(apart)
    return found


def kills(data: Path, folder: Path, count: int, epochs: int) -> dict[str, Any]:
    """Stop or kill a run ``count`` times, each time with another number of processes, and see which films it took."""
    dice, run = random.Random(0), folder / "run"
    found: Counter[str] = Counter()
    paths: dict[int, list[int]] = {}
    sizes = []
    while found["stops"] < count:
        size, how = dice.choice(SIZES), dice.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1))
        trace, before = folder / f"trace{found['stops']}", _step(run)
        processes = started(trace, size, data, run, epochs)
        wanted = dice.randint(1, 5)  # steps that it may take
        while len(_rows(trace, 0)) < wanted and all(process.is_alive() for process in processes):
            time.sleep(0.002)
        for process in processes if how == signal.SIGKILL else processes[-1:]:
            with suppress(ProcessLookupError):
                os.kill(process.pid, how)
        codes = ended(processes)
        if how != signal.SIGKILL:
            assert set(codes) == {REQUEUE}, codes
        found |= {"stops": found["stops"] + 1, f"by_{how.name}": found[f"by_{how.name}"] + 1}
        sizes.append(size)
        paths = {step: rows for step, rows in paths.items() if step < before} | _steps(trace, size)
    trace, before = folder / "trace_last", _step(run)
    assert ended(started(trace, 1, data, run, epochs)) == [0]
    paths = {step: rows for step, rows in paths.items() if step < before} | _steps(trace, 1)
    whole = folder / "whole"
    assert ended(started(whole, 1, data, folder / "unbroken", epochs)) == [0]
    expected = _steps(whole, 1)
    changes = sum(a != b for a, b in pairwise(sizes))
    log, other = (checkpoint.read_log(folder / name) for name in ("run", "unbroken"))
    return dict(found) | {
        "changes_of_number": changes,
        "steps": len(expected),
        "films_an_epoch": sum(map(len, expected.values())) // epochs,
        "steps_with_other_films": sum(sorted(paths.get(step, [])) != sorted(expected[step]) for step in expected),
        "films_lost_or_doubled": _lost(paths, epochs),
        "largest_difference_of_loss": max(abs(a["loss"] - b["loss"]) for a, b in zip(log, other, strict=True)),
    }


def _lost(paths: dict[int, list[int]], epochs: int) -> int:
    """How many films of an epoch's batches came twice in it."""
    steps = len(paths) // epochs
    each = [Counter(row for step in range(e * steps, (e + 1) * steps) for row in paths[step]) for e in range(epochs)]
    return sum(count - 1 for films in each for count in films.values())


def _step(run: Path) -> int:
    return int(checkpoint.load_state(run)[1]["progress"]["step"]) if checkpoint.has_begun(run) else 0


def _rows(trace: Path, rank: int) -> list[list[Any]]:
    path = trace / f"rows{rank}.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def _steps(trace: Path, size: int) -> dict[int, list[int]]:
    """The films of each step, of all processes together."""
    found: dict[int, list[int]] = {}
    for rank in range(size):
        for step, rows in _rows(trace, rank):
            found.setdefault(step, []).extend(rows)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / "films"
        write_folder(data, 80, seed=0)
        found: dict[str, Any] = {"settings": list(SETTINGS)}
        found["gradients"] = gradients(data, Path(temporary) / "gradients")
        print(found["gradients"], flush=True)
        found["kills"] = kills(data, Path(temporary) / "kills", options.kills, max(2, options.kills * 3 // 2))
        print(found["kills"], flush=True)
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
