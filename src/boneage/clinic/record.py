"""The record of readings: who read which film with which model, and what a reviewer said. Off unless asked for.

It holds no film, no name and no id: of a film the SHA-256 of its file, of a patient's id a keyed hash (see
`boneage.clinic.pseudonyms`).

Rows are never deleted, and what was read is never changed. A later reading of the same film for the same patient
supersedes the earlier one, and so does a reading that is moved to another patient. A reading can be withdrawn. Each of
two hands in one picture has a row of its own.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TextIO

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
from ..table import harmless
from ..types import DISCLAIMER, Reading
from .database_errors import reason_of
from .errors import NoSuchReading
from .pseudonyms import Pseudonyms

MIGRATIONS = Path(__file__).parent / "migrations"

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
    Col("part", String(8)),
    Col("verdict", String(8)),
    Col("reviewer_laterality", String(1)),
    Col("verdict_reason", String(200)),
)
_COUNTS = READINGS.c.superseded_by.is_(None) & READINGS.c.withdrawn_at.is_(None)
_REVIEW = (
    *(READINGS.c.reviewer_bone_age_months, READINGS.c.reviewer, READINGS.c.reviewed_at),
    *(READINGS.c.verdict, READINGS.c.reviewer_laterality, READINGS.c.verdict_reason),
)


class Judgement(NamedTuple):
    """What a reviewer decided before a reading left: ``accept``, ``correct`` or ``reject``, with the age in months and
    the side, ``L`` or ``R``, that are corrected, or the reason of a rejection."""

    verdict: str
    bone_age_months: float | None = None
    laterality: str | None = None
    reason: str = ""


@dataclass(frozen=True)
class Entry:
    """A row of the record. Ages in months, times in UTC. A reading counts unless it is superseded or withdrawn.

    ``patient``: the keyed hash of the patient's id, None if no id was known. ``who``: who asked for the reading.
    ``reviewer``: who gave ``reviewer_bone_age_months``. ``superseded_by``: the number of a later reading. ``part``: of
    a picture of two hands the one that was read. ``verdict``, ``reviewer_laterality``, ``verdict_reason``: see
    `Judgement`.
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
    part: str | None
    verdict: str | None
    reviewer_laterality: str | None
    verdict_reason: str | None

    def to_dict(self) -> dict[str, Any]:
        """The row as JSON values, times in ISO 8601."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


_COLUMNS = [READINGS.c[field.name] for field in fields(Entry)]


class Record:
    """Readings in a database. Several threads may use it at once."""

    def __init__(self, engine: Engine, pseudonyms: Pseudonyms) -> None:
        self._engine, self.pseudonyms = engine, pseudonyms

    @classmethod
    def open(cls, place: str, key_file: Path | None = None, *, is_new: bool = True) -> Record:
        """Open a record, and bring its tables to the present version.

        Args:
            place: a file (SQLite, made if it does not exist) or a database URL.
            key_file: the key of the patients' hashes; default: beside the file, with ``.key`` added to its name.
            is_new: whether the file may be made.

        Raises:
            BadConfig: if the URL is wrong, its driver is not installed, the key file holds no key, or the file is not
                there and may not be made.
            CannotWrite: if the file or the database cannot be used.
        """
        is_url = "://" in place
        if not (is_new or is_url or Path(place).is_file()):
            raise BadConfig(f"{place}: there is no record")
        if is_url and key_file is None and not place.startswith("sqlite:///"):
            raise BadConfig("a record in a database needs --record-key FILE for the key of the patients' hashes")
        engine = _engine(place if is_url else f"sqlite:///{Path(place)}")
        with _as_cannot_write(engine), engine.begin() as connection:
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
        """Keep a reading; returns its number. CannotWrite if the database does not take it.

        It supersedes earlier readings of the same film for the same patient, and takes over their review if the sex is
        the same. The readings of two hands in one picture supersede each other as little as those of two films.

        Args:
            reading: as `Reading.to_dict` gives it; the name of its file is left out.
            who: who asked for it.
            patient: the keyed hash of the patient's id.
            age: the chronological age in months.
            instead_of: number of a reading of the same film, for any patient, that is superseded too.
        """
        kept = {name: value for name, value in reading.items() if name != "file"}
        values = {name: reading[name] for name in ("sex", "bone_age_months", "model", "weights_sha256", "part")}
        values |= {"film_sha256": reading["image_sha256"], "who": _name(who), "patient": patient, "reading": kept}
        values |= {"made_at": datetime.now(UTC), "chronological_age_months": age}
        with _as_cannot_write(self._engine), self._engine.begin() as connection:
            wanted = READINGS.select().with_only_columns(*_REVIEW).order_by(READINGS.c.id.desc())
            older = _older(values, instead_of)
            alike = (READINGS.c.sex == values["sex"]) & (READINGS.c.part == values["part"])
            is_reviewed = READINGS.c.reviewed_at.is_not(None)
            reviewed = connection.execute(wanted.where(older & alike & is_reviewed)).mappings().first()
            return _insert(connection, values | dict(reviewed or {}), older)

    def move(self, number: int, patient: str | None, who: str) -> Entry:
        """Move a reading to another patient's keyed hash, as a new entry that supersedes the old one.

        NoSuchReading if there is no reading with this number that counts.
        """
        with _as_cannot_write(self._engine), self._engine.begin() as connection:
            found = connection.execute(READINGS.select().where((READINGS.c.id == number) & _COUNTS)).mappings().first()
            if found is None:
                raise NoSuchReading
            values = {name: value for name, value in found.items() if name != "id"}
            values |= {"patient": patient, "who": _name(who), "made_at": datetime.now(UTC)}
            new = _insert(connection, values, _older(values, number))
        return self.entry(new)

    def withdraw(self, number: int, who: str) -> Entry:
        """Withdraw a reading: it stays in the record but no longer counts. NoSuchReading if there is none."""
        values = {"withdrawn_at": datetime.now(UTC), "withdrawn_by": _name(who)}
        once = (READINGS.c.id == number) & READINGS.c.withdrawn_at.is_(None)
        with _as_cannot_write(self._engine), self._engine.begin() as connection:
            connection.execute(READINGS.update().where(once).values(values))
        return self.entry(number)

    def review(self, number: int, bone_age_months: float, who: str) -> Entry:
        """Add a reviewer's own bone age to a reading; NoSuchReading if there is none."""
        values = {
            "reviewer_bone_age_months": bone_age_months,
            "reviewer": _name(who),
            "reviewed_at": datetime.now(UTC),
        }
        with _as_cannot_write(self._engine), self._engine.begin() as connection:
            connection.execute(READINGS.update().where(READINGS.c.id == number).values(values))
        return self.entry(number)

    def judge(self, number: int, judgement: Judgement, who: str) -> Entry:
        """Add what a reviewer decided on a reading; NoSuchReading if there is none. What is rejected is withdrawn."""
        at, name = datetime.now(UTC), _name(who)
        values: dict[str, Any] = {"verdict": judgement.verdict, "reviewer": name, "reviewed_at": at}
        values |= {"reviewer_bone_age_months": judgement.bone_age_months, "reviewer_laterality": judgement.laterality}
        values |= {"verdict_reason": printable(judgement.reason, 200) or None}
        if judgement.verdict == "reject":
            values |= {"withdrawn_at": at, "withdrawn_by": name}
        with _as_cannot_write(self._engine), self._engine.begin() as connection:
            connection.execute(READINGS.update().where(READINGS.c.id == number).values(values))
        return self.entry(number)

    def entry(self, number: int) -> Entry:
        """The reading with this number, whether it counts or not; NoSuchReading if there is none."""
        for entry in self._entries(READINGS.c.id == number):
            return entry
        raise NoSuchReading

    def of_patient(self, patient: str, limit: int = 200) -> list[Entry]:
        """The latest ``limit`` readings of one keyed hash that count, oldest first."""
        found = list(self._entries(READINGS.c.patient == patient, _COUNTS))
        return found[-limit:]

    def intervals(self, patient: str) -> dict[int, list[dict[str, float]]]:
        """The prediction intervals of the readings of one keyed hash that have any, by number."""
        wanted = READINGS.select().with_only_columns(READINGS.c.id, READINGS.c.reading)
        with _as_cannot_write(self._engine), self._engine.connect() as connection:
            found = connection.execute(wanted.where(READINGS.c.patient == patient)).all()
        return {number: reading["intervals"] for number, reading in found if reading.get("intervals")}

    def export(self, out: TextIO) -> int:
        """Write all readings as CSV, superseded and withdrawn ones too; returns how many."""
        about = {"reference_table": Reading.reference_table, "disclaimer": DISCLAIMER}
        writer = csv.DictWriter(out, [*(field.name for field in fields(Entry)), *about], lineterminator="\n")
        writer.writeheader()
        count = 0
        for entry in self._entries():
            writer.writerow({name: harmless(value) for name, value in (entry.to_dict() | about).items()})
            count += 1
        return count

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction of the record's database, for tables beside the readings; CannotWrite where it fails."""
        with _as_cannot_write(self._engine), self._engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()

    def _entries(self, *where: Any) -> Iterator[Entry]:
        wanted = READINGS.select().with_only_columns(*_COLUMNS).where(*where).order_by(READINGS.c.id)
        with _as_cannot_write(self._engine), self._engine.connect() as connection:
            for row in connection.execution_options(yield_per=500).execute(wanted):
                yield Entry(**{name: _in_utc(value) for name, value in row._mapping.items()})


def _older(values: dict[str, Any], instead_of: int | None) -> Any:
    """The condition for readings that a new one with these values supersedes."""
    is_same = (READINGS.c.patient == values["patient"]) | (READINGS.c.id == instead_of)
    if values["part"]:  # the other hand's reading stays; one of the whole picture does not
        is_same &= (READINGS.c.part == values["part"]) | READINGS.c.part.is_(None)
    return (READINGS.c.film_sha256 == values["film_sha256"]) & is_same & _COUNTS


def _insert(connection: Connection, values: dict[str, Any], older: Any) -> int:
    """Add a row, and mark the older ones as superseded by it; returns its number."""
    key = connection.execute(READINGS.insert().values(values)).inserted_primary_key
    assert key is not None
    number = int(key[0])
    connection.execute(READINGS.update().where(older & (READINGS.c.id < number)).values(superseded_by=number))
    return number


def _claim(path: Path) -> None:
    """Make the file, readable by its owner alone, unless it exists."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror}") from error


def _engine(url: str) -> Engine:
    try:
        where = make_url(url)
        if where.drivername == "postgresql":  # SQLAlchemy's default driver has a licence that this project avoids
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
    """Set SQLite so that readers do not wait for writers, and a writer waits up to 5 s for another."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA busy_timeout=5000")


def _upgrade(connection: Connection) -> None:
    steps = Steps()
    steps.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    steps.attributes["connection"] = connection
    command.upgrade(steps, "head")


@contextmanager
def _as_cannot_write(engine: Engine) -> Iterator[None]:
    """Turn errors of the database into CannotWrite, whose one sentence repeats no value of a row."""
    try:
        yield
    except SQLAlchemyError as error:
        place = engine.url.render_as_string(hide_password=True)
        raise CannotWrite(f"the record at {place} cannot be used: {reason_of(error)}") from None


def _name(text: str) -> str:
    """A person's name or initials, without characters that PostgreSQL refuses."""
    return printable(text, 64)


def _in_utc(value: Any) -> Any:
    """A time in UTC: SQLite returns it without a zone, PostgreSQL in the zone of the server."""
    if not isinstance(value, datetime):
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
