"""Claims: one at a time, and the dead have none."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from boneage.reading.archive import claims
from boneage.reading.archive.claims import STALE, Claimant, claim, held, release, renew

HERE = Claimant.here()


@pytest.fixture
def dead() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_a_claim_is_one_runs_until_it_is_released(tmp_path: Path) -> None:
    other = Claimant("other", HERE.host, os.getppid())
    assert claim(tmp_path, 3, other)
    assert not claim(tmp_path, 3, HERE)
    release(tmp_path, 3, HERE)
    assert held(tmp_path) == {3: False}
    release(tmp_path, 3, other)
    assert claim(tmp_path, 3, HERE)
    assert claim(tmp_path, 3, HERE)  # its own


def test_a_claim_of_a_dead_process_is_taken_over(tmp_path: Path, dead: int) -> None:
    assert claim(tmp_path, 3, Claimant("other", HERE.host, dead))
    assert held(tmp_path) == {3: True}
    assert claim(tmp_path, 3, HERE)
    assert claim(tmp_path, 4, Claimant("other", "another-machine", dead))
    assert not claim(tmp_path, 4, HERE)


def test_a_claim_of_another_machine_ends_when_it_is_not_renewed(tmp_path: Path) -> None:
    assert claim(tmp_path, 3, Claimant("other", "another-machine", 1))
    path = tmp_path / "00000003.claim"
    old = path.stat().st_mtime - STALE - 10
    os.utime(path, (old, old))
    assert held(tmp_path) == {3: True}
    renew(tmp_path, [3, 4])
    assert held(tmp_path) == {3: False}
    os.utime(path, (old, old))
    assert claim(tmp_path, 3, HERE)


def test_a_run_takes_over_what_its_earlier_process_had(tmp_path: Path) -> None:
    assert claim(tmp_path, 3, Claimant("run", "another-machine", 1))
    assert claim(tmp_path, 3, Claimant("run", HERE.host, HERE.pid))
    assert not claim(tmp_path, 3, Claimant("next", "another-machine", 2))


def test_a_claim_that_is_being_written_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "00000003.claim").touch()
    assert not claim(tmp_path, 3, HERE)
    monkeypatch.setattr(claims, "STALE", -10)
    assert claim(tmp_path, 3, HERE)
