"""The project's own split of the RSNA training films, made again bit for bit.

python -m boneage.data.rsna_split DIR OUT.csv

It prints how many films of each age and sex are in each part.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

from . import duplicates
from .census import strata_table
from .dataset import Dataset, open_folder
from .split import assign, write_split

SIZES = {"validation": 1000, "calibration": 600}
SEED = 0


def write_rsna_split(root: str | os.PathLike[str], out: str | os.PathLike[str]) -> Dataset:
    """Divide the RSNA training films in ``root``, write the parts as ``out`` and return the divided dataset."""
    dataset = open_folder(root)
    films = dataset.samples
    parts = assign(films, duplicates.groups(films, duplicates.thumbnails(films)), SIZES, SEED)
    write_split(Path(out), parts)
    return replace(dataset, samples=tuple(replace(film, split=parts[film.id]) for film in films))


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit("usage: python -m boneage.data.rsna_split DIR OUT.csv")
    print("\n".join(strata_table(write_rsna_split(sys.argv[1], sys.argv[2]))))


if __name__ == "__main__":
    main()
