"""Files written whole or not at all, and the hashes that prove it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import shutil
import stat
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

from .errors import BadConfig, CannotWrite

LEFTOVERS = ".*.tmp"  # what `replacing` calls its temporary files
MOST_LINKS = 40  # one after the other, as the system itself follows


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all.

    Gives a temporary path. If the block ends well, that file is synced to disk and takes the place of ``path``,
    otherwise it is removed. Missing folders are made. A link stays, and what it leads to is written. A pipe, a device
    or a descriptor of this process, such as ``/dev/stdout``, is not replaced: it gets the content as a stream.

    Raises:
        CannotWrite: if ``path`` is a folder or a disk, or its folder or disk does not take the file.
    """
    try:
        with _streaming(path) if is_stream(path) else _renaming(path) as temporary:
            yield temporary
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror or error}") from error


def is_stream(path: Path) -> bool:
    """Whether ``path`` leads to a pipe, a device or a descriptor of this process, which cannot be replaced."""
    if _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def is_standard_output(path: Path) -> bool:
    """Whether what is written to ``path`` comes out where the program prints."""
    descriptor = _descriptor(path)
    try:
        return descriptor is not None and os.path.sameopenfile(descriptor, sys.stdout.fileno())
    except (OSError, ValueError):  # one of them is closed, or no file
        return False


def final(path: Path) -> Path:
    """What ``path`` leads to, through all links; CannotWrite where these lead in a circle."""
    end = Path(os.path.realpath(path))
    if end.is_symlink():
        raise CannotWrite(f"{path} cannot be written: its links lead in a circle")
    return end


@contextmanager
def _renaming(path: Path) -> Iterator[Path]:
    """A temporary file beside the end of ``path``, renamed to it when the block ends well."""
    target = final(path)
    if target.exists() and not target.is_file():
        raise CannotWrite(f"{path} cannot be written: it is a folder or a device")
    target.parent.mkdir(parents=True, exist_ok=True)
    own = f"{token_hex(4)}.{os.getpid()}"  # machines that share the folder may have processes of the same number
    temporary = target.with_name(f".{target.name}.{own}.tmp")
    try:
        yield temporary
        sync(temporary)
        os.replace(temporary, target)
        sync_folder(target.parent)
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def _streaming(path: Path) -> Iterator[Path]:
    """A file in a temporary folder, copied into what ``path`` leads to when the block ends well."""
    with streaming(path) as stream, tempfile.TemporaryDirectory(prefix="boneage-") as folder:
        temporary = Path(folder, path.name)
        yield temporary
        with temporary.open("rb") as file:
            shutil.copyfileobj(file, stream)


@contextmanager
def streaming(path: Path) -> Iterator[BinaryIO]:
    """The pipe, device or descriptor of this process that ``path`` leads to, open for writing (see `is_stream`)."""
    descriptor = _descriptor(path)
    if descriptor is not None:
        sys.stdout.flush()  # what was printed before comes before
    try:
        opened = os.open(path, os.O_WRONLY) if descriptor is None else os.dup(descriptor)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror or error}") from error
    with io.BufferedWriter(_Stream(opened, path)) as stream:
        yield stream


class _Stream(io.FileIO):
    """An open descriptor whose errors name the path that it was opened by; a lost reader stays a BrokenPipeError."""

    def __init__(self, descriptor: int, path: Path) -> None:
        super().__init__(descriptor, "wb")
        self.path = path

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise CannotWrite(f"{self.path} cannot be written: {error.strerror or error}") from error


def _descriptor(path: Path) -> int | None:
    """The descriptor of this process that ``path`` leads to by its links, as ``/dev/stdout`` does; None: to none."""
    place = os.path.abspath(path)
    own = re.compile(rf"/(?:dev|proc/(?:self|{os.getpid()}))/fd/(\d+)")
    for _ in range(MOST_LINKS):
        place = os.path.join(os.path.realpath(os.path.dirname(place)), os.path.basename(place))
        if found := own.fullmatch(place):
            return int(found[1])
        if not os.path.islink(place):
            return None
        place = os.path.abspath(os.path.join(os.path.dirname(place), os.readlink(place)))
    return None


def refuse_unwritable(folder: Path, named: Path | None = None) -> None:
    """Raise CannotWrite if no file can be made in ``folder``, which need not exist yet. Called before long work.

    ``named``: the path that the message names, by default the folder.
    """
    if not takes_files(folder):
        nearest = _nearest(folder)
        raise CannotWrite(f"{named or folder} cannot be written: {nearest} takes no new files")


def takes_files(folder: Path) -> bool:
    """Whether a file can be made in ``folder``, or the folder itself where it does not exist yet."""
    nearest, mode = _nearest(folder), os.W_OK | os.X_OK
    as_who = {"effective_ids": True} if os.access in os.supports_effective_ids else {}
    return os.path.isdir(nearest) and os.access(nearest, mode, **as_who)


def _nearest(folder: Path) -> Path:
    """``folder``, links followed, or the first above it that exists."""
    real = Path(os.path.realpath(folder))
    return next(place for place in (real, *real.parents) if os.path.exists(place))


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


def toml_of(path: Path) -> dict[str, Any]:
    """The values of a TOML file. BadConfig, with the file and the reason, if it cannot be read."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadConfig(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # UnicodeDecodeError or TOMLDecodeError
        where = re.search(r"line \d+, column \d+", str(error))
        raise BadConfig(f"{path} cannot be read: it is no TOML{f', at {where[0]}' if where else ''}") from None


def json_value(text: bytes | str) -> Any:
    """The value of a JSON text; ValueError for what is none, nested too deeply to be read included."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def remove_leftovers(folder: Path) -> None:
    """Remove from ``folder`` the temporary files of `replacing` whose processes were killed; others are in use."""
    for path in folder.glob(LEFTOVERS):
        process = path.name.split(".")[-2]
        if not (process.isdigit() and int(process) != os.getpid() and runs(int(process))):
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


def runs(process: int) -> bool:
    """Whether a process of this number is running on this machine."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """The same for the entries of a folder, where the system can: a file renamed in it then keeps its new name."""
    with suppress(OSError):
        sync(folder)
