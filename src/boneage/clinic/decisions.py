"""A person in between: results that a node holds, and what a reviewer decides on each.

A decision is written into the node's spool, by another process than the node's if need be; the node then reads the film
again, which gives the same answer, and sends its documents as VERIFIED with the observer's name, or as a correction, or
not at all.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from ..errors import BadConfig
from .documents.case import Review
from .spool import FILMS, Spool
from .spool_database import HELD, WAITING, existing

SHORTEST = 8  # digits of a film's key that may stand for all of them
LONGEST_NAME, LONGEST_REASON = 64, 200  # characters
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f\\]")  # what DICOM allows in no name


class Verdict(StrEnum):
    """What a reviewer decides: the reading stands, or the age or the side is corrected, or nothing is sent."""

    ACCEPT = "accept"
    CORRECT = "correct"
    REJECT = "reject"


class NotHeld(BadConfig):
    """A film does not wait for a decision, or not with the reading that was decided on; one sentence."""


@dataclass(frozen=True)
class Decision:
    """A verdict with its review.

    Attributes:
        verdict: what was decided.
        review: by whom, and what is corrected.
        reason: of a rejection.
        answer: what tells the answer that was decided on from others, as `HeldFilm.answer`; empty before `decide`.

    Raises:
        BadConfig: if the observer has no name or no organisation that DICOM can hold, if verdict and corrections
            contradict each other, or if a rejection has no reason.
    """

    verdict: Verdict
    review: Review
    reason: str = ""
    answer: str = ""

    def __post_init__(self) -> None:
        names = (self.review.observer, self.review.organisation)
        if not all(name.strip("^ ") for name in names):
            raise BadConfig("a decision names its observer and the observer's organisation")
        if any(len(name) > LONGEST_NAME or _UNPRINTABLE.search(name) for name in names):
            raise BadConfig(f"a name has {LONGEST_NAME} characters at most, and no backslash")
        if (self.verdict is Verdict.CORRECT) != self.review.is_correction:
            raise BadConfig("a correction gives a bone age or a side, and nothing else does")
        if (self.verdict is Verdict.REJECT) != bool(self.reason.strip()) or len(self.reason) > LONGEST_REASON:
            raise BadConfig(f"a rejection gives its reason in {LONGEST_REASON} characters, and nothing else does")

    def holds_for(self, answer: str) -> bool:
        """Whether it is about this answer; a rejection is about every one."""
        return self.verdict is Verdict.REJECT or self.answer == answer


@dataclass(frozen=True)
class HeldFilm:
    """A film that waits for a decision.

    Attributes:
        key: of the film.
        received: when it arrived, seconds since the epoch.
        reading: in words.
        answer: what tells this answer from another one about the film, as after a change of the model.
        parts: of a picture of two hands the places of those that were read; empty for a film of one.
    """

    key: str
    received: float
    reading: str
    answer: str
    parts: tuple[str, ...] = ()


def held(folder: Path) -> list[HeldFilm]:
    """The films of a spool that wait for a decision, oldest first; BadConfig if the folder holds no spool."""
    wanted = (
        "SELECT key, received, reason, answer, parts FROM films JOIN holds ON film = key WHERE state = ?"
        " ORDER BY received"
    )
    with existing(folder) as database:
        rows = database.execute(wanted, (HELD,)).fetchall()
    return [
        HeldFilm(key, received, reading, answer, tuple(filter(None, parts.split(","))))
        for key, received, reading, answer, parts in rows
    ]


def film_of(folder: Path, key: str) -> bytes:
    """The file of a film that waits for a decision; NotHeld if it does not, or if its file has gone."""
    _held(folder, key)
    try:
        return (folder / FILMS / f"{key}.dcm").read_bytes()
    except OSError as error:
        raise NotHeld(f"the film {key[:12]} cannot be read from the spool: {error.strerror}") from None


def decide(folder: Path, key: str, decision: Decision) -> str:
    """Write a decision on a held film down; returns the whole key.

    Of several who decide at once, one does.

    Args:
        folder: of the spool.
        key: of the film, or its first `SHORTEST` digits or more.
        decision: what was decided; with an ``answer`` it holds for that one alone.

    Raises:
        NotHeld: if no film, or more than one, waits for a decision under this key, or another answer does.
        BadConfig: if a correction does not say which of two hands it is about, or names one that is not there.
    """
    film, review = _held(folder, key), decision.review
    if review.is_correction and (review.part or "") not in (film.parts or ("",)):
        which = f"it is about one of {', '.join(film.parts)}" if film.parts else "there is one hand on the film"
        raise BadConfig(f"the correction of film {film.key[:12]} names the wrong part: {which}")
    if decision.answer and decision.answer != film.answer:
        raise NotHeld(f"the film {film.key[:12]} was read anew in the meantime: look at it again")
    who = (review.observer.strip(), review.organisation.strip(), review.at.isoformat())
    changes = (review.bone_age_months, review.laterality, review.part, decision.reason.strip())
    values = (film.key, film.answer, decision.verdict, *who, *changes)
    with existing(folder) as database:
        database.execute("BEGIN IMMEDIATE")
        is_held = "key = ? AND state = ? AND EXISTS (SELECT 1 FROM holds WHERE film = key AND answer = ?)"
        done = database.execute(
            f"UPDATE films SET state = ?, due = ?, reason = '' WHERE {is_held}",
            (WAITING, time.time(), film.key, HELD, film.answer),
        )
        if done.rowcount != 1:
            raise NotHeld(_decided(film.key))
        database.execute(f"INSERT OR REPLACE INTO verdicts VALUES ({', '.join('?' * len(values))})", values)
        database.execute("COMMIT")
    return film.key


def _held(folder: Path, key: str) -> HeldFilm:
    """The one film that waits under a key, or under the first digits of it."""
    found = [one for one in held(folder) if len(key) >= SHORTEST and one.key.startswith(key)]
    if len(found) == 1:
        return found[0]
    if not found and len(key) == 64:
        raise NotHeld(_decided(key))
    raise NotHeld(f"{key} is not the key of one film that waits for a decision ({SHORTEST} digits at least)")


def _decided(key: str) -> str:
    return f"the film {key[:12]} waits for no decision: somebody else has decided on it, or it has gone"


def decision_on(spool: Spool, key: str) -> Decision | None:
    """What was decided on a film, None if nothing was."""
    row = spool.decided(key)
    if row is None:
        return None
    review = Review(
        *(row["observer"], row["organisation"], datetime.fromisoformat(row["at"])),
        *(row["bone_age"], row["laterality"], row["part"]),
    )
    return Decision(Verdict(row["verdict"]), review, row["reason"], row["answer"])
