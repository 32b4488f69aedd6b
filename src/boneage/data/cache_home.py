"""The folder that prepared films and other costly results are kept in from one call to the next."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from ..errors import CannotWrite
from ..files import takes_files

NAMED = "BONEAGE_CACHE"  # the environment variable that names the folder


def cache_home(*names: str) -> Path:
    """The folder of the cache: ``$BONEAGE_CACHE``, else ``boneage`` in the user's folder for caches.

    Where that takes no file, as on a read-only disk, or where there is none, as for a user without a home, it is a
    temporary folder for the time of this process, and a sentence on standard error says so. Raises CannotWrite where
    nothing takes a file.

    Args:
        names: the files that are looked for; a folder that has them all need not take others.
    """
    home = _lasting()
    if home is not None and (_has(home, names) or _is_usable(home)):
        return home
    return _temporary(home)


def _lasting() -> Path | None:
    """Where the environment says that the cache is, or by custom; None for a user without a home."""
    if named := os.environ.get(NAMED):
        return Path(named)
    if caches := os.environ.get("XDG_CACHE_HOME"):
        return Path(caches, "boneage")
    try:
        return Path.home() / ".cache" / "boneage"
    except RuntimeError:
        return None


def _has(home: Path, names: tuple[str, ...]) -> bool:
    return bool(names) and all(os.access(home / name, os.R_OK) for name in names)


def _is_usable(home: Path) -> bool:
    """Whether the folder takes files, or something is wrong with its name that its owner should hear of."""
    return takes_files(home) or (NAMED in os.environ and home.exists() and not home.is_dir())


@cache
def _temporary(instead_of: Path | None) -> Path:
    """A folder that is removed when the process ends; CannotWrite where there is no place for one either."""
    reason = "this user has no home" if instead_of is None else f"{instead_of} takes no new files"
    try:
        folder = tempfile.mkdtemp(prefix="boneage-cache-")
    except OSError:
        raise CannotWrite(f"{reason}, nor is there a folder for temporary files: name one in {NAMED}") from None
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    print(
        f"boneage: {reason}: prepared films are kept for this run only, unless {NAMED} names a folder for them",
        file=sys.stderr,
    )
    return Path(folder)
