"""The service against its own description: schemathesis makes requests of all kinds, and every check must hold.

A few examples here; `benchmarks/serve.py` runs 200 an operation.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import TESTS
from rooms import service

PATIENT = (  # a service that schemathesis cannot fill: a 503 is right there, and a server error in its eyes
    "import functools\n"
    "from boneage.clinic import limits\n"
    "limits.Limits = functools.partial(limits.Limits, jobs=10_000, waiting=1000)\n"
)


@pytest.mark.slow
def test_all_checks_of_schemathesis_hold(tmp_path: Path) -> None:
    if importlib.util.find_spec("schemathesis") is None:
        pytest.skip("schemathesis is not installed")
    with service("--record", tmp_path / "room.db", code=PATIENT) as running:
        ended = run(running.url, tmp_path, 5)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]


def run(url: str, folder: Path, examples: int) -> subprocess.CompletedProcess[str]:
    """``schemathesis run`` on a service, with all checks."""
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schema_hooks", "COLUMNS": "160"}
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    words = ["run", f"{url}/api/openapi.json", "--checks", "all", "--max-examples", str(examples), "--seed", "1"]
    words += ["--suppress-health-check", "all", "--generation-database", "none", "--no-color"]
    words += ["--request-timeout", "60", "--max-response-time", "60"]  # the line is endless here
    program = "import sys; from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    return subprocess.run(
        [sys.executable, "-c", program, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
