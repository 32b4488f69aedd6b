"""The limits of HTTP alone: how large a body may be on which route."""

from __future__ import annotations

import pytest

from boneage.apps.web.limits import HttpLimits

LIMITS = HttpLimits(film=3, job=5, other=1)


@pytest.mark.parametrize(
    ("method", "path", "size"),
    [
        ("POST", "/api/readings", 3),
        ("POST", "/api/films", 3),
        ("POST", "/api/reports", 3),
        ("POST", "/api/jobs", 5),
        ("POST", "/api/session", 1),
        ("PUT", "/api/readings", 1),
        ("GET", "/", 1),
    ],
)
def test_only_routes_that_take_films_take_large_bodies(method: str, path: str, size: int) -> None:
    assert LIMITS.body(method, path) == size
