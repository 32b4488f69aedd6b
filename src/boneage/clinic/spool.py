"""The spool: films that arrived and documents that are to be sent, on disk until that is done.

A film is on disk, with its row in the database, before anybody is told that it arrived; it is taken off when all its
documents are at their destinations. In between the process may be killed, the power fail and the disk be full: what was
begun is begun again, and gives the same documents under the same UIDs. A film that comes again is known by its bytes
and not read again.

Files are named by hashes; nothing that a sender wrote is ever part of a path. The database names no patient and holds
no id.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BadConfig, CannotWrite
from ..files import refuse_unwritable, remove_leftovers, sha256, sync_folder, write_bytes
from .documents.document import Document
from .spool_database import (
    DATABASE,
    DONE,
    FAILED,
    HELD,
    READY,
    WAITING,
    as_cannot_write,
    opened,
    state_of,
)

FILMS, DOCUMENTS, LOCK = "films", "documents", "lock"
FIRST_WAIT, LONGEST_WAIT = 2.0, 600.0  # seconds between two attempts; each is twice as long as that before
MOST_READINGS = 5  # attempts to read a film that fails for a reason of the program's own
REMEMBERED = 90 * 86400.0  # seconds that the hash of a film is kept after it is done
LOCKINGS = 3  # attempts to have the spool alone


@dataclass(frozen=True)
class Parcel:
    """A document on its way: the film's key, the name of the document, and where it goes."""

    film: str
    document: str
    destination: str
    tries: int = 0


class SpoolFull(CannotWrite):
    """The spool holds as many bytes as it may, or the disk has no room."""


class Spool:
    """The spool in a folder of its own. Several threads may use it at once, of one process.

    Args:
        folder: made, readable by its owner alone, if it does not exist.
        most_bytes: of all films that wait.
        least_free: bytes that stay free on the disk.

    Raises:
        BadConfig: if another process uses the folder.
        CannotWrite: if it cannot be written.
    """

    def __init__(self, folder: Path, *, most_bytes: int, least_free: int) -> None:
        self.folder, self.most_bytes, self.least_free = folder, most_bytes, least_free
        refuse_unwritable(folder)
        for name in ("", FILMS, DOCUMENTS):
            (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock_file = _locked(folder / LOCK)
        self._database, self._numbers = threading.RLock(), itertools.count()
        self._arriving, self._arrivals = set[str](), threading.Condition()
        self._connection = opened(folder / DATABASE)
        self._sweep()

    # --- films ------------------------------------------------------------------------------------------------------

    def add(self, pieces: Sequence[bytes | memoryview], *, now: float | None = None) -> str:
        """Put a film on disk, if it is not there or has been; returns its key, the hash of its bytes.

        One that was given up is read again.

        Args:
            pieces: of the file, one after the other.
            now: seconds since the epoch.

        Raises:
            SpoolFull: if there is no room for it.
            CannotWrite: if the disk does not take it; nothing of it is left then.
        """
        key, size, at = sha256(*pieces), sum(map(len, pieces)), _now(now)
        with self._one_by_one(key):
            if self._known(key):
                self._write("UPDATE films SET state = ?, due = ? WHERE key = ? AND state = ?", WAITING, at, key, FAILED)
                return key
            self._refuse_full(size)
            self._place(key, pieces)
            try:
                self._write("INSERT INTO films VALUES (?, ?, ?, ?, ?, ?, 0, '')", key, WAITING, size, at, at, at)
            except CannotWrite:
                self._forget(key)
                raise
        return key

    def take(self, now: float | None = None) -> str | None:
        """A film that is to be read now, and is lent until `put`, `hold`, `fail` or `put_back`; None if there is none.

        What was lent when the process was killed is to be read again.
        """
        at = _now(now)
        with self._database:
            row = self._row("SELECT key FROM films WHERE state = ? AND due <= ? ORDER BY received", WAITING, at)
            if row:
                self._write("UPDATE films SET due = ? WHERE key = ?", at + 3600, row["key"])
        return row["key"] if row else None

    def film(self, key: str) -> Path:
        """Where a film lies."""
        return self.folder / FILMS / f"{key}.dcm"

    def put(self, key: str, documents: Iterable[Document], destinations: Mapping[str, Sequence[str]]) -> None:
        """Put the documents of a film on disk, to be sent.

        Args:
            key: of the film.
            documents: all that may be sent.
            destinations: names of the documents that each gets.

        Raises:
            CannotWrite: if the disk does not take them; the film then stays as it was.
        """
        folder = self.folder / DOCUMENTS / key
        for document in documents:
            write_bytes(folder / document.name, document.data)
        sync_folder(folder.parent)
        at = time.time()
        with self._transaction() as run:
            for destination, names in destinations.items():
                for name in names:
                    run("INSERT OR IGNORE INTO parcels VALUES (?, ?, ?, ?, 0, NULL)", key, name, destination, at)
            run("UPDATE films SET state = ?, changed = ?, reason = '' WHERE key = ?", READY, at, key)
        self._finish(key)

    def hold(self, key: str, reading: str, answer: str, parts: Sequence[str] = ()) -> None:
        """Keep a film back until a person has decided on it (`boneage.clinic.decisions`).

        A decision on another answer is forgotten.

        Args:
            key: of the film.
            reading: in words.
            answer: what tells this answer from another one about the same film.
            parts: of a picture of two hands, the places of those that were read.
        """
        with self._transaction() as run:
            run("DELETE FROM verdicts WHERE film = ?", key)
            run("INSERT OR REPLACE INTO holds VALUES (?, ?, ?)", key, answer, ",".join(parts))
            run("UPDATE films SET state = ?, changed = ?, reason = ? WHERE key = ?", HELD, time.time(), reading, key)

    def decided(self, key: str) -> sqlite3.Row | None:
        """The row of the decision on a film."""
        return self._row("SELECT * FROM verdicts WHERE film = ?", key)

    def fail(self, key: str, reason: str) -> None:
        """Give a film up, with one sentence on why. Its file stays."""
        self._write(
            "UPDATE films SET state = ?, changed = ?, reason = ? WHERE key = ?", FAILED, time.time(), reason, key
        )

    def put_back(self, key: str, reason: str, now: float | None = None) -> int:
        """Read a film later, as often as needed; returns how often it was put back."""
        tries = self.tries(key) + 1
        due = _now(now) + wait(tries)
        self._write("UPDATE films SET due = ?, tries = ?, reason = ? WHERE key = ?", due, tries, reason, key)
        return tries

    def tries(self, key: str) -> int:
        """How often a film was put back."""
        row = self._row("SELECT tries FROM films WHERE key = ?", key)
        return row["tries"] if row else 0

    # --- parcels ----------------------------------------------------------------------------------------------------

    def parcels(self, destination: str, most: int, now: float | None = None) -> list[Parcel]:
        """Documents that are to be sent to a destination now, of the oldest films first."""
        rows = self._rows(
            "SELECT film, document, tries FROM parcels WHERE destination = ? AND sent IS NULL AND due <= ?"
            " ORDER BY due, film LIMIT ?",
            *(destination, _now(now), most),
        )
        return [Parcel(row["film"], row["document"], destination, row["tries"]) for row in rows]

    def document(self, parcel: Parcel) -> Path:
        """Where a document lies."""
        return self.folder / DOCUMENTS / parcel.film / parcel.document

    def sent(self, parcel: Parcel) -> None:
        """Take note that a document is at its destination; with the last one the film leaves the disk."""
        where = "WHERE film = ? AND document = ? AND destination = ?"
        self._write(f"UPDATE parcels SET sent = ? {where}", time.time(), *_named(parcel))
        self._finish(parcel.film)

    def not_sent(self, parcel: Parcel, sentence: str, now: float | None = None, longest: float = LONGEST_WAIT) -> None:
        """Send a document later, after ``longest`` seconds at most, and keep the sentence as its destination's last
        error."""
        at = _now(now)
        due = at + wait(parcel.tries + 1, longest)
        with self._transaction() as run:
            where = "WHERE film = ? AND document = ? AND destination = ?"
            run(f"UPDATE parcels SET tries = tries + 1, due = ? {where}", due, *_named(parcel))
            run("INSERT OR REPLACE INTO errors VALUES (?, ?, ?)", parcel.destination, at, sentence)

    def unreached(self, destination: str, sentence: str) -> None:
        """Keep the sentence as a destination's last error."""
        self._write("INSERT OR REPLACE INTO errors VALUES (?, ?, ?)", destination, time.time(), sentence)

    # --- the state --------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """How many films are in each state, what waits for each destination, and its last error."""
        return state_of(self._connection, self._database, self.folder)

    def close(self) -> None:
        """Close the database, and let another process use the folder."""
        with self._database:
            self._connection.close()
        os.close(self._lock_file)

    def _known(self, key: str) -> bool:
        return self._row("SELECT key FROM films WHERE key = ?", key) is not None

    @contextmanager
    def _one_by_one(self, key: str) -> Iterator[None]:
        """Let nobody else put the same film in the meantime: who fails may then take its file away."""
        with self._arrivals:
            self._arrivals.wait_for(lambda: key not in self._arriving)
            self._arriving.add(key)
        try:
            yield
        finally:
            with self._arrivals:
                self._arriving.discard(key)
                self._arrivals.notify_all()

    def _forget(self, key: str) -> None:
        """Take the file of a film away that could not be noted down, unless it was after all."""
        with suppress(CannotWrite):
            if not self._known(key):
                self.film(key).unlink(missing_ok=True)

    def _place(self, key: str, pieces: Sequence[bytes | memoryview]) -> None:
        """Write a film whole or not at all."""
        temporary = self.folder / FILMS / f".{key}.{next(self._numbers)}.{os.getpid()}.tmp"
        try:
            with as_cannot_write(self.folder), temporary.open("xb") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
                os.replace(temporary, self.film(key))
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(temporary.parent)

    def _refuse_full(self, size: int) -> None:
        held = self._row("SELECT COALESCE(SUM(size), 0) AS held FROM films WHERE state != ?", DONE)
        if held and held["held"] + size > self.most_bytes:
            raise SpoolFull(f"{self.folder} holds as many bytes as it may")
        if shutil.disk_usage(self.folder).free - size < self.least_free:
            raise SpoolFull(f"{self.folder} has no room on its disk")

    def _finish(self, key: str) -> None:
        """Take a film off the disk if nothing of it is to be sent any more."""
        left = self._row("SELECT 1 FROM parcels WHERE film = ? AND sent IS NULL", key)
        if left is None:
            self._write("UPDATE films SET state = ?, changed = ? WHERE key = ?", DONE, time.time(), key)
            self._remove(key)

    def _remove(self, key: str) -> None:
        self.film(key).unlink(missing_ok=True)
        shutil.rmtree(self.folder / DOCUMENTS / key, ignore_errors=True)

    def _sweep(self) -> None:
        """After a start: lend again what was lent, and remove files whose film is done or was never acknowledged.

        A film that was held before it was noted down with which answer is read and held again.
        """
        remove_leftovers(self.folder / FILMS)
        at = time.time()
        with self._transaction() as run:
            run(f"UPDATE films SET state = ? WHERE state = '{HELD}' AND key NOT IN (SELECT film FROM holds)", WAITING)
            run("UPDATE films SET due = ? WHERE state = ?", at, WAITING)
            run("UPDATE parcels SET due = ? WHERE sent IS NULL", at)
            old = f"SELECT key FROM films WHERE state = '{DONE}' AND changed < ?"
            for table in ("parcels", "holds", "verdicts"):
                run(f"DELETE FROM {table} WHERE film IN ({old})", at - REMEMBERED)
            run(f"DELETE FROM films WHERE key IN ({old})", at - REMEMBERED)
        for row in self._rows("SELECT key FROM films WHERE state = ?", READY):
            self._finish(row["key"])
        kept = {row["key"] for row in self._rows("SELECT key FROM films WHERE state != ?", DONE)}
        lying = {path.stem for path in (self.folder / FILMS).iterdir()}
        for key in lying | {path.name for path in (self.folder / DOCUMENTS).iterdir()}:
            if key not in kept:
                self._remove(key)

    # --- the database -----------------------------------------------------------------------------------------------

    def _row(self, statement: str, *values: object) -> sqlite3.Row | None:
        return next(iter(self._rows(f"{statement} LIMIT 1", *values)), None)

    def _rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        with self._database, as_cannot_write(self.folder):
            return self._connection.execute(statement, values).fetchall()

    def _write(self, statement: str, *values: object) -> None:
        with self._transaction() as run:
            run(statement, *values)

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        """A function that runs statements, all of which hold at the end of the block or none."""
        with self._database, as_cannot_write(self.folder):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield lambda statement, *values: self._connection.execute(statement, values)
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise


def wait(tries: int, longest: float = LONGEST_WAIT) -> float:
    """Seconds until the next attempt, after so many."""
    return min(longest, FIRST_WAIT * 2.0 ** min(tries - 1, 30))


def _named(parcel: Parcel) -> tuple[str, str, str]:
    return parcel.film, parcel.document, parcel.destination


def _now(now: float | None) -> float:
    return time.time() if now is None else now


def _locked(path: Path) -> int:
    """A descriptor whose lock no other process can have."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    for left in reversed(range(LOCKINGS)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except OSError:
            if left:
                time.sleep(0.05)  # who asks whether a node runs has it for a moment
    os.close(descriptor)
    raise BadConfig(f"{path.parent} is in use by another node")


def is_in_use(folder: Path) -> bool:
    """Whether a process uses the spool in a folder."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except OSError:
        return True
    finally:
        os.close(descriptor)
