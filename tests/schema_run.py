"""schemathesis in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from places import TESTS


def run(url: str, folder: Path, examples: int) -> subprocess.CompletedProcess[str]:
    """``schemathesis run`` on a service, with all checks."""
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schema_hooks", "COLUMNS": "160"}
    environment["PYTHONPATH"] = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    words = ["run", f"{url}/api/openapi.json", "--checks", "all", "--max-examples", str(examples), "--seed", "1"]
    words += ["--suppress-health-check", "all", "--generation-database", "none", "--no-color"]
    words += ["--workers", "3"]  # a request waits longer than it works
    words += ["--request-timeout", "60", "--max-response-time", "60"]  # the queue is endless here
    # Python 3.11 fails to parse ("AST constructor recursion depth mismatch") where another thread parses meanwhile;
    # threads change places in a parse only when garbage is collected.
    program = "import gc, sys; gc.disable(); from schemathesis.cli import schemathesis; sys.exit(schemathesis())"
    return subprocess.run(
        [sys.executable, "-c", program, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
