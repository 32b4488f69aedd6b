"""Readers of films that end their process, for the tests of an archive: to be imported by worker processes."""

from __future__ import annotations

import os
import signal
import time

from boneage.reading.archive.film import FilmReader, Row
from boneage.reading.archive.planned import Planned


class DeadlyReader(FilmReader):
    """Film 11 crashes its process."""

    def __call__(self, film: Planned) -> list[Row]:
        if film.id == "11":
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().__call__(film)


class OnceDeadlyReader(FilmReader):
    """Film 11 has its process killed once."""

    def __call__(self, film: Planned) -> list[Row]:
        mark = self.job.folder / "was-killed"
        if film.id == "11" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(film)


class StoppedReader(FilmReader):
    """Stops the whole work in good order at film 13, as Ctrl-C does, when the films before it are written down."""

    def __call__(self, film: Planned) -> list[Row]:
        if film.id == "13":
            while not any('"done":4,' in path.read_text() for path in self.job.work.glob("*.jsonl")):
                time.sleep(0.01)
            os.kill(os.getppid(), signal.SIGTERM)
            signal.pause()
        return super().__call__(film)
