"""What the tests of the web service share: a client in this process, and a server with short limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from services import ServiceProcess
    from starlette.testclient import TestClient


@pytest.fixture(scope="session")
def web() -> Iterator[TestClient]:
    """A client of a service without a record."""
    from services import client

    with client() as opened:
        yield opened


@pytest.fixture(scope="session")
def short() -> Iterator[ServiceProcess]:
    """A server whose limits a test can reach and wait for."""
    from services import SHORT, service

    with service(code=SHORT) as running:
        yield running
