"""What most tests share: a folder of synthetic films, a cache of their own, a small trained run and its export."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from boneage.config import Config, override
from boneage.phantom import write_folder
from boneage.recipes import recipe

if TYPE_CHECKING:
    from boneage.films import Data

FILMS = 60
NOBODY = 65534  # the user who owns nothing
TINY = (  # a tiny network on the shared films: an epoch takes a fraction of a second
    "prepare.size=48",
    "model.hidden=16",
    "train.batch=16",
    "train.epochs=3",
    "train.precision=fp32",
)


def tiny_config(*settings: str) -> Config:
    """The recipe `tiny` made small, and ``section.field=value`` words on top."""
    return override(recipe("tiny"), [*TINY, *settings])


@contextmanager
def full_disk(bytes_left: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: the system refuses the rest, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def closed_folder() -> Iterator[Path]:
    """A folder within a folder that this process may not list while the block lasts, whoever runs it."""
    with tempfile.TemporaryDirectory() as outer:
        folder = Path(outer, "closed")
        Path(outer).chmod(0o777)
        folder.mkdir(mode=0o000)
        user = os.geteuid()
        if user == 0:
            try:
                os.seteuid(NOBODY)
            except OSError:
                pytest.skip("everything may be listed here")
        try:
            yield folder
        finally:
            os.seteuid(user)
            folder.chmod(0o700)


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
def tiny_data(films: Path) -> Data:
    """`films` as `tiny_config` trains on them: 51 to train, 6 to validate, 48 px."""
    torch = pytest.importorskip("torch")
    from boneage.films import load

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
    from boneage.train import train

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    train(tiny_config(), films, folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tiny_run` exported, for reading only."""
    from boneage.export import export

    return export(tiny_run, tmp_path_factory.mktemp("models") / "tiny.onnx")
