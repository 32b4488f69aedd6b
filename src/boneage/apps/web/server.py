"""The web server as a process: how it listens and how it stops."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from functools import partial
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from ...errors import BadConfig
from ...types import DISCLAIMER
from ..addresses import no_certificate, not_listening, place_of
from ..options import tell
from .connection import connection_class, in_pieces
from .limits import HttpLimits

BACKLOG = 512
SEND_BUFFER = 128 * 1024  # bytes in the kernel: it reports what a client has taken in steps of about this size
LAST_ANSWERS = 1  # seconds to send the answers that are ready when the queue is empty


class Server(uvicorn.Server):
    """A server that, asked to stop, finishes the films inside, answers 503 to new ones, and exits with 0."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, limits: HttpLimits) -> None:
        super().__init__(config)
        self.app, self.limits = app, limits
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then print the address."""
        self._loop = asyncio.get_running_loop()
        if self.config.is_ssl:  # the defaults would be 60 and 30 seconds
            times = {
                "ssl_handshake_timeout": self.limits.head_seconds,
                "ssl_shutdown_timeout": self.limits.idle_seconds,
            }
            patient = partial(self._loop.create_server, **times)
            self._loop.create_server = patient  # type: ignore[method-assign]
        await super().startup(sockets)
        for listener in sockets or []:
            scheme = "https" if self.config.is_ssl else "http"
            place = place_of(*listener.getsockname()[:2])
            tell(f"The reading room is open at {scheme}://{place}. {DISCLAIMER}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal lets the films inside be read; a second one does not wait for them."""
        if self._draining is not None or not self.started:
            self.should_exit = True
            if self._draining is not None:
                self._loop.call_soon_threadsafe(self.app.state.service.queue.give_up)
            return
        self._draining = self._loop.create_task(self._drain())

    async def _drain(self) -> None:
        self.app.state.jobs.cancel_all()
        await self.app.state.service.drain()
        self.should_exit = True


def serve(app: FastAPI, host: str, port: int, *, tls_cert: Path | None = None, tls_key: Path | None = None) -> None:
    """Serve the application of `create_app` until a signal comes.

    Args:
        app: the application.
        host: the address to listen on.
        port: 0: any that is free.
        tls_cert: file of a certificate in PEM, for HTTPS.
        tls_key: file of its key.

    Raises:
        BadConfig: if the address cannot be listened on, or the certificate cannot be used.
    """
    limits: HttpLimits = app.state.http_limits
    if (tls_cert is None) is not (tls_key is None):
        raise BadConfig("--tls-cert and --tls-key belong together: only one of them was given")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    config = uvicorn.Config(
        in_pieces(app),
        http=connection_class(limits),
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=limits.head,
        timeout_keep_alive=int(limits.idle_seconds),
        timeout_graceful_shutdown=LAST_ANSWERS,
        backlog=BACKLOG,
        ssl_certfile=tls_cert,
        ssl_keyfile=tls_key,
    )
    try:
        config.load()
    except OSError as error:  # of the certificate; `ssl.SSLError` is one too
        raise no_certificate(f"{tls_cert} and {tls_key}", "certificate and key", error) from None
    Server(config, app, limits).run(sockets=[_listening(host, port)])
    if app.state.service.queue.given_up:
        _end_at_once()


def _end_at_once() -> None:
    """End the process although threads still read films, which nobody waits for any more; Python would wait."""
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        raise not_listening(host, port, error) from None
    listener.setblocking(False)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return listener
