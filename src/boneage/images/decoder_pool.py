"""A pool of decoder processes. One that crashes, hangs or needs too much memory is replaced."""

from __future__ import annotations

import json
import math
import os
import queue
import subprocess
import sys
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np

from ..errors import UnreadableImage
from ..types import Identity, Levels, Radiograph, Sex
from .children import end, exactly, watched
from .pixels import MAX_PIXELS

CODE = "from boneage.images.decoder_process import main; main()"


@dataclass(frozen=True)
class DecoderLimits:
    """Limits of decoders.

    Args:
        processes: how many files are decoded at once.
        pixels: of one film, at most.
        memory: bytes of address space of a process.
        seconds: time to decode one film.
    """

    processes: int
    pixels: int = MAX_PIXELS
    memory: int = 3 * 2**30
    seconds: float = 20


@dataclass(frozen=True)
class DecodedFilm:
    """A film as a decoder process gives it."""

    radiograph: Radiograph

    @property
    def patient(self) -> str:
        """The patient's id that its file gives ("" if none), which is only ever hashed."""
        identity = self.radiograph.identity
        return identity.patient_id if identity else ""


class DecoderPool:
    """``limits.processes`` decoder processes; as many threads may call `decode` at once. ``deaths``: those replaced."""

    def __init__(self, limits: DecoderLimits) -> None:
        self.limits, self.deaths, self._closed = limits, 0, False
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._children = [_start() for _ in range(limits.processes)]
        for child in self._children:
            self._idle.put(child)

    def decode(self, data: bytes, *, whole_range: bool = False) -> DecodedFilm:
        """Decode a file; UnreadableImage if it is no film, or if decoding crashed, hung or needed too much memory.

        ``whole_range``: as `boneage.images.read.read` takes it.

        A process that dies is replaced, and the file tried once more: it may have been killed for another reason.
        """
        child, end = self._idle.get(), monotonic() + self.limits.seconds
        if child.poll() is not None:  # it died while it had nothing to do
            child = self._replace(child)
        try:
            for attempts_left in (1, 0):
                try:
                    header, pixels = self._ask(child, data, end - monotonic(), whole_range)
                    break
                except (OSError, ValueError, EOFError) as error:
                    child = self._replace(child)
                    if not attempts_left or self._closed or isinstance(error, TimeoutError):
                        raise self._no_film(error) from None
        finally:
            self._idle.put(child)
        if "error" in header:
            raise UnreadableImage(header["error"])
        return _film(header, pixels)

    def _no_film(self, error: Exception) -> UnreadableImage:
        is_late = isinstance(error, TimeoutError)
        reason = f"it did not decode within {self.limits.seconds:g} s" if is_late else "the decoder crashed"
        return UnreadableImage(f"{reason}: the file is damaged, or not a film")

    def close(self) -> None:
        """Kill all processes. No film can be decoded any more."""
        self._closed = True
        for child in self._children:
            end(child)

    def _ask(
        self, child: subprocess.Popen[bytes], data: bytes, seconds: float, whole_range: bool
    ) -> tuple[dict[str, Any], bytearray]:
        request = {"bytes": len(data), "pixels": self.limits.pixels, "memory": self.limits.memory}
        request |= {"seconds": math.ceil(self.limits.seconds), "whole_range": whole_range}
        with watched(child, seconds) as (questions, answers):
            questions.write(json.dumps(request).encode() + b"\n")
            questions.write(data)
            questions.flush()
            header = json.loads(answers.readline() or b"!")
            return header, exactly(answers, header["bytes"])

    def _replace(self, child: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        if self._closed:
            return child
        self.deaths += 1
        end(child)
        self._children.remove(child)
        self._children.append(new := _start())
        return new


def _start() -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BONEAGE_")}
    return subprocess.Popen(
        [sys.executable, "-P", "-W", "ignore", "-c", CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
        start_new_session=True,  # Ctrl-C is for the server, which lets running readings end
    )


def _film(header: dict[str, Any], pixels: bytearray) -> DecodedFilm:
    spacing, identity = header["spacing"], header["identity"]
    film = Radiograph(
        pixels=np.frombuffer(pixels, np.float32).reshape(header["shape"]),
        source="film",
        sha256=header["sha256"],
        format=header["format"],
        sex=Sex(header["sex"]),
        chronological_age=header["chronological_age"],
        chronological_age_width=header["chronological_age_width"],
        laterality=header["laterality"],
        spacing=None if spacing is None else (spacing[0], spacing[1]),
        notes=tuple(header["notes"]),
        levels=Levels(*(tuple(header["levels"][name]) for name in ("read", "window"))),
        identity=None if identity is None else Identity(**identity),
    )
    return DecodedFilm(film)
