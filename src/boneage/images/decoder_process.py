"""The program of a decoder process: it turns untrusted files into pixels. A file that harms it harms nothing else.

Standard input: a line of JSON (see `_limit` and `_answer`), then the bytes of a file, again and again until it ends.
Standard output: for each file a line of JSON, then the pixels as float32. The process has limited memory and processor
time and can write no file. It ends when its standard input is closed, in the midst of a film too: a server that was
killed leaves none behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import threading
from dataclasses import asdict
from typing import Any, BinaryIO

import numpy as np

from boneage.errors import UnreadableImage
from boneage.images.content import Content
from boneage.images.pixels import printable
from boneage.images.read import decoded
from boneage.types import Radiograph


def main() -> None:
    """Decode files until standard input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a codec may print: that must not end up among the answers
    threading.Thread(target=_end_with_input, daemon=True).start()
    limited = False
    while header := requests.readline():
        request = json.loads(header)
        if not limited:
            _limit(request["memory"])
            limited = True
        _limit_time(request["seconds"])
        _answer(answers, Content(requests.read(request["bytes"])), request)


def _answer(answers: BinaryIO, content: Content, request: dict[str, Any]) -> None:
    try:
        film = decoded(content, "film", request["pixels"], whole_range=request.get("whole_range", False))
    except (UnreadableImage, MemoryError) as error:
        _send(answers, {"error": printable(str(error), 300) or "there is not enough memory for this image"})
        return
    _send(answers, described(film), film.pixels)


def described(film: Radiograph) -> dict[str, Any]:
    """The attributes of a film except its pixels, as JSON values; ``identity`` is null where the file has none."""
    names = ("sha256", "format", "chronological_age", "chronological_age_width", "laterality", "spacing")
    values = {name: getattr(film, name) for name in names}
    levels = {"read": film.levels.read, "window": film.levels.window}
    owner = None if film.identity is None else asdict(film.identity)
    told = {"shape": film.pixels.shape, "sex": film.sex.value, "notes": film.notes}
    return values | told | {"levels": levels, "identity": owner}


def _send(answers: BinaryIO, header: dict[str, Any], pixels: np.ndarray | None = None) -> None:
    answers.write(json.dumps(header | {"bytes": 0 if pixels is None else pixels.nbytes}).encode() + b"\n")
    if pixels is not None:
        answers.write(np.ascontiguousarray(pixels).data.cast("B"))
    answers.flush()


def _limit(memory: int) -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # not on Windows
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _limit_time(seconds: int) -> None:
    """The processor time that the process may take from now on: the system kills it if it takes more."""
    with contextlib.suppress(ImportError, OSError, ValueError):  # not on Windows
        import resource

        usage = resource.getrusage(resource.RUSAGE_SELF)
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(usage.ru_utime + usage.ru_stime) + 1 + seconds, most))


def _end_with_input() -> None:
    """Wait until nobody can write to standard input any more, then end the process whatever it does."""
    if hasattr(select, "poll"):  # not on Windows
        closed = select.poll()
        closed.register(0, 0)  # asked for nothing, it reports the end alone
        closed.poll()
        os._exit(1)


if __name__ == "__main__":
    main()
