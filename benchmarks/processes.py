"""Whether a training depends on how many processes share it: gradients of 1, 2 and 4, and a run that is stopped or
killed again and again and goes on with another number of them.

python benchmarks/processes.py [--kills 40] [--out docs/results/processes.json]     (no data: hands are drawn)

The processes speak over gloo on this machine's CPU. Of a run that was killed what counts is the path that led to its
end: the batches after the state that it went on from were computed again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from boneage.data.phantom import write_folder
from boneage.files import write_json
from boneage.training import checkpoint

SIZES = (1, 2, 4)
REQUEUE = 75
SETTINGS = (
    *("prepare.size=48", "model.hidden=16", "model.dropout=0", "model.sex_dropout=0", "train.precision=fp32"),
    *("train.batch=15", "train.save_every=3", "train.device=cpu", "data.validation=0.02"),
    *(f"augment.{name}=0" for name in ("rotation", "shift", "zoom", "aspect", "gamma", "contrast", "flip")),
)
PROGRAM = """
import json, os, sys
from pathlib import Path
from safetensors.torch import save_file
from torch.optim.optimizer import register_optimizer_step_pre_hook
from boneage.training import fit
from boneage.apps.cli import main

out, rank, size = Path(sys.argv.pop(1)), os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
rows_of = fit.batch_rows

def traced(run, step):
    rows = rows_of(run, step)
    with open(out / f"rows{rank}.jsonl", "a") as file:
        file.write(json.dumps([step, rows.tolist()]) + chr(10))
    return rows

def keep(optimizer, *_):
    path = out / f"gradients_{size}_{rank}.safetensors"
    if not path.exists():
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        save_file({str(i): p.grad.clone().contiguous() for i, p in enumerate(parameters)}, path)

fit.batch_rows = traced
register_optimizer_step_pre_hook(keep)
main()
"""  # the program, which writes down which films each step took, and the gradients of its first


def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def started(folder: Path, size: int, *words: str) -> list[subprocess.Popen[str]]:
    """``boneage train`` in so many processes; ``folder`` takes what they write down."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    command = [sys.executable, "-c", PROGRAM, str(folder), "train", "tiny", *words, *settings, "--no-export"]
    shared = os.environ | {"OMP_NUM_THREADS": "1"}
    if size > 1:
        shared |= {"WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port())}
    ranks = [shared | ({"RANK": str(rank), "LOCAL_RANK": str(rank)} if size > 1 else {}) for rank in range(size)]
    return [subprocess.Popen(command, env=rank, stderr=subprocess.PIPE, text=True) for rank in ranks]


def ended(processes: list[subprocess.Popen[str]]) -> list[int]:
    """The exit codes of processes that end by themselves."""
    for process in processes:
        process.communicate(timeout=600)
    return [process.returncode for process in processes]


def gradients(data: Path, folder: Path) -> dict[str, Any]:
    """The largest difference of any gradient of the first step, of so many processes from that of one."""
    for size in SIZES:
        words = ("--data", str(data), "--out", str(folder / f"run{size}"), "--set", "train.epochs=1")
        assert ended(started(folder, size, *words)) == [0] * size
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
    words = ("--data", str(data), "--out", str(run), "--resume", "--set", f"train.epochs={epochs}")
    found: Counter[str] = Counter()
    paths: dict[int, list[int]] = {}
    sizes = []
    while found["stops"] < count:
        size, how = dice.choice(SIZES), dice.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1))
        trace, before = folder / f"trace{found['stops']}", _step(run)
        processes = started(trace, size, *words)
        wanted = dice.randint(1, 5)  # steps that it may take
        while len(_rows(trace, 0)) < wanted and all(process.poll() is None for process in processes):
            time.sleep(0.002)
        for process in processes if how == signal.SIGKILL else processes[-1:]:
            process.send_signal(how)
        codes = ended(processes)
        if how != signal.SIGKILL:
            assert set(codes) == {REQUEUE}, codes
        found |= {"stops": found["stops"] + 1, f"by_{how.name}": found[f"by_{how.name}"] + 1}
        sizes.append(size)
        paths = {step: rows for step, rows in paths.items() if step < before} | _steps(trace, size)
    trace, before = folder / "trace_last", _step(run)
    assert ended(started(trace, 1, *words)) == [0]
    paths = {step: rows for step, rows in paths.items() if step < before} | _steps(trace, 1)
    whole = folder / "whole"
    unbroken = started(whole, 1, "--data", str(data), "--out", str(folder / "unbroken"), *words[5:])
    assert ended(unbroken) == [0]
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
