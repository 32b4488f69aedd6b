"""A reader that reads nothing: for the bookkeeping of an archive at a scale at which reading would take days.

Its rows are those of a real reading of another film, under the film's own id. Used by `archive.py` alone, for planning,
journals, files and merging; never for a rate of reading.
"""

from __future__ import annotations

from boneage.reading.archive.film import FilmReader, Row
from boneage.reading.archive.planned import Planned


class StandInReader(FilmReader):
    """Gives each film the first film's rows, which it reads once."""

    def __call__(self, film: Planned) -> list[Row]:
        """The rows of the first film that this process was given, with this film's id and file."""
        if not hasattr(self, "_first"):
            object.__setattr__(self, "_first", super().__call__(film))
        return [row | {"id": film.id, "file": film.file} for row in self._first]  # type: ignore[attr-defined]
