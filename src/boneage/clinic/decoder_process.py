"""A child process that turns strangers' files into pixels: whatever a file does to it, it does to this process only.

In: a line of JSON, then so many bytes of a file. Out: a line of JSON, then the pixels as float32. One after another,
until its input ends. It may use only so much memory, and it can write no file.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any, BinaryIO

from boneage.errors import UnreadableImage
from boneage.images.read import format_of, read
from boneage.types import Radiograph

HIDDEN = "<bytes>"  # what `read` calls a film without a name


def main() -> None:
    """Answer requests until standard input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a codec prints shall not be taken for an answer
    limited = False
    while line := requests.readline():
        asked = json.loads(line)
        if not limited:
            _limit(asked["memory"])
            limited = True
        data = requests.read(asked["bytes"])
        _answer(answers, data, asked)


def _answer(answers: BinaryIO, data: bytes, asked: dict[str, Any]) -> None:
    try:
        film = read(data, max_pixels=asked["pixels"], max_bytes=max(1, asked["bytes"]))
    except (UnreadableImage, MemoryError) as error:
        sentence = str(error).removeprefix(f"cannot read {HIDDEN}: ") or "there is not enough memory for this image"
        _send(answers, {"error": sentence})
        return
    _send(answers, described(film) | {"patient": _patient(data)}, film.pixels.tobytes())


def described(film: Radiograph) -> dict[str, Any]:
    """All of a film but its pixels, as plain JSON values."""
    values = {name: getattr(film, name) for name in ("sha256", "format", "chronological_age", "laterality", "spacing")}
    return values | {"shape": film.pixels.shape, "sex": film.sex.value, "notes": film.notes}


def _patient(data: bytes) -> str:
    if format_of(data) != "DICOM":
        return ""
    from boneage.images.dicom import patient_id

    return patient_id(data)


def _send(answers: BinaryIO, header: dict[str, Any], pixels: bytes = b"") -> None:
    answers.write(json.dumps(header | {"bytes": len(pixels)}).encode() + b"\n")
    answers.write(pixels)
    answers.flush()


def _limit(memory: int) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


if __name__ == "__main__":
    main()
