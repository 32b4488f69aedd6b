"""A job of the shared films that was read without a break, for reading only."""

from __future__ import annotations

from pathlib import Path

import pytest
from jobs import planned

from boneage.reading.archive.job import Job
from boneage.reading.archive.run import run


@pytest.fixture(scope="session")
def unbroken(films: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Three shards of 15, 15 and 5 films, one of which is no film."""
    source = tmp_path_factory.mktemp("archive") / "films"
    source.mkdir()
    for number in range(10, 44):
        (source / f"{number}.png").symlink_to(films / "images" / f"{number - 9}.png")
    (source / "note.png").write_bytes(b"this is no picture")
    job = planned(source.parent / "job", source, tiny_model, 15)
    assert run(job, workers=2).films == 35
    return job
