"""A reader that reads nothing: for the bookkeeping of an archive at a scale at which reading would take days.

Its rows are those of a real reading of another film, with an age, intervals and an image hash that no other film has,
as in an archive: equal ones would take no room and no time. Used by `archive.py` alone, for planning, journals, files
and merging; never for a rate of reading.
"""

from __future__ import annotations

import random

from boneage.reading.archive.film import FilmReader, Row, is_failure
from boneage.reading.archive.planned import Planned


class StandInReader(FilmReader):
    """Gives each film the first film's rows, which it reads once, moved to an age of its own."""

    def __call__(self, film: Planned) -> list[Row]:
        """Rows for a film, the same whenever they are asked for."""
        if not hasattr(self, "_first"):
            object.__setattr__(self, "_first", super().__call__(film))
        own = {"id": film.id, "file": film.file}
        return [(row if is_failure(row) else _moved(row, film.id)) | own for row in self._first]  # type: ignore[attr-defined]


def _moved(row: Row, name: str) -> Row:
    chance = random.Random(name)
    by = chance.uniform(0, 100)
    intervals = [
        one | {bound: round(one[bound] + by + chance.uniform(0, 5), 2) for bound in ("low", "high")}
        for one in row["intervals"]
    ]
    moved = {"bone_age_months": round(row["bone_age_months"] + by, 2), "intervals": intervals}
    return row | moved | {"image_sha256": f"{chance.getrandbits(256):064x}"}
