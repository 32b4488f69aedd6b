"""Runs made from the tests' own films, and what two of them must have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tiny import tiny_config
from torch import Tensor

from boneage.training import checkpoint
from boneage.training.distributed import Processes
from boneage.training.fit import fit
from boneage.training.run import Run
from boneage.training.tensors import TrainingData

UNCHANGED = [f"augment.{name}=0" for name in ("rotation", "shift", "zoom", "aspect", "gamma", "contrast", "flip")]
CERTAIN = [*UNCHANGED, "model.dropout=0", "model.sex_dropout=0"]  # nothing left to chance but the order
FROZEN = [*CERTAIN, "train.freeze_batchnorm=true"]  # and films do not know of each other


def run_of(data: TrainingData, folder: Path, *settings: str, rank: int = 0, size: int = 1) -> Run:
    """A run of the tiny network at its beginning."""
    return Run(tiny_config(*settings), data, folder, Processes(rank, size, torch.device("cpu")))


def finished(data: TrainingData, folder: Path, *settings: str) -> Path:
    """The folder of a run from beginning to end."""
    fit(run_of(data, folder, *settings), False)
    return folder


def state(folder: Path) -> dict[str, Tensor]:
    """The tensors that a resumed run would start from."""
    return checkpoint.load_state(folder)[0]


def step(folder: Path) -> int:
    """The step that a resumed run would start from."""
    return checkpoint.load_state(folder)[1]["progress"]["step"]


def log(folder: Path) -> list[dict[str, Any]]:
    """The log without what differs between equal runs."""
    return [{name: value for name, value in line.items() if name != "seconds"} for line in checkpoint.read_log(folder)]


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Equal bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def assert_same_run(folder: Path, other: Path) -> None:
    """Files, log, state and weights are those of the other run."""
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in other.iterdir())
    assert log(folder) == log(other)
    assert same(state(folder), state(other))
    assert same(checkpoint.load_weights(folder)[0], checkpoint.load_weights(other)[0])
