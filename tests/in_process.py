"""The clinical service without a web server, for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

for package in ("pydantic", "sqlalchemy", "alembic", "prometheus_client", "reportlab"):
    pytest.importorskip(package, reason="the service needs boneage[serve]")

from hands import predictor

from boneage.clinic.limits import Limits
from boneage.clinic.service import Service


@contextmanager
def opened(limits: Limits | None = None, **options: Any) -> Iterator[Service]:
    """A `Service` that is closed at the end."""
    service = Service(predictor(), limits or Limits(running=1), **options)
    try:
        yield service
    finally:
        service.close()
