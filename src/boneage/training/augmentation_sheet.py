"""A picture that shows what preparation and augmentation do to some films."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch

from ..config import Config
from ..data.dataset import Sample, open_folder
from ..errors import BadTable, UnreadableImage
from ..files import refuse_overwriting, write_bytes
from ..hand.prepare import prepare
from ..images.guarded import read
from ..types import Radiograph
from .augment import augment

SIDE = 192  # pixels of a film on the sheet
COLUMNS = 8
AUGMENTED_ROWS = 4


def sheet(config: Config, folder: str | Path, out: str | Path, seed: int = 0) -> Path:
    """Write a PNG with a row of films as stored, one as prepared, and `AUGMENTED_ROWS` as training sees them.

    Args:
        config: its sections ``prepare`` and ``augment`` are shown.
        folder: a data folder, of which `COLUMNS` films are drawn.
        out: the PNG file.
        seed: for the films and the augmentation.

    Returns:
        ``out``.

    Raises:
        BadTable: no film can be read.
        CannotWrite: the file cannot be written, or would replace a film.
    """
    config.prepare.refuse_beside()
    samples = [sample for sample in open_folder(folder).samples if sample.path]
    refuse_overwriting([Path(out)], [sample.path for sample in samples])
    stored = _some_films(folder, samples, seed)
    prepared = np.stack([prepare(film, config.prepare) for film in stored])
    films, generator = torch.from_numpy(prepared), torch.Generator().manual_seed(seed)
    rows = [[_stored(film) for film in stored], list(prepared)]
    for _ in range(AUGMENTED_ROWS):
        batch = augment(films, config.augment, generator, config.prepare.size, montages=config.prepare.joints)
        rows.append(list((batch[:, 0] * 255).byte().numpy()))
    tiles = [[cv2.resize(tile, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for tile in row] for row in rows]
    _, png = cv2.imencode(".png", np.vstack([np.hstack(row) for row in tiles]))
    write_bytes(Path(out), png.tobytes())
    return Path(out)


def _some_films(folder: str | Path, samples: Sequence[Sample], seed: int) -> list[Radiograph]:
    """The first `COLUMNS` films that can be read, in an order drawn by ``seed``."""
    films: list[Radiograph] = []
    for index in np.random.default_rng(seed).permutation(len(samples)):
        try:
            films.append(read(samples[index].path or ""))
        except UnreadableImage:
            continue
        if len(films) == COLUMNS:
            break
    if not films:
        raise BadTable(f"{folder} holds no film that can be read")
    return films


def _stored(film: Radiograph) -> np.ndarray:
    """The pixels as uint8."""
    return (film.pixels * 255).astype(np.uint8)
