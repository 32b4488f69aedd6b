"""What the tests give worker processes to do: functions of a module that a new interpreter can import."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import cv2
from PIL import AvifImagePlugin

from boneage.data.dataset import Sample
from boneage.errors import BadModel, UnreadableImage

PIPES = 4_000_000  # bytes: more than any pipe holds


def where(sample: Sample) -> tuple[str, int]:
    """A film's id and the process that was given it."""
    return sample.id, os.getpid()


def threads(sample: Sample) -> tuple[int, int, str | None]:
    """What libraries may start in this process."""
    del sample
    return cv2.getNumThreads(), AvifImagePlugin.DEFAULT_MAX_THREADS, os.environ.get("OMP_NUM_THREADS")


def told(sample: Sample) -> bytes:
    """Much, after something on standard output."""
    print("a codec's word", flush=True)
    os.write(1, b"another\n")
    return sample.id.encode() * (PIPES // len(sample.id))


def failing(sample: Sample) -> str:
    """As the film's name says."""
    match sample.id:
        case "unreadable":
            raise UnreadableImage("it is torn")
        case "model":
            raise BadModel("the locator is gone")
        case "broken":
            raise ZeroDivisionError("a mistake of ours")
        case "no file":
            raise FileNotFoundError(2, "not here")
        case "own":
            raise Own(1, 2)
        case "dies":
            os.kill(os.getpid(), signal.SIGKILL)
    return sample.id


class Own(Exception):
    """An error that cannot be sent from process to process."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def slow(sample: Sample) -> str:
    """Says that it has begun, in a file beside the film, and takes an hour."""
    (sample.path or Path()).with_suffix(".begun").write_text(str(os.getpid()))
    time.sleep(3600)
    return sample.id


def marked(sample: Sample) -> str:
    """Leaves an empty file where the film would be."""
    (sample.path or Path()).touch()
    return sample.id


def loaded(sample: Sample) -> list[str]:
    """The heavy packages that a worker has in memory."""
    del sample
    return [name for name in ("torch", "matplotlib", "typer", "rich", "pytest") if name in sys.modules]
