"""Keep libraries from warning, logging and printing while a film is read: they may quote a header's values."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import warnings
from collections.abc import Iterator
from typing import Any, cast

_HUSH = threading.Lock()
_readers = 0


@contextlib.contextmanager
def hushed() -> Iterator[None]:
    """Keep Pillow and pydicom from warning and logging while any thread reads: they may quote a header's values.

    `warnings.catch_warnings` swaps the process's filters and so is not safe in threads; this adds one filter that names
    only those two packages, and one to pydicom's logger, and takes both away with the last reader.
    """
    global _readers
    log = logging.getLogger("pydicom")
    with _HUSH:
        _readers += 1
        warnings.filterwarnings("ignore", module=r"(PIL|pydicom)\.")
        hush = warnings.filters[0]
        log.addFilter(_nothing)
    try:
        yield
    finally:
        with _HUSH, contextlib.suppress(ValueError):
            _readers -= 1
            if not _readers:
                log.removeFilter(_nothing)
                cast(list[Any], warnings.filters).remove(hush)


_printing = 0
_kept = -1


@contextlib.contextmanager
def unprinted() -> Iterator[None]:
    """Hold back what C libraries print to standard error, for as long as any thread decodes with one that prints.

    libtiff and OpenCV print past Python, and quote names. What else is printed meanwhile is lost, so this is only for
    the moment of decoding.
    """
    global _printing, _kept
    with _HUSH:
        if not _printing:
            _kept = _without_standard_error()
        _printing += 1
    try:
        yield
    finally:
        with _HUSH:
            _printing -= 1
            if not _printing and _kept >= 0:
                os.dup2(_kept, 2)
                os.close(_kept)


def _without_standard_error() -> int:
    """Send standard error to nowhere. Returns a copy of what it was, or -1 where there is none."""
    try:
        kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:
        return -1
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return kept


def _nothing(record: logging.LogRecord) -> bool:
    """A filter that lets no record through."""
    del record
    return False
