"""Who reads which shard: a file for each claim, made where there is none. It saves work; nothing rests on it.

Two runs that read one shard all the same write the same file of readings.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import time

from ...files import json_value, runs, write_bytes

STALE = 300.0  # seconds: an older claim is a dead run's, on whatever machine that was
EVERY = 30.0  # seconds between two renewals


@dataclass(frozen=True)
class Claimant:
    """A process that reads.

    Attributes:
        run: the name of its run; processes that one driver starts one after the other share it.
        host: the machine.
        pid: the process.
    """

    run: str
    host: str
    pid: int

    @classmethod
    def here(cls, run: str | None = None) -> Claimant:
        """This process."""
        host, pid = "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname()), os.getpid()
        return cls(run or f"{host}-{pid}", host, pid)


def claim(folder: Path, shard: int, who: Claimant) -> bool:
    """Claim a shard: whether it is this process's now.

    A claim is taken over that is an earlier one of this run, of a process of this machine that is no more, or has not
    been renewed for long.
    """
    path, words = _path(folder, shard), _words(who)
    try:
        with open(path, "xb") as file:
            file.write(words)
        return True
    except FileExistsError:
        if not _is_stale(path, who):
            return False
    write_bytes(path, words)
    with suppress(OSError):
        return path.read_bytes() == words  # another may have taken it over at the same moment
    return False


def renew(folder: Path, shards: Iterable[int]) -> None:
    """Say that the claimed shards are still being read."""
    for shard in shards:
        with suppress(OSError):
            os.utime(_path(folder, shard))


def release(folder: Path, shard: int, who: Claimant) -> None:
    """Give up a claim, unless it is another's by now."""
    path = _path(folder, shard)
    with suppress(OSError):
        if path.read_bytes() == _words(who):
            path.unlink()


def held(folder: Path) -> dict[int, bool]:
    """The claimed shards, and whether each claim is stale."""
    who = Claimant("", Claimant.here().host, -1)
    paths = sorted(folder.glob("*.claim")) if folder.is_dir() else []
    return {int(path.stem): _is_stale(path, who) for path in paths if path.stem.isdecimal()}


def _path(folder: Path, shard: int) -> Path:
    return folder / f"{shard:08d}.claim"


def _words(who: Claimant) -> bytes:
    return json.dumps({"run": who.run, "host": who.host, "pid": who.pid}).encode()


def _is_stale(path: Path, who: Claimant) -> bool:
    try:
        age = disk_time(path.parent) - path.stat().st_mtime
        found = json_value(path.read_bytes())
        run, host, pid = found["run"], found["host"], int(found["pid"])
    except FileNotFoundError:
        return True
    except (ValueError, KeyError, TypeError):  # it is being written at this moment
        return age > STALE
    is_dead_here = host == who.host and pid != who.pid and not runs(pid)
    return run == who.run or is_dead_here or age > STALE


def disk_time(folder: Path) -> float:
    """The time by the clock of the folder's disk, which may be another machine's; by ours where no file can be made."""
    clock = folder / ".clock"
    try:
        clock.touch()
        return clock.stat().st_mtime
    except OSError:
        return time()
