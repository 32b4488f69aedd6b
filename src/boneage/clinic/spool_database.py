"""The database of a spool: its tables, how it is opened, and counts of what it holds.

It names no patient and holds no id; of a reviewer it holds the name.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ..errors import BadConfig, CannotWrite
from .database_errors import reason_of

DATABASE = "spool.sqlite"
WAITING, HELD, READY, DONE, FAILED = "waiting", "held", "ready", "done", "failed"  # states of a film
_TABLES = """
CREATE TABLE IF NOT EXISTS films (
    key TEXT PRIMARY KEY, state TEXT NOT NULL, size INTEGER NOT NULL, received REAL NOT NULL, changed REAL NOT NULL,
    due REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS parcels (
    film TEXT NOT NULL, document TEXT NOT NULL, destination TEXT NOT NULL, due REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, sent REAL, PRIMARY KEY (film, document, destination));
CREATE TABLE IF NOT EXISTS errors (destination TEXT PRIMARY KEY, at REAL NOT NULL, sentence TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS holds (film TEXT PRIMARY KEY, answer TEXT NOT NULL, parts TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS verdicts (
    film TEXT PRIMARY KEY, answer TEXT NOT NULL, verdict TEXT NOT NULL, observer TEXT NOT NULL,
    organisation TEXT NOT NULL, at TEXT NOT NULL, bone_age REAL, laterality TEXT, part TEXT, reason TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS films_due ON films (state, due);
CREATE INDEX IF NOT EXISTS parcels_due ON parcels (destination, sent, due);
"""


def look(folder: Path) -> dict[str, Any]:
    """The state of a spool, also while another process uses it.

    Raises:
        BadConfig: if there is none in the folder.
    """
    with existing(folder) as connection:
        return state_of(connection, threading.RLock(), folder)


def state_of(connection: sqlite3.Connection, lock: threading.RLock, folder: Path) -> dict[str, Any]:
    """What `Spool.state` gives; CannotWrite if the database does not answer."""
    with lock, as_cannot_write(folder):
        films = connection.execute("SELECT state, COUNT(*) AS n FROM films GROUP BY state").fetchall()
        failures = connection.execute(
            "SELECT key, reason, changed FROM films WHERE state = ? ORDER BY changed DESC LIMIT 5", (FAILED,)
        ).fetchall()
        parcels = connection.execute(
            "SELECT destination, SUM(sent IS NULL) AS waiting, SUM(sent IS NOT NULL) AS sent, MAX(sent) AS last"
            " FROM parcels GROUP BY destination"
        ).fetchall()
        errors = {row["destination"]: row for row in connection.execute("SELECT * FROM errors").fetchall()}
    found = dict.fromkeys((WAITING, HELD, READY, DONE, FAILED), 0) | {row["state"]: row["n"] for row in films}
    return {
        "films": found,
        "failures": [dict(row) for row in failures],
        "destinations": [_described(row, errors.get(row["destination"])) for row in parcels],
    }


def _described(row: sqlite3.Row, error: sqlite3.Row | None) -> dict[str, Any]:
    is_news = error is not None and (row["last"] is None or error["at"] > row["last"])
    last = {"at": error["at"], "sentence": error["sentence"], "is_present": is_news} if error else None
    return {
        "name": row["destination"],
        "waiting": row["waiting"],
        "sent": row["sent"],
        "last_sent": row["last"],
        "last_error": last,
    }


def opened(path: Path) -> sqlite3.Connection:
    """The database of a spool, made if it is not there; a commit is on disk, also if the power fails."""
    with as_cannot_write(path.parent):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = connected(path)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(_TABLES)
    return connection


@contextmanager
def existing(folder: Path) -> Iterator[sqlite3.Connection]:
    """The database of a spool that a node may be using; BadConfig if there is none, CannotWrite if it fails."""
    path = folder / DATABASE
    if not path.is_file():
        raise BadConfig(f"{folder} holds no spool: no node has been started on it")
    with as_cannot_write(folder), closing(connected(path)) as connection:
        yield connection


def connected(path: Path) -> sqlite3.Connection:
    """The database of a spool, whose statements each hold by themselves."""
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    return connection


@contextmanager
def as_cannot_write(folder: Path) -> Iterator[None]:
    """Turn an error of a database or a disk into CannotWrite, in our own words."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        reason = reason_of(error) if isinstance(error, sqlite3.Error) else error.strerror
        raise CannotWrite(f"the spool in {folder} cannot be used: {reason}") from None
