"""The processes that a test has started."""

from __future__ import annotations

import os
from pathlib import Path


def children(parent: int | None = None) -> set[int]:
    """The numbers of the running children of a process, by default of this one."""
    return {number for number, above in _parents().items() if above == (parent or os.getpid())}


def _parents() -> dict[int, int]:
    """Of each running process its parent; those that have ended and are not yet waited for do not count."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if state != "Z":
            found[int(number.split()[0])] = int(parent)
    return found
