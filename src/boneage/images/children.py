"""Child processes that are asked for something: watched while they work, and ended with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO


@contextmanager
def watched(child: subprocess.Popen[bytes], seconds: float) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Give the pipes to a child and from it, and kill it if the block takes longer; that raises TimeoutError there."""
    assert child.stdin is not None
    assert child.stdout is not None
    late = threading.Event()

    def kill_late() -> None:
        late.set()
        kill(child)

    watch = threading.Timer(seconds, kill_late)
    watch.start()
    try:
        yield child.stdin, child.stdout  # type: ignore[misc]
    except (OSError, ValueError, EOFError):
        if late.is_set():
            raise TimeoutError from None
        raise
    finally:
        watch.cancel()


def exactly(pipe: BinaryIO, count: int) -> bytearray:
    """So many bytes from a pipe; EOFError where it ends before."""
    data = bytearray(count)
    view, at = memoryview(data), 0
    while at < count:
        got = pipe.readinto(view[at:])  # type: ignore[attr-defined]
        if not got:
            raise EOFError
        at += got
    return data


def kill(child: subprocess.Popen[bytes]) -> None:
    """Kill a child and, if it leads a group, what a codec started in it."""
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg") and os.getpgid(child.pid) == child.pid:  # not on Windows
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()


def end(child: subprocess.Popen[bytes]) -> None:
    """Kill a child, wait until it is gone, and close the pipes."""
    kill(child)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with suppress(OSError):  # bytes that were still to be written
                pipe.close()
