from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from processes import children
from refusals import full_disk

from boneage.config import PrepareConfig
from boneage.data import cache, pipeline
from boneage.data.cache import open_cache
from boneage.data.dataset import Sample, open_folder
from boneage.data.pipeline import restored
from boneage.errors import CannotWrite, UnreadableImage
from boneage.hand.prepare import prepare
from boneage.images.read import read
from boneage.types import Failure, Radiograph

SPEC = PrepareConfig(size=32)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("BONEAGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def samples(films: Path, tmp_path: Path) -> list[Sample]:
    """Eight films of this test's own."""
    chosen = open_folder(films).samples[:8]
    shutil.copytree(films / "images", tmp_path / "images")
    return [replace(sample, path=tmp_path / "images" / f"{sample.id}.png") for sample in chosen]


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The films that were read, as they are."""
    paths: list[Path] = []

    def spy(path: Path) -> Radiograph:
        paths.append(path)
        return read(path)

    monkeypatch.setattr(pipeline, "read", spy)
    return paths


def test_rows_are_the_prepared_films_in_order(home: Path, samples: list[Sample]) -> None:
    found = open_cache(samples, SPEC)
    assert found.samples == tuple(samples)
    assert found.failures == ()
    assert found.pixels.dtype == np.uint8
    for row, sample in zip(found.pixels, samples, strict=True):
        np.testing.assert_array_equal(row, prepare(read(sample.path or ""), SPEC))


def test_is_mapped_not_loaded(home: Path, samples: list[Sample]) -> None:
    assert isinstance(open_cache(samples, SPEC).pixels, np.memmap)


def test_is_built_once(home: Path, samples: list[Sample], readings: list[Path]) -> None:
    first = open_cache(samples, SPEC)
    files = sorted(path.name for path in home.iterdir())
    again = open_cache(samples, SPEC)
    assert sorted(readings) == sorted(sample.path for sample in samples if sample.path)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert sorted(path.name for path in home.iterdir()) == files
    assert len(files) == 2


def test_is_built_again_for_another_preparation(home: Path, samples: list[Sample], readings: list[Path]) -> None:
    open_cache(samples, SPEC)
    assert open_cache(samples, replace(SPEC, size=40)).pixels.shape == (8, 40, 40)
    open_cache(samples, replace(SPEC, high=90))
    assert len(readings) == 24


def test_is_built_again_for_other_films(home: Path, samples: list[Sample], readings: list[Path]) -> None:
    open_cache(samples, SPEC)
    np.testing.assert_array_equal(
        open_cache(samples[::-1], SPEC).pixels[::-1], open_cache(samples, SPEC).pixels
    )  # another order is another array
    assert open_cache(samples[:5], SPEC).pixels.shape == (5, 32, 32)
    assert len(readings) == 8 + 8 + 5


def test_is_built_again_when_a_film_changes(home: Path, samples: list[Sample], readings: list[Path]) -> None:
    before = np.array(open_cache(samples, SPEC).pixels)
    changed = samples[3].path
    assert changed
    length, times = changed.stat().st_size, changed.stat()
    film = cv2.imread(str(changed), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(changed), film[:, ::-1])
    changed.write_bytes(changed.read_bytes().ljust(length, b"\0"))
    os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns + 10**9))
    after = open_cache(samples, SPEC).pixels
    assert [row for row in range(8) if (before[row] != after[row]).any()] == [3]
    assert len(readings) == 16


def test_is_built_again_when_a_killed_process_left_half(home: Path, samples: list[Sample]) -> None:
    whole = np.array(open_cache(samples, SPEC).pixels)
    (index,) = home.glob("*.json")
    index.unlink()  # the last thing written
    (array,) = home.glob("*.npy")
    array.write_bytes(b"half")
    np.testing.assert_array_equal(open_cache(samples, SPEC).pixels, whole)


def test_a_film_that_cannot_be_read_is_left_out_and_rows_stay_aligned(home: Path, samples: list[Sample]) -> None:
    broken, cut = samples[2].path, samples[6].path
    assert broken
    assert cut
    broken.write_text("no film")
    cut.write_bytes(cut.read_bytes()[:200])
    absent = replace(samples[7], id="absent", path=None)
    for _ in range(2):  # built, and found again
        found = open_cache([*samples, absent], SPEC)
        assert [sample.id for sample in found.samples] == [s.id for s in samples if s not in (samples[2], samples[6])]
        assert [(film.id, film.file) for film in found.failures] == [
            (samples[2].id, str(broken)),
            (samples[6].id, str(cut)),
            ("absent", ""),
        ]
        assert str(broken) in found.failures[0].reason
        assert len(found.pixels) == 6
        for row, sample in zip(found.pixels, found.samples, strict=True):
            np.testing.assert_array_equal(row, prepare(read(sample.path or ""), SPEC))


def test_a_film_that_can_be_read_by_now_is_taken_in(
    home: Path, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = samples[2].path

    def for_a_while(path: Path) -> Radiograph:
        if path == refused:
            raise UnreadableImage("no permission")
        return read(path)

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "read", for_a_while)
        assert open_cache(samples, SPEC).failures == (Failure(samples[2].id, str(refused), "no permission"),)
    found = open_cache(samples, SPEC)
    assert (found.failures, len(found.pixels)) == ((), 8)


@pytest.mark.parametrize("count", [0, 1])
def test_no_film_at_all(home: Path, samples: list[Sample], count: int) -> None:
    for sample in samples[:count]:
        (sample.path or Path()).write_text("no film")
    found = open_cache(samples[:count], SPEC)
    assert found.pixels.shape == (0, 32, 32)
    assert found.samples == ()
    assert len(found.failures) == count


def test_a_failure_while_building_leaves_nothing(
    home: Path, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(path: Path) -> Radiograph:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "read", stopped)
    with pytest.raises(KeyboardInterrupt):
        open_cache(samples, SPEC)
    assert list(home.iterdir()) == []


def test_workers_make_the_same_cache(
    home: Path, samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = PrepareConfig(size=64, hand=True, joints=True, beside=True)
    (samples[3].path or Path()).write_text("no film")
    alone = open_cache(samples, spec)
    monkeypatch.setenv("BONEAGE_CACHE", str(tmp_path / "other"))
    shared = open_cache(samples, spec, workers=2)
    np.testing.assert_array_equal(shared.pixels, alone.pixels)
    assert (shared.samples, shared.failures) == (alone.samples, alone.failures)
    assert len(shared.failures) == 1


def test_a_full_disk_leaves_no_file_and_no_process(home: Path, samples: list[Sample]) -> None:
    before = children()
    with full_disk(2 * SPEC.size**2), pytest.raises(CannotWrite, match="cannot be written: File too large"):
        open_cache(samples, SPEC, workers=2)
    assert list(home.iterdir()) == []
    assert children() == before


def test_a_cache_that_cannot_be_written(samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("BONEAGE_CACHE", str(tmp_path / "file"))
    with pytest.raises(CannotWrite, match="cannot be written"):
        open_cache(samples, SPEC)


def test_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BONEAGE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.cache_home() == tmp_path / "boneage"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache.cache_home() == Path.home() / ".cache" / "boneage"


def test_a_squash_is_undone_where_the_original_size_is_known(home: Path, samples: list[Sample]) -> None:
    sizes = {samples[0].id: (1500, 2000)}
    spec = replace(SPEC, fit="pad")
    native, stored = open_cache(samples, spec, sizes).pixels, open_cache(samples, spec).pixels
    assert [row for row in range(8) if (native[row] != stored[row]).any()] == [0]
    film = read(samples[0].path or "")
    np.testing.assert_array_equal(native[0], prepare(restored(film, (1500, 2000)), spec))


@pytest.mark.parametrize("ending", [".json", ".npy"])
@pytest.mark.parametrize("content", [b"", b"[" * 100_000, b"null"])
def test_a_cache_that_is_damaged_is_made_again(home: Path, samples: list[Sample], ending: str, content: bytes) -> None:
    before = open_cache(samples, SPEC)
    pixels = np.array(before.pixels)
    (damaged,) = home.glob(f"*{ending}")
    damaged.unlink()  # the other one is mapped
    damaged.write_bytes(content)
    np.testing.assert_array_equal(open_cache(samples, SPEC).pixels, pixels)
