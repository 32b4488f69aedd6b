"""What databases say, in words of our own."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DatabaseError, IntegrityError, InterfaceError, OperationalError, SQLAlchemyError

from boneage.clinic.database_errors import reason_of


def wrapped(cause: Exception, kind: type[DatabaseError] = OperationalError) -> SQLAlchemyError:
    return kind("INSERT INTO readings VALUES ('Quint^Ottilie')", {}, cause)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (wrapped(Exception({"C": "28P01", "M": "password authentication failed for user Quint"})), "user or password"),
        (wrapped(Exception({"C": "3D000", "M": "database Quint does not exist"})), "there is no such database"),
        (wrapped(Exception({"C": "53100"})), "its disk is full"),
        (wrapped(Exception({"C": "53300"})), "too many connections"),
        (wrapped(Exception({"C": "57P01"})), "shutting down"),
        (wrapped(Exception({"C": "22001", "M": "value too long: Quint"})), "refuses it, with the error 22001"),
        (wrapped(Exception({"C": "Quint^Ottilie"})), "does not answer"),
        (wrapped(Exception("Can't create a connection to host Quint")), "does not answer"),
        (wrapped(Exception("Quint"), InterfaceError), "does not answer"),
        (wrapped(Exception("Quint"), IntegrityError), "the database refuses it"),
        (SQLAlchemyError("Quint"), "the database refuses it"),
    ],
)
def test_each_error_has_words_of_our_own(error: SQLAlchemyError, reason: str) -> None:
    assert reason in reason_of(error)
    assert "Quint" not in reason_of(error)


def said(database: Path, statement: str, **options: object) -> str:
    engine = create_engine(f"sqlite:///{database}", connect_args=options)
    try:
        with pytest.raises(SQLAlchemyError) as raised, engine.begin() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()
    return reason_of(raised.value)


def test_what_sqlite_really_says(tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    torn.write_bytes(b"no database at all" * 100)
    assert said(torn, "SELECT * FROM a") == "its file is no SQLite database"
    assert said(tmp_path / "gone" / "a", "SELECT 1 FROM a") == "its file cannot be opened"
    kept = tmp_path / "kept"
    with sqlite3.connect(kept) as holder:
        holder.execute("CREATE TABLE a (b)")
        holder.commit()
        holder.execute("BEGIN EXCLUSIVE")
        assert said(kept, "INSERT INTO a VALUES (1)", timeout=0) == "another program keeps it locked"
    holder.close()
    assert said(kept, "SELECT * FROM nothing") == "the database refuses it, with the error SQLITE_ERROR"
