"""What has been read of a shard that is not finished: a line for each event, so that no kill loses a film's reading.

``begun`` is written before a film is read, ``done`` with its rows after. What was begun and not done has lost its
process: so a film that kills is known by name also where all was killed at once. Every process writes a journal of its
own; all journals of a shard are read together. A journal names the file of readings that it goes on from, so that it
says nothing any more when the shard is finished.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from ...errors import CannotWrite
from ...files import json_value
from .film import Row

OWN, ANYONES = 2, 5  # deaths after which a film is left out: those of its own doing, and all


@dataclass
class Known:
    """What the journals of a shard say, by the numbers of its films.

    Attributes:
        rows: of films that have been read.
        own: how often a film ended its process by its own doing: a crash, or memory that the system did not have.
        lost: how often a process ended in the midst of it that anyone may have ended.
    """

    rows: dict[int, list[Row]] = field(default_factory=dict)
    own: Counter[int] = field(default_factory=Counter)
    lost: Counter[int] = field(default_factory=Counter)

    def is_deadly(self, film: int) -> bool:
        """Whether a film has ended so many processes that it is left out."""
        return self.own[film] >= OWN or self.own[film] + self.lost[film] >= ANYONES

    def take(self, events: Iterator[dict[str, Any]]) -> None:
        """Add what one journal says."""
        begun: Counter[int] = Counter()
        for event in events:
            if "begun" in event:
                begun[event["begun"]] += 1
            elif "done" in event:
                begun[event["done"]] -= 1
                self.rows.setdefault(event["done"], event["rows"])
            elif "left" in event:
                begun[event["left"]] -= 1
            elif "died" in event:
                begun[event["died"]] -= 1
                (self.own if event["own"] else self.lost)[event["died"]] += 1
        self.lost += begun  # only what is above zero counts


class Journal:
    """The journal of one process for one shard, to be written to. The file is made with its first event."""

    def __init__(self, folder: Path, shard: int, base: int, process: str) -> None:
        self.path = folder / f"{shard:08d}.{base}.{process}.jsonl"
        self._file: int | None = None
        self._lock = Lock()  # several threads read the films of one shard

    def begun(self, film: int) -> None:
        """A film is about to be read."""
        self._write({"begun": film})

    def done(self, film: int, rows: list[Row]) -> None:
        """A film has been read."""
        self._write({"done": film, "rows": rows})

    def left(self, film: int) -> None:
        """The work was stopped in good order in the midst of a film, which has nothing to do with it."""
        self._write({"left": film})

    def died(self, film: int, *, own: bool) -> None:
        """A process ended in the midst of a film; ``own``: by the film's doing."""
        self._write({"died": film, "own": own})

    def close(self) -> None:
        """Write no more."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, event: dict[str, Any]) -> None:
        """One event as one write: what the system has taken outlives the process."""
        line = memoryview(json.dumps(event, allow_nan=False, separators=(",", ":")).encode() + b"\n")
        try:
            with self._lock:
                if self._file is None:
                    self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
                    os.write(self._file, b"\n")  # an earlier process of this name may have been cut off within a line
                while line:
                    line = line[os.write(self._file, line) :]
        except OSError as error:
            raise CannotWrite(f"{self.path} cannot be written: {error.strerror or error}") from error


def journals(folder: Path, shard: int, base: int | None = None) -> list[Path]:
    """The journals of a shard: all, or those that go on from ``base``."""
    return sorted(folder.glob(f"{shard:08d}.{'*' if base is None else base}.*.jsonl"))


def known(folder: Path, shard: int, base: int) -> Known:
    """What the journals of a shard say that go on from ``base``."""
    found = Known()
    for path in journals(folder, shard, base):
        found.take(_events(path))
    return found


def _events(path: Path) -> Iterator[dict[str, Any]]:
    """The events of a journal. What a power cut has left of a line is none."""
    try:
        with path.open("rb") as file:
            for line in file:
                try:
                    event = json_value(line)
                except ValueError:
                    continue
                if isinstance(event, dict):
                    yield event
    except FileNotFoundError:  # another run has finished the shard
        return
