"""Files written whole or not at all, and the hashes that prove it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import CannotWrite

LEFTOVERS = ".*.tmp"  # what `replacing` calls its temporary files


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all.

    Gives a temporary path beside ``path``. If the block ends well, that file is synced to disk and renamed to ``path``,
    otherwise it is removed. Missing folders are made.

    Raises:
        CannotWrite: if ``path`` is a folder or a device, or its folder or disk does not take the file.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if path.exists() and not path.is_file():
            raise CannotWrite(f"{path} cannot be written: it is a folder or a device")
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def refuse_unwritable(folder: Path, named: Path | None = None) -> None:
    """Raise CannotWrite if no file can be made in ``folder``, which need not exist yet. Called before long work.

    ``named``: the path that the message names, by default the folder.
    """
    real = Path(os.path.realpath(folder))
    nearest = next(place for place in (real, *real.parents) if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise CannotWrite(f"{named or folder} cannot be written: {nearest} takes no new files")


def refuse_overwriting(outs: Iterable[Path], inputs: Iterable[Path | None]) -> None:
    """Raise CannotWrite for the first of ``outs`` that is one of the ``inputs``, also by another name or link."""
    there = [out for out in outs if out.is_file()]
    read = {os.path.realpath(path) for path in inputs if path} if there else set()
    for out in there:
        if os.path.realpath(out) in read:
            raise CannotWrite(f"{out} cannot be written: it is one of the files that are read")


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` as the whole of ``path``, atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON value as ``path``, atomically."""
    write_bytes(path, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """``value`` as indented JSON; NaN and infinity are refused."""
    return text_bytes(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def text_bytes(text: str) -> bytes:
    """Text as UTF-8. Bytes of a file's name that are not text are written as escapes, which JSON reads as the same."""
    return text.encode("utf-8", "backslashreplace")


def remove_leftovers(folder: Path) -> None:
    """Remove from ``folder`` the temporary files of `replacing` whose processes were killed; others are in use."""
    for path in folder.glob(LEFTOVERS):
        if not _runs(path.name.split(".")[-2]):
            path.unlink(missing_ok=True)


def sha256(*parts: bytes | memoryview) -> str:
    """The SHA-256 of the parts, one after the other, in hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def sha256_json(value: Any) -> str:
    """The SHA-256 of a JSON value in one canonical spelling."""
    return sha256(json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode())


def _runs(process: str) -> bool:
    """Whether another process of this number, in decimal digits, is running."""
    if not process.isdigit() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
