"""The node: it listens, reads what comes, and brings the documents where they belong."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from prometheus_client import start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from pynetdicom import _config

from ...clinic.faults import log
from ...clinic.limits import Limits
from ...clinic.line import Line
from ...clinic.record import Record
from ...clinic.service import Service
from ...clinic.spool import Spool
from ...errors import CannotWrite
from ...images.silence import hushed
from ...reading.predictor import Predictor
from ...types import DISCLAIMER
from ..addresses import not_listening, place_of
from ..options import tell
from .courier import Courier
from .destinations import carrier, server_tls
from .doorkeeper import Doorkeeper
from .reception import Reception, entity
from .settings import NodeSettings
from .transport import Budget, GuardedServer


class Node:
    """A node that runs from `start` to `stop`; made by `create_node`."""

    def __init__(self, predictor: Predictor, settings: NodeSettings) -> None:
        self.settings = settings
        limits = settings.limits
        self.spool = Spool(settings.spool, most_bytes=limits.spool, least_free=limits.free)
        self._open = ExitStack()
        self._open.callback(self.spool.close)
        with self._open_or_closed():
            own = Limits(running=limits.reading) if limits.reading else Limits()
            record = Record.open(settings.record) if settings.record else None
            self.service = Service(predictor, own, record=record)
            if record:
                self._open.callback(record.close)
            self._open.callback(self.service.close)
            self.couriers = [
                Courier(one.name, carrier(one, settings), self.spool, limits.retry_seconds)
                for one in settings.destinations
            ]
            goes_to = {one.name: one.files for one in settings.destinations}
            self.line = Line(self.service, self.spool, goes_to, hold=settings.hold, after=self._call_couriers)
            self.registry = self.service.counters.registry
            self.reception = Reception(self.spool, self.line.call, self.registry)
            self.doorkeeper = Doorkeeper(settings.callers, limits)
            self.server = self._listener()
        self._serving = threading.Thread(target=self.server.serve_forever, args=(0.1,), name="listener")

    @property
    def port(self) -> int:
        """The port that the node listens on."""
        return int(self.server.server_address[1])

    def start(self) -> None:
        """Listen, read and bring, in threads."""
        self._open.enter_context(hushed())
        self.service.warm_up()
        self.registry.register(SpoolCollector(self.spool, self.doorkeeper))
        if self.settings.metrics_port:
            self._metrics(self.settings.metrics_port)
        for courier in self.couriers:
            courier.start()
        self.line.start()
        self._serving.start()

    def stop(self) -> None:
        """Take no more films, read and bring what is being read and brought, and end. The rest waits in the spool."""
        self.reception.is_open = False
        if self._serving.ident is not None:
            self.server.shutdown()
        else:
            self.server.server_close()
        for association in self.server.active_associations:
            association.abort()
        self.line.stop()
        for courier in self.couriers:
            courier.stop()
        self._open.close()

    def _call_couriers(self) -> None:
        for courier in self.couriers:
            courier.call()

    def _listener(self) -> GuardedServer:
        found, settings = entity(self.settings), self.settings
        silence()
        try:
            server: Any = found.make_server(
                (settings.host, settings.port),
                evt_handlers=self.reception.handlers,
                server_class=GuardedServer,  # type: ignore[arg-type]
                ssl_context=server_tls(settings.tls),
            )
        except (OSError, UnicodeError) as error:
            raise not_listening(settings.host, settings.port, error) from None
        server.doorkeeper, server.limits = self.doorkeeper, settings.limits
        server.budget = Budget(settings.limits.partial)
        found._servers.append(server)
        return server

    def _metrics(self, port: int) -> None:
        try:
            server, _ = start_http_server(port, addr="127.0.0.1", registry=self.registry)
        except OSError as error:
            raise not_listening("127.0.0.1", port, error) from None
        self._open.callback(server.server_close)
        self._open.callback(server.shutdown)

    @contextmanager
    def _open_or_closed(self) -> Iterator[None]:
        """Close what is open if the rest cannot be made."""
        try:
            yield
        except BaseException:
            self._open.close()
            raise


class SpoolCollector(Collector):
    """The state of the spool and the door as metrics."""

    def __init__(self, spool: Spool, doorkeeper: Doorkeeper) -> None:
        self.spool, self.doorkeeper = spool, doorkeeper

    def collect(self) -> Iterator[GaugeMetricFamily | CounterMetricFamily]:
        """Read both; of a spool that cannot be read only that."""
        try:
            state = self.spool.state()
        except CannotWrite as error:
            log.error("%s", error)
            yield GaugeMetricFamily("boneage_node_spool_readable", "Whether the spool can be read", value=0)
            return
        yield GaugeMetricFamily("boneage_node_spool_readable", "Whether the spool can be read", value=1)
        films = GaugeMetricFamily("boneage_node_films", "Films in the spool, by state", labels=["state"])
        for name, count in state["films"].items():
            films.add_metric([name], count)
        waiting = GaugeMetricFamily("boneage_node_waiting", "Documents that wait", labels=["destination"])
        sent = CounterMetricFamily("boneage_node_sent", "Documents that arrived", labels=["destination"])
        for one in state["destinations"]:
            waiting.add_metric([one["name"]], one["waiting"])
            sent.add_metric([one["name"]], one["sent"])
        yield from (films, waiting, sent)
        yield GaugeMetricFamily("boneage_node_connections", "Open connections", value=self.doorkeeper.inside)
        closed = CounterMetricFamily("boneage_node_turned_away", "Connections closed, by reason", labels=["reason"])
        for reason, count in self.doorkeeper.turned_away.items():
            closed.add_metric([reason], count)
        yield closed


def create_node(predictor: Predictor, settings: NodeSettings) -> Node:
    """A node over one predictor.

    Raises:
        BadConfig: if it cannot listen, or the spool is in use.
        CannotWrite: if the spool cannot be written.
    """
    return Node(predictor, settings)


def run(predictor: Predictor, settings: NodeSettings) -> None:
    """Run a node until SIGTERM or Ctrl-C. The first line on standard output says where it listens."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    node = create_node(predictor, settings)
    node.start()
    tell(f"{settings.ae_title} listens on {place_of(settings.host, node.port)}. {DISCLAIMER}")
    ended.wait()
    log.info("closing")
    node.stop()


def silence() -> None:
    """Keep libraries from logging: they repeat what peers send, and what films say."""
    _config.LOG_HANDLER_LEVEL = "none"
    for name in ("pynetdicom", "highdicom", "dicomweb_client", "retrying"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
