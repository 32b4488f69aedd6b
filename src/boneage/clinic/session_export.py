"""What readers said in a session or a quiz as a table of ratings, for whoever leads it: it has the films' names."""

from __future__ import annotations

import numpy as np

from ..study.ratings import Ratings
from .session_record import Rated
from .sessions import REFERENCE, Session


def exported(session: Session) -> Ratings:
    """The latest ratings of each film by each reader; in a quiz also the reference and the program's readings.

    A film that cannot be rated is a gap.
    """
    rows = {film.sha256: row for row, film in enumerate(session.films)}
    kept = session.record.all()
    rated = [one for one in kept if one.given.film_sha256 in rows]
    values: dict[str, np.ndarray] = {}
    for one in sorted(rated, key=lambda one: one.given.revision):
        own = values.setdefault(one.reader, np.full((len(rows), 2), np.nan))
        own[rows[one.given.film_sha256], one.given.repeat - 1] = (
            np.nan if one.given.months is None else one.given.months
        )
    programs = _of_programs(rated, rows) if session.is_quiz else {}
    if session.is_quiz:
        values[REFERENCE] = np.column_stack([[film.months for film in session.films], np.full(len(rows), np.nan)])
    values |= programs
    return Ratings(
        ids=tuple(film.id for film in session.films),
        readers=tuple(values),
        repeats=np.stack(list(values.values()), axis=1) if values else np.empty((len(rows), 0, 2)),
        programs=frozenset(programs),
        sexes=tuple(film.sex for film in session.films),
        remarks=tuple(_remarks(session, len(kept), rated, programs)),
    )


def _of_programs(rated: list[Rated], rows: dict[str, int]) -> dict[str, np.ndarray]:
    """What programs read, by their names, as [films, 2] with the second empty."""
    found: dict[str, np.ndarray] = {}
    for one in rated:
        if one.program and one.program_months is not None:
            own = found.setdefault(one.program, np.full((len(rows), 2), np.nan))
            own[rows[one.given.film_sha256], 0] = one.program_months
    return found


def _remarks(session: Session, kept: int, rated: list[Rated], programs: dict[str, np.ndarray]) -> list[str]:
    said = [f"{len({one.reader for one in rated})} readers, {len(rated)} ratings with corrections."]
    if lost := kept - len(rated):
        said.append(f"{lost} ratings are of films that are not here: they were left out.")
    options = " ".join(f"--program {name!r}" for name in (*programs, *([REFERENCE] if session.is_quiz else [])))
    return [*said, *([f"boneage agree takes this table with {options}."] if options else [])]
