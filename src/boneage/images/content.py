"""The bytes of a file, taken from an ordinary file within limits, and let go of when they are needed no more."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..errors import UnreadableImage, shown
from .pixels import MAX_BYTES, printable

NAMELESS = "<bytes>"  # the name of a film that is no file


@dataclass
class Content:
    """The bytes of a file.

    The largest film, its file and what the decoder makes of it do not fit beside each other: who has decoded the bytes
    calls `release`. So nobody else keeps them.
    """

    data: bytes = field(repr=False)

    def release(self) -> None:
        """Let go of the bytes."""
        self.data = b""


def content_of(source: str | os.PathLike[str] | bytes, max_bytes: int = MAX_BYTES) -> Content:
    """The bytes of a film. UnreadableImage for none, too many, and for what is no ordinary file: that is not opened."""
    content = Content(source if isinstance(source, bytes) else _file_bytes(os.fspath(source), max_bytes))
    _check_length(len(content.data), max_bytes)
    return content


def name_of(source: str | os.PathLike[str] | bytes) -> str:
    """What a film is called: its path, or ``<bytes>``."""
    return NAMELESS if isinstance(source, bytes) else os.fspath(source)


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of the film before the reason of an UnreadableImage."""
    try:
        yield
    except UnreadableImage as error:
        raise UnreadableImage(f"cannot read {shown(name)}: {printable(str(error), 300)}") from error.__cause__


def _file_bytes(path: str, max_bytes: int) -> bytes:
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise UnreadableImage("it is a folder, not a file")
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableImage("it is not an ordinary file")
        _check_length(status.st_size, max_bytes)
        with open(path, "rb") as file:
            return file.read(max_bytes + 1)
    except FileNotFoundError:
        raise UnreadableImage("there is no such file") from None
    except (OSError, ValueError) as error:
        raise UnreadableImage(f"it cannot be opened ({getattr(error, 'strerror', None) or error})") from error


def _check_length(length: int, max_bytes: int) -> None:
    if length == 0:
        raise UnreadableImage("the file is empty")
    if length > max_bytes:
        raise UnreadableImage(f"{length:,} bytes is more than the limit of {max_bytes:,}")
