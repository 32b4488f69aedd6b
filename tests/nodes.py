"""Nodes for tests: in this process, or in one of its own that can be killed."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hands import predictor
from pacs import Pacs

from boneage.apps.dicom.node import Node, create_node
from boneage.apps.dicom.settings import Destination, NodeLimits, NodeSettings

LIMITS: dict[str, Any] = {"reading": 1, "retry_seconds": 1, "free": 0}


def settings(folder: Path, pacs: Pacs, *, limits: dict[str, Any] | None = None, **options: Any) -> NodeSettings:
    """Those of a node on any free port whose results go to ``pacs``."""
    to = Destination("pacs", host="127.0.0.1", port=pacs.port, ae_title="PACS")
    plain: dict[str, Any] = {"spool": folder / "spool", "port": 0, "destinations": (to,)}
    return NodeSettings(**plain | {"limits": NodeLimits(**LIMITS | (limits or {}))} | options)


@contextlib.contextmanager
def node(folder: Path, pacs: Pacs, **options: Any) -> Iterator[Node]:
    """A node that runs, and is stopped at the end."""
    running = create_node(predictor(), settings(folder, pacs, **options))
    running.start()
    try:
        yield running
    finally:
        running.stop()


def toml(folder: Path, pacs: Pacs, *, port: int = 0, **tables: str) -> Path:
    """The same as a file."""
    lines = [
        f'[node]\nspool = "spool"\nport = {port}\n{tables.get("node", "")}',
        f"[limits]\nreading = 1\nretry_seconds = 1\nfree = 0\n{tables.get('limits', '')}",
        f'[[destinations]]\nname = "pacs"\nhost = "127.0.0.1"\nport = {pacs.port}\nae_title = "PACS"\n',
    ]
    path = folder / "node.toml"
    path.write_text("\n".join(lines))
    return path


class NodeProcess:
    """``boneage node start`` in a process of its own."""

    def __init__(self, file: Path) -> None:
        code = "from boneage.apps.cli import main; main()"
        with (file.parent / "node.log").open("a") as log:
            command = [sys.executable, "-c", code, "node", "start", str(file)]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self.process.stdout is not None
        found = re.search(r":(\d+)\.", line := self.process.stdout.readline())
        assert found, line + (file.parent / "node.log").read_text()
        self.port = int(found[1])

    def kill(self) -> None:
        """As a power failure does, as far as a process sees it."""
        self.process.kill()
        self._gone()

    def stop(self) -> int:
        """As the system does; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._gone()

    def _gone(self) -> int:
        code = self.process.wait(120)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code
