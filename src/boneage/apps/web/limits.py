"""The limits that only HTTP needs; those on films and jobs are in `boneage.clinic.limits`."""

from __future__ import annotations

from dataclasses import dataclass

from ...clinic.limits import MIB


@dataclass(frozen=True)
class HttpLimits:
    """Limits on requests and connections.

    Args:
        film: bytes of the body of a request with one film.
        job: bytes of the body of a request with many films.
        other: bytes of any other body.
        held: bytes of all bodies in memory together.
        head: bytes of the head of a request.
        head_seconds: time until the head is complete.
        body_seconds: time until the body is complete.
        idle_seconds: time between two pieces of a body or of an answer.
        connections: open at once.
    """

    film: int = 64 * MIB
    job: int = 256 * MIB
    other: int = 64 * 1024
    held: int = 512 * MIB
    head: int = 16 * 1024
    head_seconds: float = 10
    body_seconds: float = 60
    idle_seconds: float = 10
    connections: int = 600

    def body(self, method: str, path: str) -> int:
        """The bytes that the body of a request may have."""
        if method != "POST":
            return self.other
        by_path = {
            "/api/readings": self.film,
            "/api/films": self.film,
            "/api/reports": self.film,
            "/api/jobs": self.job,
        }
        return by_path.get(path, self.other)
