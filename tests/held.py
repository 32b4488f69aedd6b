"""Spools with films that wait for a reviewer, as a node leaves them when it is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from boneage.clinic.documents.case import Case
from boneage.clinic.documents.fhir import summary
from boneage.clinic.spool import Spool

SETTINGS = """[node]
spool = "spool"
hold = true
[[destinations]]
name = "pacs"
host = "127.0.0.1"
ae_title = "PACS"
"""


@contextmanager
def spool_in(folder: Path) -> Iterator[Spool]:
    """The spool of the node with `settings_in` the same folder."""
    found = Spool(folder / "spool", most_bytes=10**9, least_free=0)
    try:
        yield found
    finally:
        found.close()


def settings_in(folder: Path) -> Path:
    """The node's settings."""
    path = folder / "node.toml"
    path.write_text(SETTINGS)
    return path


def hold(spool: Spool, data: bytes, case: Case, *others: Case) -> str:
    """Put a film with its cases among those that wait; its key."""
    key, cases = spool.add([data]), (case, *others)
    parts = [one.answer.part for one in cases if one.answer.part]
    spool.hold(key, " ".join(map(summary, cases)), "+".join(one.key for one in cases), parts)
    return key
