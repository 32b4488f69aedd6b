"""A data folder's training and validation films as tensors on the device."""

from __future__ import annotations

from collections.abc import Sequence
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

NAMED = 20  # unreadable films that are named one by one; the others are only counted


@dataclass(frozen=True)
class FilmTensors:
    """The films of one split, on the device.

    Attributes:
        ids: as in the data folder's table.
        pixels: uint8 [N, S, S], as `prepare` gives them.
        months: bone ages, float32 [N].
        sex: float32 [N, 2], see `boneage.models.head.encode`.
    """

    ids: tuple[str, ...]
    pixels: Tensor
    months: Tensor
    sex: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, rows: Sequence[int]) -> FilmTensors:
        """Some of the films, in this order."""
        ids, index = tuple(self.ids[row] for row in rows), torch.tensor(rows, dtype=torch.long)
        return FilmTensors(ids, self.pixels[index], self.months[index], self.sex[index])


@dataclass(frozen=True)
class TrainingData:
    """What a run trains and validates on.

    Attributes:
        train, validation: the films.
        origin: which films those are, stored with the run: the folder's name, their numbers and the split's hash.
        left_out: films that cannot be read, as one sentence by id.
        doubts: sentences on how the table was understood, and on what is odd about its labels.
    """

    train: FilmTensors
    validation: FilmTensors
    origin: dict[str, Any]
    left_out: dict[str, str] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)

    @property
    def remarks(self) -> list[str]:
        """Sentences to show before training begins: the doubts, the first films left out, and how many there are."""
        named, count = list(self.left_out.values())[:NAMED], len(self.left_out)
        return [*self.doubts, *named, *([f"{count} films left out"] if count else [])]


def load(config: Config, data: str | Path, device: torch.device, images: str | Path | None = None) -> TrainingData:
    """Prepare the training and validation films of a data folder, or take them from the cache.

    Args:
        config: its sections ``prepare`` and ``data`` say how, and which films.
        data: the data folder, or its table.
        device: where the tensors go.
        images: the folder of the films, if they do not lie beside the table.

    Raises:
        BadTable: the table is damaged, or leaves no film to train on.
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
    origin = {"folder": dataset.root.name, "train": len(films["train"]), "validation": len(films["validation"])}
    origin["sha256"] = fingerprint(dataset)
    left_out = {film.id: f"{dataset.table}, film {film.id}: {film.reason}" for film in cache.failures}
    return TrainingData(films["train"], films["validation"], origin, left_out, [*dataset.remarks, *dataset.doubts])


def _limited(samples: list[Sample], limit: int, seed: int) -> list[Sample]:
    """At most ``limit`` films (0: all), drawn by ``seed``, in their order."""
    if not limit or limit >= len(samples):
        return samples
    keep = np.random.default_rng(seed).permutation(len(samples))[:limit]
    return [samples[i] for i in sorted(keep)]


def _pixels(array: np.ndarray, rows: list[int], device: torch.device) -> Tensor:
    return torch.from_numpy(array[rows]).to(device)
