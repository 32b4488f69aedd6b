"""The outermost middleware: addresses behind a proxy, and HEAD."""

from __future__ import annotations

import re

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...errors import BadConfig

_ROOT = re.compile(r"(/[\w.~-]+)*", re.ASCII)


def checked_root(root: str) -> str:
    """The path that a proxy puts before every address, without a slash at its end.

    Raises:
        BadConfig: for what is no such path.
    """
    path = root.rstrip("/")
    if not _ROOT.fullmatch(path):
        raise BadConfig(f"--root-path {root!r} is no path such as /boneage")
    return path


class Front:
    """ASGI middleware that takes the path ``root`` off, if the proxy left it on, and answers HEAD as GET without body.

    The application behind it knows neither: its addresses begin with ``/``.
    """

    def __init__(self, app: ASGIApp, root: str) -> None:
        self.app, self.root = app, root

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if self.root and path == self.root:
            await RedirectResponse(f"{self.root}/")(scope, receive, send)
            return
        if self.root and path.startswith(f"{self.root}/"):
            path = path[len(self.root) :]
        is_head = scope["method"] == "HEAD"
        inner = dict(scope) | {"path": path, "method": "GET" if is_head else scope["method"]}
        await self.app(inner, receive, _without_body(send) if is_head else send)


def _without_body(send: Send) -> Send:
    async def headers_only(message: Message) -> None:
        await send(dict(message) | {"body": b""} if message["type"] == "http.response.body" else message)

    return headers_only
