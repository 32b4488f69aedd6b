"""The record of readings: who read which film when with which model, and what a reviewer said. Off unless asked for.

It holds hashes, never a film, a name or an id: of the film its SHA-256, of the patient's id an HMAC-SHA-256 whose key
lies in a file of its own. Without the key nobody can tell by trying ids whose readings these are.

No row is ever changed in what was read, and none is deleted: a later reading of the same film for the same patient
supersedes the earlier one, and so does a reading given to another patient; a reading can be withdrawn.
"""

from __future__ import annotations

import csv
import hmac
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from alembic import command
from alembic.config import Config as Steps
from sqlalchemy import JSON, Connection, DateTime, Engine, Float, Integer, MetaData, String, create_engine, event
from sqlalchemy import Column as Col
from sqlalchemy import Table as SqlTable
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from ..errors import BadConfig, CannotWrite
from ..images.pixels import printable
from ..types import DISCLAIMER, Reading

MIGRATIONS = Path(__file__).parent / "migrations"
KEY_BYTES = 32

READINGS = SqlTable(
    "readings",
    MetaData(),
    Col("id", Integer, primary_key=True),
    Col("made_at", DateTime(timezone=True)),
    Col("who", String(64)),
    Col("film_sha256", String(64)),
    Col("patient", String(64)),
    Col("sex", String(8)),
    Col("chronological_age_months", Float),
    Col("bone_age_months", Float),
    Col("model", String(200)),
    Col("weights_sha256", String(64)),
    Col("reading", JSON),
    Col("reviewer_bone_age_months", Float),
    Col("reviewer", String(64)),
    Col("reviewed_at", DateTime(timezone=True)),
    Col("superseded_by", Integer),
    Col("withdrawn_at", DateTime(timezone=True)),
    Col("withdrawn_by", String(64)),
)
_COUNTS = READINGS.c.superseded_by.is_(None) & READINGS.c.withdrawn_at.is_(None)
_REVIEW = (READINGS.c.reviewer_bone_age_months, READINGS.c.reviewer, READINGS.c.reviewed_at)


@dataclass(frozen=True)
class Entry:
    """One reading as kept. Ages in months, times in UTC. ``patient``: the keyed hash, None where none was known.

    ``who``: who asked for the reading, in their own words; ``reviewer``: who gave the age beside it. A reading counts
    unless it is ``superseded_by`` another or withdrawn.
    """

    id: int
    made_at: datetime
    who: str
    film_sha256: str
    patient: str | None
    sex: str
    chronological_age_months: float | None
    bone_age_months: float | None
    model: str
    weights_sha256: str
    reviewer_bone_age_months: float | None
    reviewer: str | None
    reviewed_at: datetime | None
    superseded_by: int | None
    withdrawn_at: datetime | None
    withdrawn_by: str | None

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values, times in ISO 8601."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


_KEPT = [READINGS.c[field.name] for field in fields(Entry)]


class Pseudonyms:
    """Keyed hashes of patients' ids: the same id gives the same hash only under the same key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def of_this_run(cls) -> Pseudonyms:
        """Under a key that nobody keeps: good for one run of the program."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_file(cls, path: Path) -> Pseudonyms:
        """Under the key of a file that only its owner may read; made, with a new key, if it is not there."""
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_hex(KEY_BYTES) + "\n")
        except FileExistsError:
            pass
        except OSError as error:
            raise CannotWrite(f"{path} cannot be written: {error.strerror}") from error
        return cls(_key_of(path))

    def of(self, patient_id: str) -> str | None:
        """The hash in hexadecimal; None for an id that is empty."""
        plain = patient_id.strip()
        return hmac.new(self._key, plain.encode(), "sha256").hexdigest() if plain else None


class Record:
    """Readings in a database, brought to its present shape on opening. Safe to use from several threads."""

    def __init__(self, engine: Engine, pseudonyms: Pseudonyms) -> None:
        self._engine, self.pseudonyms = engine, pseudonyms

    @classmethod
    def open(cls, place: str, key_file: Path | None = None) -> Record:
        """From a file (SQLite, made if it is not there) or a database URL; BadConfig or CannotWrite if it will not.

        ``key_file``: of the patients' hashes; default: beside the file, with ``.key`` added to its name.
        """
        is_url = "://" in place
        if is_url and key_file is None and not place.startswith("sqlite:///"):
            raise BadConfig("a record in a database needs --record-key FILE for the key of the patients' hashes")
        engine = _engine(place if is_url else f"sqlite:///{Path(place)}")
        with _sentences(engine), engine.begin() as connection:
            _upgrade(connection)
        beside = Path((make_url(place).database or "record") if is_url else place)
        return cls(engine, Pseudonyms.from_file(key_file or beside.with_name(beside.name + ".key")))

    def add(
        self,
        reading: dict[str, Any],
        *,
        who: str,
        patient: str | None,
        age: float | None,
        instead_of: int | None = None,
    ) -> int:
        """Keep a reading (as `Reading.to_dict` gives it, without the name of its file); returns its number.

        It supersedes earlier readings of the same film for the same patient, and reading ``instead_of`` of the same
        film whoever's that was, and takes on their review where the sex is still the same.
        """
        kept = {name: value for name, value in reading.items() if name != "file"}
        values = {name: reading[name] for name in ("sex", "bone_age_months", "model", "weights_sha256")}
        values |= {"film_sha256": reading["image_sha256"], "who": _words(who), "patient": patient, "reading": kept}
        values |= {"made_at": datetime.now(UTC), "chronological_age_months": age}
        with _sentences(self._engine), self._engine.begin() as connection:
            wanted = READINGS.select().with_only_columns(*_REVIEW).order_by(READINGS.c.id.desc())
            older = _older(values, instead_of)
            alike = older & (READINGS.c.sex == values["sex"]) & READINGS.c.reviewed_at.is_not(None)
            reviewed = connection.execute(wanted.where(alike)).mappings().first()
            return _insert(connection, values | dict(reviewed or {}), older)

    def give_to(self, patient: str | None, number: int, who: str) -> int | None:
        """Keep reading ``number`` anew under another keyed hash; its new number, None if there is none that counts."""
        with _sentences(self._engine), self._engine.begin() as connection:
            found = connection.execute(READINGS.select().where((READINGS.c.id == number) & _COUNTS)).mappings().first()
            if found is None:
                return None
            values = {name: value for name, value in found.items() if name != "id"}
            values |= {"patient": patient, "who": _words(who), "made_at": datetime.now(UTC)}
            return _insert(connection, values, _older(values, number))

    def withdraw(self, number: int, who: str) -> Entry | None:
        """Let reading ``number`` count no more; None if there is no such reading."""
        values = {"withdrawn_at": datetime.now(UTC), "withdrawn_by": _words(who)}
        once = (READINGS.c.id == number) & READINGS.c.withdrawn_at.is_(None)
        with _sentences(self._engine), self._engine.begin() as connection:
            connection.execute(READINGS.update().where(once).values(values))
        return self.entry(number)

    def review(self, number: int, bone_age_months: float, who: str) -> Entry | None:
        """Put a reviewer's own age beside reading ``number``; None if there is no such reading."""
        values = {
            "reviewer_bone_age_months": bone_age_months,
            "reviewer": _words(who),
            "reviewed_at": datetime.now(UTC),
        }
        with _sentences(self._engine), self._engine.begin() as connection:
            connection.execute(READINGS.update().where(READINGS.c.id == number).values(values))
        return self.entry(number)

    def entry(self, number: int) -> Entry | None:
        """Reading ``number``, whether it counts or not."""
        return next(self._entries(READINGS.c.id == number), None)

    def of_patient(self, patient: str, limit: int = 200) -> list[Entry]:
        """The latest readings that count under one keyed hash, oldest first."""
        found = list(self._entries(READINGS.c.patient == patient, _COUNTS))
        return found[-limit:]

    def export(self, out: TextIO) -> int:
        """Every reading as a row of CSV, also those that count no more; returns how many."""
        about = {"reference_table": Reading.reference_table, "disclaimer": DISCLAIMER}
        writer = csv.DictWriter(out, [*(field.name for field in fields(Entry)), *about], lineterminator="\n")
        writer.writeheader()
        count = 0
        for entry in self._entries():
            writer.writerow({name: _harmless(value) for name, value in (entry.to_dict() | about).items()})
            count += 1
        return count

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _entries(self, *where: Any) -> Iterator[Entry]:
        wanted = READINGS.select().with_only_columns(*_KEPT).where(*where).order_by(READINGS.c.id)
        with _sentences(self._engine), self._engine.connect() as connection:
            for row in connection.execution_options(yield_per=500).execute(wanted):
                yield Entry(**{name: _in_utc(value) for name, value in row._mapping.items()})


def _older(values: dict[str, Any], instead_of: int | None) -> Any:
    """The readings that count and that one with these values supersedes."""
    is_same = (READINGS.c.patient == values["patient"]) | (READINGS.c.id == instead_of)
    return (READINGS.c.film_sha256 == values["film_sha256"]) & is_same & _COUNTS


def _insert(connection: Connection, values: dict[str, Any], older: Any) -> int:
    """A new row, and the mark on those that it supersedes."""
    key = connection.execute(READINGS.insert().values(values)).inserted_primary_key
    assert key is not None
    number = int(key[0])
    connection.execute(READINGS.update().where(older & (READINGS.c.id < number)).values(superseded_by=number))
    return number


def _key_of(path: Path) -> bytes:
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise BadConfig(f"{path} can be read by others than its owner: chmod 600 it, as it holds a key")
        key = bytes.fromhex(path.read_text().strip())
    except OSError as error:
        raise BadConfig(f"{path} cannot be read: {error.strerror}") from error
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES:
        raise BadConfig(f"{path} holds no key: {2 * KEY_BYTES} hexadecimal digits were expected")
    return key


def _claim(path: Path) -> None:
    """Make the file, for its owner alone, if it is not there."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror}") from error


def _engine(url: str) -> Engine:
    try:
        where = make_url(url)
        if where.drivername == "postgresql":  # without a driver's name SQLAlchemy takes one that is not free enough
            where = where.set(drivername="postgresql+pg8000")
        engine = create_engine(where, **({"poolclass": StaticPool} if url == "sqlite://" else {}))
    except (ArgumentError, ModuleNotFoundError) as error:
        reason = f"{error.name} is not installed" if isinstance(error, ModuleNotFoundError) else "it is no database URL"
        raise BadConfig(f"the record cannot be opened: {reason}") from None
    if engine.dialect.name == "sqlite":
        if where.database not in (None, "", ":memory:"):
            _claim(Path(str(where.database)))
        event.listen(engine, "connect", _write_ahead)
    return engine


def _write_ahead(connection: Any, _: Any) -> None:
    """SQLite: readers do not wait for writers, and a write waits up to 5 s for its turn."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA busy_timeout=5000")


def _upgrade(connection: Connection) -> None:
    steps = Steps()
    steps.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    steps.attributes["connection"] = connection
    command.upgrade(steps, "head")


@contextmanager
def _sentences(engine: Engine) -> Iterator[None]:
    """The database's errors as one sentence that repeats no value."""
    try:
        yield
    except SQLAlchemyError as error:
        place = engine.url.render_as_string(hide_password=True)
        cause = getattr(error, "orig", None)
        said = cause.args[0] if cause and cause.args else None
        message = said.get("M") if isinstance(said, dict) else cause  # PostgreSQL's: its primary message alone
        reason = str(message or type(error).__name__).splitlines()[0]
        raise CannotWrite(f"the record at {place} cannot be used: {reason}") from None


def _words(text: str) -> str:
    """What people call themselves, without what PostgreSQL would not take."""
    return printable(text, 64)


def _in_utc(value: Any) -> Any:
    """SQLite gives times back without their zone, PostgreSQL in its own."""
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _harmless(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula, with an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
