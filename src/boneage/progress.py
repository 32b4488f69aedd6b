"""The progress of long work on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

EVERY = 30.0  # seconds between plain lines


class Advance(Protocol):
    """Called as work gets done, with the number of units since the last call and a note to show beside the bar."""

    def __call__(self, done: int = 1, note: str = "") -> None: ...


@contextmanager
def progress(label: str, total: int, unit: str, start: int = 0, *, quiet: bool = False) -> Iterator[Advance]:
    """Show how far the work is, with its rate and the time that remains.

    Args:
        label: what is done, such as ``reading films``.
        total: units in all; 0 where that is not known.
        unit: of the rate, such as ``films``.
        start: units that were done before.
        quiet: show nothing.
    """
    if quiet:
        yield lambda done=1, note="": None
    elif sys.stderr.isatty():
        with _bar(label, total, unit, start) as advance:
            yield advance
    else:
        yield _Lines(label, total, unit, start)


@contextmanager
def _bar(label: str, total: int, unit: str, start: int) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total or None, completed=start, rate="", note="")

        def advance(done: int = 1, note: str = "") -> None:
            speed = bar.tasks[0].speed
            shown = f"{speed:.1f} {unit}/s" if speed else ""
            bar.update(task, advance=done, rate=shown, note=note or bar.tasks[0].fields["note"])

        yield advance


class _Lines:
    """Prints a line at most every `EVERY` seconds, and one at the end."""

    def __init__(self, label: str, total: int, unit: str, start: int) -> None:
        self.label, self.total, self.unit = label, total, unit
        self.start = self.done = start
        self.began = self.shown = time.monotonic()
        self.note = ""

    def __call__(self, done: int = 1, note: str = "") -> None:
        self.done += done
        self.note = note or self.note
        now = time.monotonic()
        if self.done == self.total or now - self.shown >= EVERY:
            self.shown = now
            rate = (self.done - self.start) / max(now - self.began, 1e-9)
            parts = [f"{self.label} {self.done}", f"{rate:.1f} {self.unit}/s"]
            if self.total:
                left = max(0, self.total - self.done) / max(rate, 1e-9)
                parts = [f"{parts[0]}/{self.total}", parts[1], f"{left / 60:.1f} min left"]
            print(", ".join([*parts, *([self.note] if self.note else [])]), file=sys.stderr, flush=True)
