"""The service's counters, for Prometheus. None of their labels can name a patient."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20)


class Counters:
    """The counters of one service in a ``registry`` of their own, to which an edge may add its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.readings = Counter(
            "boneage_readings",
            "Films by outcome: read, shown, refused, unreadable",
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
        """All counters in Prometheus's text format."""
        return generate_latest(self.registry)
