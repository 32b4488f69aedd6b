"""What readers say in reading sessions and quizzes, in the record: rows are added, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Column, DateTime, Float, Integer, String, Table, UniqueConstraint
from sqlalchemy.exc import IntegrityError

from ..study.session import Given, OutOfTurn
from .record import READINGS, Record

RATINGS = Table(
    "ratings",
    READINGS.metadata,
    Column("id", Integer, primary_key=True),
    Column("made_at", DateTime(timezone=True)),
    Column("study", String(200)),
    Column("reader", String(64)),
    Column("film_sha256", String(64)),
    Column("repeat", Integer),
    Column("revision", Integer),
    Column("months", Float),
    Column("reference_months", Float),
    Column("program_months", Float),
    Column("program", String(200)),
    UniqueConstraint("study", "reader", "film_sha256", "repeat", "revision", name="one_rating"),
)


@dataclass(frozen=True)
class Rated:
    """An answer with who gave it, and what the program read and the reference was then (quiz only)."""

    reader: str
    given: Given
    reference_months: float | None = None
    program_months: float | None = None
    program: str | None = None


class SessionRecord:
    """The answers of one study in a record. Several threads may use it at once."""

    def __init__(self, record: Record, study: str) -> None:
        self._record, self.study = record, study

    def hashed(self, text: str) -> str:
        """A hash of a text by the record's key, in 64 hexadecimal digits."""
        return self._record.pseudonyms.of(text) or ""

    def add(self, rated: Rated) -> None:
        """Keep an answer. OutOfTurn if another with its revision came first; CannotWrite if it is not taken."""
        given = rated.given
        values = {name: getattr(rated, name) for name in ("reader", "reference_months", "program_months", "program")}
        values |= {name: getattr(given, name) for name in ("film_sha256", "repeat", "revision", "months")}
        values |= {"study": self.study, "made_at": datetime.now(UTC)}
        with self._record.transaction() as connection:
            try:
                connection.execute(RATINGS.insert().values(values))
            except IntegrityError:
                raise OutOfTurn("this film was rated at the same time in another window") from None

    def all(self, reader: str | None = None) -> list[Rated]:
        """The answers of one reader, or of all, in the order in which they were given."""
        wanted = RATINGS.select().where(RATINGS.c.study == self.study).order_by(RATINGS.c.id)
        if reader is not None:
            wanted = wanted.where(RATINGS.c.reader == reader)
        with self._record.transaction() as connection:
            rows = connection.execute(wanted).all()
        return [
            Rated(
                row.reader,
                Given(row.film_sha256, row.repeat, row.revision, row.months),
                row.reference_months,
                row.program_months,
                row.program,
            )
            for row in rows
        ]
