"""What most tests share: a folder of synthetic films, a cache of their own, a small trained run and its export."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # of torch: the tests' processes share the cores, and need no more
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from tiny import FILMS, tiny_config

from boneage.data.phantom import write_folder

if TYPE_CHECKING:
    from boneage.training.tensors import TrainingData

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: of two processes none is left with them at the end while the other idles."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True, scope="session")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test touches the user's cache; all share this one, whose names depend on what it holds."""
    home = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BONEAGE_CACHE", str(home))
        yield home


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of 60 synthetic hands at 96 px, for reading only."""
    return write_folder(tmp_path_factory.mktemp("data") / "films", FILMS, seed=1, size=96)


@pytest.fixture
def own_films(films: Path, tmp_path: Path) -> Path:
    """The shared films, for altering."""
    return Path(shutil.copytree(films, tmp_path / "own"))


@pytest.fixture(scope="session")
def tiny_data(films: Path) -> TrainingData:
    """`films` as `tiny_config` trains on them: 51 to train, 6 to validate, 48 px."""
    torch = pytest.importorskip("torch")
    from boneage.training.tensors import load

    return load(tiny_config(), films, torch.device("cpu"))


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Sums in one order: what has to be equal bit for bit in different processes."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_run(films: Path, tmp_path_factory: pytest.TempPathFactory, cache_home: Path) -> Path:
    """The folder of a finished run of the tiny network on `films`, for reading only."""
    pytest.importorskip("torch")
    from boneage.training.train import train

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    train(tiny_config(), films, folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model file of `tiny_run` by itself, for reading only."""
    return Path(shutil.copy(tiny_run / "model.onnx", tmp_path_factory.mktemp("models") / "tiny.onnx"))


@pytest.fixture(scope="session")
def calibrated_model(tiny_model: Path, films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model file of `tiny_run` with prediction intervals, for reading only."""
    from boneage.data.dataset import open_folder
    from boneage.training.calibrate import calibrate

    out = tmp_path_factory.mktemp("models") / "calibrated.onnx"
    calibrate(tiny_model, open_folder(films).samples, out, split="all")
    return out


@pytest.fixture(scope="session")
def bare_regions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model file of a tiny network of ages by region, without ranges, for reading only."""
    pytest.importorskip("torch")
    from regional import regional_run

    from boneage.training.regions_file import model_bytes

    folder = tmp_path_factory.mktemp("regions")
    model = folder / "bare.onnx"
    model.write_bytes(model_bytes(regional_run(folder / "run"), quantise="float32"))
    return model


@pytest.fixture(scope="session")
def regions_model(bare_regions: Path) -> Path:
    """The same with ranges, for reading only."""
    from regional import tables

    from boneage.training.export import with_facts

    model = bare_regions.with_name("regions.onnx")
    model.write_bytes(with_facts(bare_regions.read_bytes(), regions=tables().to_dict()))
    return model
