"""Why a database did not do what it was asked for, in words of our own: a driver's line is for programmers."""

from __future__ import annotations

import re
import sqlite3

from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

_SILENT = "the database does not answer"
_READ_ONLY = "it takes no new entries, as it may only be read"
_NOT_ALLOWED = "the database does not allow this user to do that"
_BY_CODE = {  # the beginning of SQLite's name of an error, or of PostgreSQL's SQLSTATE
    "SQLITE_BUSY": "another program keeps it locked",
    "SQLITE_LOCKED": "another program keeps it locked",
    "SQLITE_READONLY": _READ_ONLY,
    "SQLITE_FULL": "its disk is full",
    "SQLITE_IOERR": "its disk fails",
    "SQLITE_CANTOPEN": "its file cannot be opened",
    "SQLITE_PERM": "its file cannot be opened",
    "SQLITE_NOTADB": "its file is no SQLite database",
    "SQLITE_CORRUPT": "its file is damaged",
    "SQLITE_TOOBIG": "an entry is too long",
    "08": _SILENT,
    "28": "the database does not accept this user or password",
    "3D": "there is no such database",
    "25006": _READ_ONLY,
    "42501": _NOT_ALLOWED,
    "53100": "its disk is full",
    "53": "the database has too little memory or too many connections",
    "57": "the database is shutting down or starting",
}
_CODE = re.compile("[0-9A-Z_]{2,40}")


def reason_of(error: SQLAlchemyError | sqlite3.Error) -> str:
    """A clause for people; with the error's code where no words are known for it. It repeats no value of a row."""
    cause = getattr(error, "orig", error)
    first = cause.args[0] if cause and cause.args else None
    code = first.get("C") if isinstance(first, dict) else getattr(cause, "sqlite_errorname", None)
    if isinstance(code, str) and _CODE.fullmatch(code):
        words = (
            _BY_CODE[start] for start in (code[:length] for length in range(len(code), 1, -1)) if start in _BY_CODE
        )
        return next(words, f"the database refuses it, with the error {code}")
    return _SILENT if isinstance(error, (OperationalError, InterfaceError)) else "the database refuses it"
