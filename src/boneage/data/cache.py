"""Every film read and prepared once, into one memory-mapped array of bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import PIL

from ..config import PrepareConfig
from ..files import json_value, remove_leftovers, replacing, sha256, sha256_json, write_json
from ..progress import progress
from ..types import Failure
from .cache_home import cache_home
from .dataset import Sample
from .film_paths import not_found
from .pipeline import PreparedFilm, Sizes, attempt, each_film, prepared

ROOT = Path(__file__).parents[1]
CODE = (  # decides a film's bytes: all of the rooms that read and prepare, so that no new file is forgotten
    *(path.relative_to(ROOT).as_posix() for room in ("images", "hand") for path in sorted((ROOT / room).glob("*.py"))),
    *("data/pipeline.py", "weights/parts/locator.onnx"),
)
LIBRARIES = (PIL.__version__, cv2.__version__, np.__version__)  # and so do these


@dataclass(frozen=True)
class Cache:
    """The prepared films of a data folder.

    Attributes:
        pixels: uint8 [N, H, W], mapped from disk, row by row the ``samples``.
        samples: the films that could be read, in the order asked for.
        failures: the others.
    """

    pixels: np.ndarray
    samples: tuple[Sample, ...]
    failures: tuple[Failure, ...]


def open_cache(
    samples: Sequence[Sample], spec: PrepareConfig, sizes: Sizes | None = None, *, workers: int | None = None
) -> Cache:
    """The prepared films of ``samples``, made now or found from an earlier call.

    Films that could not be read at an earlier call are tried again, as the reason may have passed.

    Args:
        samples: the films.
        spec: how to prepare them.
        sizes: original (width, height) in pixels by id, to undo a squash before preparation.
        workers: processes that read and prepare (see `boneage.data.pipeline.each_film`).

    Raises:
        CannotWrite: if the cache's folder or its disk does not take the array.
    """
    here = [sample for sample in samples if sample.path is not None]
    key = _key(here, spec, sizes or {})
    names = (f"{key}.json", f"{key}.npy")
    home = cache_home(*names)
    index, array = (home / name for name in names)
    work = partial(prepared, spec=spec, sizes=sizes)
    is_made = _is_whole(index, array)
    left_out = _reasons(index) if is_made else {}
    again = [sample for sample in here if sample.id in left_out]
    if not is_made or any(not isinstance(attempt(work, sample), Failure) for sample in again):
        write_json(index, _build(array, here, spec, each_film(work, here, workers=workers)))
    reasons = {sample.id: not_found(sample) for sample in samples if sample.path is None} | _reasons(index)
    return Cache(
        pixels=np.load(array, mmap_mode="r"),
        samples=tuple(sample for sample in samples if sample.id not in reasons),
        failures=tuple(Failure(s.id, str(s.path or ""), reasons[s.id]) for s in samples if s.id in reasons),
    )


def _reasons(index: Path) -> dict[str, str]:
    """Why films were left out, by id."""
    return json_value(index.read_bytes())


def _is_whole(index: Path, array: Path) -> bool:
    """Whether both files are there and can be read; what a failing disk damaged is made again."""
    try:
        return isinstance(_reasons(index), dict) and bool(np.load(array, mmap_mode="r").shape)
    except (OSError, ValueError, EOFError):
        return False


def _build(
    array: Path, samples: Sequence[Sample], spec: PrepareConfig, films: Iterable[PreparedFilm | Failure]
) -> dict[str, str]:
    """Write the films of the samples as one array, and return why others were left out, by id."""
    reasons: dict[str, str] = {}
    remove_leftovers(array.parent)
    with replacing(array) as temporary:
        with temporary.open("wb") as file, progress("preparing films", len(samples), "films") as advance:
            _write_header(file, len(samples), spec)
            for sample, film in zip(samples, films, strict=True):
                if isinstance(film, Failure):
                    reasons[sample.id] = film.reason
                else:
                    file.write(film.pixels.tobytes())
                advance()
        if reasons:
            with temporary.open("r+b") as file:  # the header keeps its length
                _write_header(file, len(samples) - len(reasons), spec)
    return reasons


def _write_header(file: BinaryIO, rows: int, spec: PrepareConfig) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (rows, *spec.shape)}
    np.lib.format.write_array_header_1_0(file, header)


def _key(samples: Sequence[Sample], spec: PrepareConfig, sizes: Sizes) -> str:
    """The cache's name: a hash of the films' names, lengths and times, of how they are prepared, and by which code."""
    films = []
    for sample in samples:
        stat = os.stat(sample.path or "")
        films.append([sample.id, str(sample.path), stat.st_size, stat.st_mtime_ns, sizes.get(sample.id)])
    code = [sha256((ROOT / name).read_bytes()) for name in CODE]
    return sha256_json([films, asdict(spec), code, LIBRARIES])[:24]
