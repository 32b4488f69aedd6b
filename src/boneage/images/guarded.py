"""Films from files of unknown origin: what may cost much time or memory is decoded by a process that has little.

All of the program reads films by this module; only the decoder processes, and callers from outside, use the plain one.
"""

from __future__ import annotations

import atexit
import os
from dataclasses import replace
from functools import cache

from ..types import Radiograph
from .content import content_of, name_of, naming
from .cost import is_plainly_cheap
from .decoder_pool import DecoderLimits, DecoderPool
from .read import decoded

LIMITS = DecoderLimits(processes=1)


def read(source: str | os.PathLike[str] | bytes, *, name: str = "") -> Radiograph:
    """Read one film as `boneage.read` does; files that are not plainly cheap with limits on time and memory.

    Args:
        source: a path, or the bytes of a file.
        name: of the film, by default the path or ``<bytes>``.

    Raises:
        UnreadableImage: one sentence with the file and the reason.
    """
    name = name or name_of(source)
    with naming(name):
        content = content_of(source)
        if is_plainly_cheap(content.data):
            return decoded(content, name)
        return replace(_decoders().decode(content.data).radiograph, source=name)


@cache
def _decoders() -> DecoderPool:
    pool = DecoderPool(LIMITS)
    atexit.register(pool.close)
    return pool
