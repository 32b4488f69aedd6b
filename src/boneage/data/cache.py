"""Every film read and prepared once, into one memory-mapped array of bytes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import PIL
from PIL import AvifImagePlugin

from ..config import PrepareConfig
from ..errors import UnreadableImage
from ..files import remove_leftovers, replacing, sha256, sha256_json, write_json
from ..hand.prepare import prepare
from ..images.read import read
from ..progress import progress
from ..types import Radiograph
from .dataset import NO_IMAGE, Sample

ROOT = Path(__file__).parents[1]
CODE = (  # decide a film's bytes
    *(f"images/{name}.py" for name in ("read", "dicom", "dicom_frame", "pixels")),
    *(f"hand/{name}.py" for name in ("landmarks", "locate", "geometry", "levels", "joints", "prepare")),
    *("data/cache.py", "weights/parts/locator.onnx"),
)
LIBRARIES = (PIL.__version__, cv2.__version__, np.__version__)  # and so do these
Sizes = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Cache:
    """``pixels``: uint8 [N, S, S], row by row the ``samples``. ``failures``: the films left out, id to reason."""

    pixels: np.ndarray
    samples: tuple[Sample, ...]
    failures: dict[str, str]


def cache_home() -> Path:
    """``$BONEAGE_CACHE``, else the user's cache folder."""
    named = os.environ.get("BONEAGE_CACHE")
    return Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "boneage"


def open_cache(samples: Sequence[Sample], spec: PrepareConfig, sizes: Sizes | None = None) -> Cache:
    """The prepared films of ``samples``, made now or found from an earlier call.

    ``sizes``: original (width, height) by id, to undo a squash before preparation. The cache's name is a hash of the
    films' names, lengths and times, of ``spec``, ``sizes``, the code of reading and preparing and the versions of the
    libraries it reads with. Films that could not be read are tried again, as the reason may have passed.
    """
    here = [sample for sample in samples if sample.path is not None]
    key = _key(here, spec, sizes or {})
    home = cache_home()
    index, array = home / f"{key}.json", home / f"{key}.npy"
    is_made = index.exists() and array.exists()
    left_out = _failures(index) if is_made else {}
    if not is_made or any(_is_readable(sample, spec) for sample in here if sample.id in left_out):
        write_json(index, _build(array, here, spec, sizes or {}))
    failures = _failures(index)
    pixels = np.load(array, mmap_mode="r")
    missing = {sample.id: NO_IMAGE for sample in samples if sample.path is None}
    return Cache(pixels, tuple(s for s in here if s.id not in failures), missing | failures)


def _failures(index: Path) -> dict[str, str]:
    return json.loads(index.read_text(encoding="utf-8"))


def _is_readable(sample: Sample, spec: PrepareConfig) -> bool:
    try:
        return prepare(read(sample.path or ""), spec) is not None
    except UnreadableImage:
        return False


def _build(array: Path, samples: Sequence[Sample], spec: PrepareConfig, sizes: Sizes) -> dict[str, str]:
    failures: dict[str, str] = {}
    remove_leftovers(array.parent)
    with replacing(array) as temporary:
        with temporary.open("wb") as file, progress("preparing films", len(samples), "films") as advance:
            header = {"descr": "|u1", "fortran_order": False, "shape": (len(samples), spec.size, spec.size)}
            np.lib.format.write_array_header_1_0(file, header)
            for sample, result in _prepared(samples, spec, sizes):
                if isinstance(result, str):
                    failures[sample.id] = result
                else:
                    file.write(result.tobytes())
                advance()
        if failures:
            _shorten(temporary, len(samples) - len(failures), spec.size)
    return failures


def _prepared(
    samples: Sequence[Sample], spec: PrepareConfig, sizes: Sizes
) -> Iterator[tuple[Sample, np.ndarray | str]]:
    """In order, a few films ahead of the writer, so memory stays bounded."""

    def one(sample: Sample) -> np.ndarray | str:
        try:
            return prepare(restored(read(sample.path or ""), sizes.get(sample.id)), spec)
        except UnreadableImage as error:
            return str(error)

    workers = os.cpu_count() or 1
    with _one_thread_each(), ThreadPoolExecutor(workers) as pool:
        for chunk in _chunks(samples, 32 * workers):
            yield from zip(chunk, pool.map(one, chunk), strict=True)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Where films are shared out among threads, OpenCV and the AVIF decoder should not start more for each film."""
    threads, decoding = cv2.getNumThreads(), AvifImagePlugin.DEFAULT_MAX_THREADS
    cv2.setNumThreads(1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        AvifImagePlugin.DEFAULT_MAX_THREADS = decoding


def restored(film: Radiograph, size: tuple[int, int] | None) -> Radiograph:
    """The film at the aspect of its original (width, height), its longer side kept; unchanged where unknown."""
    if size is None:
        return film
    longest = max(film.pixels.shape)
    width, height = (max(1, round(longest * side / max(size))) for side in size)
    return replace(film, pixels=cv2.resize(film.pixels, (width, height), interpolation=cv2.INTER_AREA))


def _shorten(path: Path, rows: int, size: int) -> None:
    """Give the array the number of rows it has; the header keeps its length."""
    with path.open("r+b") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (rows, size, size)}
        np.lib.format.write_array_header_1_0(file, header)


def _chunks(items: Iterable[Sample], size: int) -> Iterator[list[Sample]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def _key(samples: Sequence[Sample], spec: PrepareConfig, sizes: Sizes) -> str:
    films = []
    for sample in samples:
        stat = os.stat(sample.path or "")
        films.append([sample.id, str(sample.path), stat.st_size, stat.st_mtime_ns, sizes.get(sample.id)])
    code = [sha256((ROOT / name).read_bytes()) for name in CODE]
    return sha256_json([films, asdict(spec), code, LIBRARIES])[:24]
