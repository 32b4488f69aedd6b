"""How much the service takes on: sizes, times and numbers, the same for every edge."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..images.decoder_pool import DecoderLimits

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """Limits on films and jobs.

    Args:
        pixels: of one film, at most.
        memory: bytes of address space of one decoder process.
        decode_seconds: time to decode one film.
        drain_seconds: time that the films inside have when the service is asked to stop.
        running: films read at once.
        waiting: films that may wait behind them.
        jobs: jobs that run at once.
        films_a_job: films of one job.
        jobs_bytes: bytes of all films of all running jobs that are still to be read.
    """

    pixels: int = 36_000_000
    memory: int = 3 * 2**30
    decode_seconds: float = 20
    drain_seconds: float = 8
    running: int = max(1, min(4, os.cpu_count() or 1))
    waiting: int = 8
    jobs: int = 4
    films_a_job: int = 500
    jobs_bytes: int = 512 * MIB

    @property
    def decoders(self) -> DecoderLimits:
        """Those of the decoder processes."""
        return DecoderLimits(self.running, self.pixels, self.memory, self.decode_seconds)
