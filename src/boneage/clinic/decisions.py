"""A person in between: results that a node holds, and what a reviewer decides on each.

A decision is written into the node's spool, by another process than the node's if need be; the node then reads the film
again, which gives the same answer, and sends its documents as VERIFIED with the observer's name, or as a correction, or
not at all.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from ..errors import BadConfig
from .documents.case import Review
from .spool import Spool
from .spool_database import HELD, WAITING, existing

SHORTEST = 8  # digits of a film's key that may stand for all of them


class Verdict(StrEnum):
    """What a reviewer decides: the reading stands, or the age or the side is corrected, or nothing is sent."""

    ACCEPT = "accept"
    CORRECT = "correct"
    REJECT = "reject"


@dataclass(frozen=True)
class Decision:
    """A verdict with its review.

    Raises:
        BadConfig: if the observer has no name or no organisation, or verdict and corrections contradict each other.
    """

    verdict: Verdict
    review: Review

    def __post_init__(self) -> None:
        if not self.review.observer.strip() or not self.review.organisation.strip():
            raise BadConfig("a decision names its observer and the observer's organisation")
        if (self.verdict is Verdict.CORRECT) != self.review.is_correction:
            raise BadConfig("a correction gives a bone age or a side, and nothing else does")


@dataclass(frozen=True)
class HeldFilm:
    """A film that waits for a decision: its key, when it arrived (seconds since the epoch), its reading in words."""

    key: str
    received: float
    reading: str


def held(folder: Path) -> list[HeldFilm]:
    """The films of a spool that wait for a decision, oldest first; BadConfig if the folder holds no spool."""
    with existing(folder) as database:
        rows = database.execute("SELECT * FROM films WHERE state = ? ORDER BY received", (HELD,)).fetchall()
    return [HeldFilm(row["key"], row["received"], row["reason"]) for row in rows]


def decide(folder: Path, key: str, decision: Decision) -> str:
    """Write a decision on a held film down; returns the whole key.

    Args:
        folder: of the spool.
        key: of the film, or its first `SHORTEST` digits or more.
        decision: what was decided.

    Raises:
        BadConfig: if no film, or more than one, waits for a decision under this key.
    """
    found = [one.key for one in held(folder) if len(key) >= SHORTEST and one.key.startswith(key)]
    if len(found) != 1:
        raise BadConfig(f"{key} is not the key of one film that waits for a decision ({SHORTEST} digits at least)")
    review, at = decision.review, time.time()
    values = (review.observer, review.organisation, review.at.isoformat(), review.bone_age_months, review.laterality)
    with existing(folder) as database:
        database.execute("BEGIN IMMEDIATE")
        database.execute(
            "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?)", (found[0], decision.verdict, *values)
        )
        database.execute("UPDATE films SET state = ?, due = ?, reason = '' WHERE key = ?", (WAITING, at, found[0]))
        database.execute("COMMIT")
    return found[0]


def decision_on(spool: Spool, key: str) -> Decision | None:
    """What was decided on a film, None if nothing was."""
    row = spool.decided(key)
    if row is None:
        return None
    review = Review(
        row["observer"], row["organisation"], datetime.fromisoformat(row["at"]), row["bone_age"], row["laterality"]
    )
    return Decision(Verdict(row["verdict"]), review)
