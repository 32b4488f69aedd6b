"""Disks and folders that say no."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534  # the user who owns nothing


@contextmanager
def full_disk(bytes_left: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: the system refuses the rest, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_left, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def closed_folder() -> Iterator[Path]:
    """A folder within a folder that this process may not list while the block lasts, whoever runs it."""
    with tempfile.TemporaryDirectory() as outer:
        folder = Path(outer, "closed")
        Path(outer).chmod(0o777)
        folder.mkdir(mode=0o000)
        try:
            with without_rights():
                yield folder
        finally:
            folder.chmod(0o700)


@contextmanager
def without_rights() -> Iterator[None]:
    """What a folder's mode forbids is forbidden to this process too while the block lasts, whoever runs it."""
    user = os.geteuid()
    if user == 0:
        try:
            os.seteuid(NOBODY)
        except OSError:
            pytest.skip("everything is allowed here")
    try:
        yield
    finally:
        os.seteuid(user)
