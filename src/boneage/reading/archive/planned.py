"""A film of a job: where it lies, and what was known about it when the job was planned."""

from __future__ import annotations

import os
from typing import NamedTuple

from ...types import Sex


class Planned(NamedTuple):
    """One film of a manifest. A tuple, as there may be a hundred million.

    Attributes:
        id: unique in the job, and the same whenever the source is planned again.
        file: its path, or its address in an object store or a DICOMweb service.
        size: bytes; None where the source does not say.
        modified: nanoseconds since 1970; None where the source does not say.
        sex: None for what the file says.
        sex_source: where ``sex`` comes from, ``given`` or ``table``.
        reason: why there is nothing to read, such as a folder that cannot be listed; else empty.
    """

    id: str
    file: str
    size: int | None = None
    modified: int | None = None
    sex: Sex | None = None
    sex_source: str = "given"
    reason: str = ""

    def change(self, size: int | None, modified: int | None) -> str:
        """How the file has changed since the plan, in words; empty where it has not, or where that is not known.

        Times are compared by whole seconds: the listing of a store and the object itself, or a manifest and the disk,
        may give them in different resolutions.
        """
        if None not in (size, self.size) and size != self.size:
            return f"it had {self.size:,} bytes and has {size:,}"
        if modified is not None and self.modified is not None and modified // 10**9 != self.modified // 10**9:
            return "it was written again"
        return ""


def of_status(status: os.stat_result | None) -> tuple[int | None, int | None]:
    """Size and time of change of a file, as `Planned` has them."""
    return (None, None) if status is None else (status.st_size, status.st_mtime_ns)


def as_text(name: str) -> str:
    """A file's name as text that every format takes: bytes that are none are written as escapes."""
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()
