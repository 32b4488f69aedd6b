"""The service against its own description: schemathesis makes requests of all kinds, and every check must hold.

A few examples here; `benchmarks/serve.py` runs 200 an operation.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from schema_run import run
from services import PATIENT, service


@pytest.mark.slow
def test_all_checks_of_schemathesis_hold(tmp_path: Path, calibrated_model: Path) -> None:
    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip("schemathesis is not installed")
    with service("--record", tmp_path / "readings.db", "--model", calibrated_model, code=PATIENT) as running:
        ended = run(running.url, tmp_path, 2)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
