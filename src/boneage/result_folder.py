"""A folder of results, written as a whole: an earlier one of the same kind is replaced, anything else refused."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from .errors import CannotWrite
from .files import final, refuse_unwritable, sync, sync_folder


def check(out: Path, names: Collection[str], marker: str) -> None:
    """CannotWrite unless ``out`` is free, empty or an earlier report: with ``marker``, and nothing beside ``names``."""
    if out.exists() and not out.is_dir():
        raise CannotWrite(f"{out} is a file, not a folder for a report")
    try:
        found = {entry.name for entry in out.iterdir()} if out.exists() else set()
    except OSError as error:
        raise CannotWrite(f"{out} cannot be written: {error.strerror}") from None
    foreign = sorted(found - set(names)) or (sorted(found) if marker not in found else [])
    if foreign:
        raise CannotWrite(f"{out} exists and holds other things ({foreign[0]}): name another folder")
    refuse_unwritable(_home(final(out)), out)


def write(out: Path, files: Mapping[str, bytes]) -> None:
    """``files`` by name as the whole content of the folder ``out``: written beside it, then renamed over it; file by
    file where ``out`` is a mount point, which cannot be renamed.

    Call `check` first: what was there is removed. CannotWrite if folder or disk do not take it.
    """
    target = final(out)
    fresh = _home(target) / f".{target.name}.{os.getpid()}.tmp"
    try:
        fresh.mkdir(parents=True)
        for name, content in files.items():
            (fresh / name).write_bytes(content)
            sync(fresh / name)
        sync_folder(fresh)
        _take_place(fresh, target)
        sync_folder(_home(target))
    except OSError as error:
        raise CannotWrite(f"{out} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _home(target: Path) -> Path:
    """The folder that takes what will become ``target``: on the same disk."""
    return target if os.path.ismount(target) else target.parent


def _take_place(fresh: Path, target: Path) -> None:
    """``fresh`` takes the name of ``target``; what bore it is removed, or is put back if that fails."""
    if os.path.ismount(target):
        for older in target.iterdir():
            if older != fresh and not (fresh / older.name).exists():
                older.unlink()
        for path in fresh.iterdir():
            os.replace(path, target / path.name)
        return
    old = fresh.with_suffix(".old")
    if target.exists():
        os.replace(target, old)
    try:
        os.replace(fresh, target)
    except OSError:
        if old.exists():
            os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)
