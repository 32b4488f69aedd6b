"""A data folder's training and validation films as tensors on the device: what a run learns from and is judged by."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..config import Config
from ..data.cache import open_cache
from ..data.dataset import Sample, open_folder, original_sizes
from ..data.split import divide, fingerprint
from ..errors import BadTable
from ..models.head import encode

NAMED = 20  # films that were left out: so many are named, the rest counted


@dataclass(frozen=True)
class FilmTensors:
    """One split on the device: uint8 pixels [N, S, S], months [N], sex [N, 2]."""

    ids: tuple[str, ...]
    pixels: Tensor
    months: Tensor
    sex: Tensor

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class TrainingData:
    """What a run trains and validates on. ``record`` says which films those are; it is stored with the run.
    ``left_out``: films that cannot be read, id to sentence; ``doubts``: what is odd about the labels."""

    train: FilmTensors
    validation: FilmTensors
    record: dict[str, Any]
    left_out: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    @property
    def remarks(self) -> list[str]:
        """What a person should know of the films before the long work begins; only the first lost ones are named."""
        named, count = list(self.left_out.values())[:NAMED], len(self.left_out)
        return [*self.doubts, *named, *([f"{count} films left out"] if count else [])]


def load(
    config: Config,
    data: str | Path,
    device: torch.device,
    images: str | Path | None = None,
) -> TrainingData:
    """The training and validation films of a data folder, prepared, on the device.

    ``images``: where the films are, if not beside the table. Raises BadTable where there is no film to train on.
    """
    dataset = divide(open_folder(data, images), config.data)
    splits = {name: dataset.of(name).samples for name in ("train", "validation")}
    sizes = original_sizes(dataset.root) if config.data.aspect == "native" else None
    cache = open_cache(dataset.samples, config.prepare, sizes)
    row = {sample.id: index for index, sample in enumerate(cache.samples)}
    chosen = {name: [s for s in samples if s.id in row] for name, samples in splits.items()}
    chosen["train"] = _limited(chosen["train"], config.data.limit, config.data.seed)
    films = {
        name: FilmTensors(
            tuple(s.id for s in samples),
            _pixels(cache.pixels, [row[s.id] for s in samples], device),
            torch.tensor([float(s.months or 0) for s in samples], device=device),
            encode([s.sex for s in samples]).to(device),
        )
        for name, samples in chosen.items()
    }
    if not len(films["train"]):
        raise BadTable(f"{dataset.table} leaves no film to train on: each needs an image and an age")
    record = {"folder": dataset.root.name, "train": len(films["train"]), "validation": len(films["validation"])}
    record["sha256"] = fingerprint(dataset)
    left_out = {film.id: f"{dataset.table}, film {film.id}: {film.reason}" for film in cache.failures}
    return TrainingData(films["train"], films["validation"], record, left_out, dataset.doubts)


def _limited(samples: list[Sample], limit: int, seed: int) -> list[Sample]:
    if not limit or limit >= len(samples):
        return samples
    keep = np.random.default_rng(seed).permutation(len(samples))[:limit]
    return [samples[i] for i in sorted(keep)]


def _pixels(array: np.ndarray, rows: list[int], device: torch.device) -> Tensor:
    return torch.from_numpy(array[rows]).to(device)
