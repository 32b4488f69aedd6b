"""What the tests of the web service share: a client in this process, and a server with short limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

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


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A server with a record, for pages in a browser."""
    from services import service

    with service("--record", tmp_path_factory.mktemp("room") / "readings.db") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A browser: of one module, as its event loop is in the way of other tests."""
    from rooms import launched

    with launched() as opened:
        yield opened


@pytest.fixture
def page(browser: Any, place: ServiceProcess) -> Iterator[Any]:
    """An open page; nothing on it may fail, and nothing may be asked of others."""
    from rooms import opened_page

    with opened_page(browser, place) as opened:
        yield opened
