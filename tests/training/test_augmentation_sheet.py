"""The sheet of films as stored, prepared and augmented."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny import tiny_config

pytest.importorskip("torch")

from boneage.config import PrepareConfig
from boneage.errors import BadTable, CannotWrite
from boneage.hand.prepare import prepare
from boneage.images.read import read
from boneage.training.augmentation_sheet import AUGMENTED_ROWS, COLUMNS, SIDE, sheet


def tiles(path: Path) -> np.ndarray:
    """The sheet as [rows, columns, SIDE, SIDE]."""
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    rows, columns = picture.shape[0] // SIDE, picture.shape[1] // SIDE
    assert picture.shape == (rows * SIDE, columns * SIDE)
    return picture.reshape(rows, SIDE, columns, SIDE).swapaxes(1, 2)


def folder_of(films: Path, folder: Path, ids: tuple[int, ...], labels: tuple[int, ...]) -> Path:
    folder.mkdir()
    for name in ids:
        shutil.copy(films / "images" / f"{name}.png", folder)
    rows = "".join(f"{name},100,True\n" for name in labels)
    (folder / "boneage-training-dataset.csv").write_text("id,boneage,male\n" + rows)
    return folder


def test_rows_of_stored_prepared_and_augmented_films(films: Path, tmp_path: Path) -> None:
    found = tiles(sheet(tiny_config(), films, tmp_path / "sheet.png", seed=3))
    assert found.shape[:2] == (2 + AUGMENTED_ROWS, COLUMNS)
    stored, ready, *augmented = found.astype(float)
    assert all(np.abs(row - ready).mean() > 1 for row in (stored, *augmented))
    assert np.abs(augmented[0] - augmented[1]).mean() > 1


def test_the_second_row_is_what_prepare_gives(films: Path, tmp_path: Path) -> None:
    one = folder_of(films, tmp_path / "one", (5,), (5,))
    found = tiles(sheet(tiny_config(), one, tmp_path / "sheet.png"))
    assert found.shape[:2] == (2 + AUGMENTED_ROWS, 1)
    ready = prepare(read(one / "5.png"), PrepareConfig(size=48))
    expected = cv2.resize(ready, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(found[1, 0], expected)


def test_without_augmentation_the_rows_are_the_prepared_films(films: Path, tmp_path: Path) -> None:
    one = folder_of(films, tmp_path / "one", (5,), (5,))
    plain = [f"augment.{name}=0" for name in ("rotation", "shift", "zoom", "aspect", "gamma", "contrast", "flip")]
    found = tiles(sheet(tiny_config(*plain), one, tmp_path / "sheet.png")).astype(float)
    for row in found[2:]:
        assert np.abs(row[0] - found[1, 0]).max() <= 1


def test_the_same_seed_draws_the_same_sheet(films: Path, tmp_path: Path) -> None:
    first, again, other = (
        sheet(tiny_config(), films, tmp_path / f"{name}.png", seed=seed).read_bytes()
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert first == again != other


def test_films_that_cannot_be_read_are_passed_over(films: Path, tmp_path: Path) -> None:
    some = folder_of(films, tmp_path / "some", (5, 6), (5, 6, 7))
    (some / "6.png").write_text("no picture")
    assert tiles(sheet(tiny_config(), some, tmp_path / "sheet.png")).shape[1] == 1


def test_a_folder_without_a_readable_film_is_refused(films: Path, tmp_path: Path) -> None:
    none = folder_of(films, tmp_path / "none", (), (5,))
    with pytest.raises(BadTable, match="none holds no film that can be read"):
        sheet(tiny_config(), none, tmp_path / "sheet.png")
    assert not (tmp_path / "sheet.png").exists()


def test_a_place_that_takes_no_file_is_refused(films: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match=r"sheet\.png cannot be written"):
        sheet(tiny_config(), films, tmp_path / "file" / "sheet.png")
