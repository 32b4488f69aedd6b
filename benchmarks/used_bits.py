"""Does the age depend on the container? Validation films with few used bits in a PNG of 16, against a tight container.

    python benchmarks/used_bits.py ../shared/rsna 100

It prints, for each number of used bits, the share of films whose age is within a month and those with a new flag.
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from boneage import Predictor, Reading, read
from boneage.config import DataConfig
from boneage.data.dataset import Sample, open_folder
from boneage.data.split import divide
from boneage.types import Radiograph

BITS = (16, 14, 12, 11, 10, 8)
MONTHS = 1.0


def films(folder: Path, count: int) -> list[Sample]:
    """So many validation films, spread evenly over all of them."""
    chosen = [film for film in divide(open_folder(folder), DataConfig()).samples if film.split == "validation"]
    return [chosen[i] for i in np.linspace(0, len(chosen) - 1, count).round().astype(int)]


def container(film: Radiograph, bits: int) -> tuple[Radiograph, Radiograph]:
    """A film of so many used bits as read from a PNG of 16, and as a tight container would give it."""
    values = np.round(film.pixels * (2**bits - 1)).astype(np.uint16)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    tight = (values / (2**bits - 1)).astype(np.float32)
    return read(file.getvalue()), replace(film, pixels=tight)


def is_same(one: Reading, other: Reading) -> bool:
    """Whether two readings are within `MONTHS`, or both refused."""
    if one.bone_age_months is None or other.bone_age_months is None:
        return one.bone_age_months is other.bone_age_months
    return abs(one.bone_age_months - other.bone_age_months) <= MONTHS


def main(folder: str, count: str) -> None:
    """Read each film once per container."""
    predictor = Predictor.load("default")
    same, flagged = dict.fromkeys(BITS, 0), dict.fromkeys(BITS, 0)
    chosen = films(Path(folder), int(count))
    for sample in chosen:
        assert sample.path is not None
        film = read(sample.path)
        for bits in BITS:
            loose, tight = (predictor.read(one, sample.sex) for one in container(film, bits))
            same[bits] += is_same(loose, tight)
            flagged[bits] += bool(set(loose.codes) - set(tight.codes))
    for bits in BITS:
        print(f"{bits} bits: {same[bits]} of {len(chosen)} within {MONTHS:g} month, {flagged[bits]} with a new flag")


if __name__ == "__main__":
    main(*sys.argv[1:])
