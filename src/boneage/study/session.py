"""Who rates which film when: the order of a reading session, and what a reader may do next. Pure, without a page.

A film is known by the SHA-256 of its file, so that a session stays the same where films are renamed or added.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ..types import Sex

APART = 0.5  # of half a session: a film comes again a quarter of the session later, or more


@dataclass(frozen=True)
class SessionFilm:
    """A film to rate.

    Attributes:
        id: its name in tables; readers never see it.
        path: its file.
        sha256: of its file.
        sex: of the patient.
        months: the reference, where there is one.
    """

    id: str
    path: Path
    sha256: str
    sex: Sex = Sex.UNKNOWN
    months: float | None = None


@dataclass(frozen=True)
class Showing:
    """A film in a reader's order: for the first time (``repeat`` 1), or again (2)."""

    film: SessionFilm
    repeat: int

    @property
    def key(self) -> tuple[str, int]:
        """What an answer to it is kept by."""
        return self.film.sha256, self.repeat


@dataclass(frozen=True)
class Given:
    """What a reader said of a showing: ``months``, None where the film cannot be rated. A correction is a revision."""

    film_sha256: str
    repeat: int
    revision: int
    months: float | None

    @property
    def key(self) -> tuple[str, int]:
        """The showing that it answers."""
        return self.film_sha256, self.repeat


class OutOfTurn(ValueError):
    """An answer that is not due: the film is rated already, or is not the one to rate now."""


def order(films: Sequence[SessionFilm], reader: str, seed: int, repeats: int = 0) -> tuple[Showing, ...]:
    """The films in the order of one reader, drawn by seed, some of them twice.

    Every showing has a time, drawn from a hash of seed, reader and film: films that are shown once at any time, others
    once in each half, so that what comes again is among other films. Without repeats an added film changes no other's
    place.

    Args:
        films: in any order, no two of one file.
        reader: whose order it is.
        seed: another draws other orders.
        repeats: so many films, the same for all readers, come twice.
    """
    again = {one.sha256 for one in sorted(films, key=lambda film: _drawn(seed, film.sha256))[:repeats]}
    times = []
    for film in films:
        first = _drawn(seed, reader, film.sha256, 1)
        if film.sha256 not in again:
            times.append((first, Showing(film, 1)))
            continue
        earliest = max(0.0, first - APART)
        second = earliest + (1 - earliest) * _drawn(seed, reader, film.sha256, 2)
        times += [(first / 2, Showing(film, 1)), (0.5 + second / 2, Showing(film, 2))]
    return tuple(showing for _, showing in sorted(times, key=lambda one: (one[0], one[1].key)))


def _drawn(*parts: object) -> float:
    """A number from 0 to 1 that follows from what is given."""
    digest = hashlib.sha256("\n".join(map(str, parts)).encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8]) / 2**64


@dataclass(frozen=True)
class Progress:
    """How far a reader has come.

    Attributes:
        showings: the reader's order.
        given: the answers in the order in which they were given, corrections too.
        corrects: whether the last answer may be corrected.
    """

    showings: Sequence[Showing]
    given: Sequence[Given]
    corrects: bool = True

    @cached_property
    def known(self) -> dict[tuple[str, int], Given]:
        """The latest answer to each showing."""
        return {one.key: one for one in sorted(self.given, key=lambda one: one.revision)}

    @property
    def done(self) -> int:
        """How many showings are answered."""
        return sum(one.key in self.known for one in self.showings)

    @property
    def current(self) -> Showing | None:
        """The one to answer now; None at the end."""
        return next((one for one in self.showings if one.key not in self.known), None)

    @property
    def last(self) -> Showing | None:
        """The one that was answered last, which may be corrected; None where there is none."""
        firsts = [one.key for one in self.given if one.revision == 0]
        by_key = {one.key: one for one in self.showings}
        return by_key.get(firsts[-1]) if firsts and self.corrects else None

    def accepted(self, showing: Showing, months: float | None, revision: int) -> Given | None:
        """The answer to keep; None for one that is kept already, such as an answer that is sent twice.

        Args:
            showing: what is answered.
            months: what the reader says, None for a film that cannot be rated.
            revision: 0 for an answer, of a correction one more than of what it corrects.

        Raises:
            OutOfTurn: for any other film than the current one and, to correct, the last.
        """
        before = self.known.get(showing.key)
        if before is None:
            if showing != self.current or revision:
                raise OutOfTurn("this film is not the one to rate now")
            return Given(*showing.key, 0, months)
        if before.months == months and revision <= before.revision:
            return None
        if showing != self.last or revision != before.revision + 1:
            raise OutOfTurn(f"this film is rated already ({_said(before.months)})")
        return Given(*showing.key, revision, months)


def twins(films: Collection[SessionFilm]) -> tuple[SessionFilm, SessionFilm] | None:
    """Two films whose files are the same; None where there are none."""
    first: dict[str, SessionFilm] = {}
    for film in films:
        if (other := first.setdefault(film.sha256, film)) is not film:
            return other, film
    return None


def _said(months: float | None) -> str:
    return "cannot be rated" if months is None else f"{int(months // 12)} years {months % 12:g} months"
