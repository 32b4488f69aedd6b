"""Training of the head alone of the network that tells ages by region, on features that are computed once.

python -m boneage.training.regions_head --data DIR --out-of-fold oof.csv --start MODEL --out RUN [--resume]

It goes on where `boneage.training.regions` has ended: MODEL is its RUN, or a model file that was made of one. The
backbone stays as it is, so each film is seen but twice, as it is and augmented, and a step takes for each film one of
these views at random. Twelve epochs then take minutes, where one of the whole network takes twenty or more.

RUN gets ``views-…``, the features, and all that a RUN of `boneage.training.regions` has. A run that was stopped goes on
with ``--resume``.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..files import sha256_json, write_bytes
from ..progress import progress
from . import checkpoint
from .augment import augment, plain
from .regions import AUGMENT, Batch, Schedule, Training, arguments, lessons, train
from .tensors import FilmTensors

VIEWS = 2  # of each film: as it is, and augmented
AT_ONCE, IN_FILE = 32, 512  # films


@dataclass(frozen=True)
class HeadSchedule(Schedule):
    """As `Schedule`; the whole backbone stays as it is."""

    epochs: float = 12.0
    frozen: int | None = None
    batch: int = 32
    carpals: int = 0


class HeadTraining(Training):
    """The state of such a run; a batch's maps are the features themselves."""

    def __init__(self, films: FilmTensors, targets: Tensor, schedule: Schedule, folder: Path, start: Path) -> None:
        super().__init__(films, targets, schedule, folder, start)
        self.network.backbone.requires_grad_(False)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / checkpoint.STATE).exists():
            self.save()  # a run that is stopped while films are seen goes on, too
        self.views = self._seen()

    def _seen(self) -> Tensor:
        """The features of all views, float16 [V, N, 15, F]; what an earlier run has left in the folder is taken."""
        folder = self.folder / f"views-{sha256_json([self.start, self.origin['films'], self.schedule.size])[:12]}"
        firsts, found = range(0, len(self.films), IN_FILE), []
        with progress("views", VIEWS * len(self.films), "films") as advance:
            for view in range(VIEWS):
                for first in firsts:
                    path = folder / f"{view}-{first:06d}.npy"
                    if not path.exists():
                        write_bytes(path, _as_file(self._features(view, range(first, first + IN_FILE))))
                    found.append(np.load(path, allow_pickle=False))
                    advance(len(found[-1]))
        return torch.from_numpy(np.concatenate(found)).unflatten(0, (VIEWS, -1))

    def _features(self, view: int, rows: range) -> np.ndarray:
        """The features of some films in one view, float16 [n, 15, F]."""
        parts = []
        for first in range(rows.start, min(rows.stop, len(self.films)), AT_ONCE):
            pixels = self.films.pixels[first : min(first + AT_ONCE, rows.stop)]
            generator = torch.Generator().manual_seed(100_003 * view + first)
            if view:
                films = augment(pixels, AUGMENT, generator, self.network.fine, montages=True)
            else:
                films = plain(pixels, pixels.shape[-1])
            found = self.trunk([x.flatten(0, 1) for x in self.network.pieces(films)])
            parts.append(torch.cat([x.unflatten(0, (len(films), -1)) for x in found], 1).half().numpy())
        return np.concatenate(parts)

    def batch(self, step: int) -> Batch:
        """What the step of this number learns from; it depends on the number alone."""
        generator, rows = torch.Generator().manual_seed(step + 1), self._rows(step, self.schedule.batch)
        view = torch.randint(VIEWS, (len(rows),), generator=generator)
        given = torch.rand(len(rows), 1, generator=generator) >= self.config.model.sex_dropout
        sex, maps = self.films.sex[rows], [self.views[view, rows].float()]
        return Batch(maps, lessons(generator), sex, sex * given, self.targets[rows], self.films.months[rows])

    def features(self, batch: Batch) -> Tensor:
        """The features of the pieces, [n, 15, F]."""
        return batch.maps[0]


def _as_file(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values, allow_pickle=False)
    return file.getvalue()


def main() -> None:
    """The command line."""
    options = arguments(str(__doc__), HeadSchedule(), begins=False)
    schedule = replace(HeadSchedule(), epochs=options.epochs)
    train(options, lambda films, targets: HeadTraining(films, targets, schedule, options.out, options.start))


if __name__ == "__main__":
    main()
