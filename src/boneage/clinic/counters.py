"""What the service counts, for Prometheus. Nothing of it says whose films they were."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20)


class Counters:
    """The counters of one service, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "boneage_requests", "Requests by route and status", ["route", "status"], registry=registry
        )
        self.readings = Counter(
            "boneage_readings",
            "Films by what became of them: read, shown, refused, unreadable",
            ["outcome"],
            registry=registry,
        )
        self.seconds = Histogram(
            "boneage_reading_seconds", "From a film's bytes to its age", buckets=SECONDS, registry=registry
        )
        self.inside = Gauge("boneage_films_inside", "Films being read or waiting", registry=registry)
        self.deaths = Gauge("boneage_decoder_deaths", "Decoders that crashed or were killed", registry=registry)
        ProcessCollector(registry=registry)

    def text(self) -> bytes:
        """In the format that Prometheus reads."""
        return generate_latest(self.registry)
