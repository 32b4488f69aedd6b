"""Access control: without a token only programs and pages of this computer, with one whoever sends it."""

from __future__ import annotations

import hashlib
import hmac
import html
import os
import secrets
import stat
from collections.abc import Collection
from pathlib import Path
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...clinic.sessions import Session
from ...errors import BadConfig, CannotWrite
from ..addresses import is_loopback

COOKIE = "boneage"
TOKEN_BYTES = 32
MIN_TOKEN = 16  # characters
STATIC = Path(__file__).parent / "static"
_LOCAL = {"localhost", "127.0.0.1", "[::1]", "::1"}
OPEN = {"/static/style.css", "/static/icon.svg"}  # what the sign-in page loads
_SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def token_for(
    host: str, token_file: Path | None, *, encrypted: bool, plain: bool, session: Session | None = None
) -> str | None:
    """The token that clients must send to a service at this address, None if they need none.

    Args:
        host: the address that the service listens on.
        token_file: its token; if it does not exist it is made, with a random token.
        encrypted: whether the service has a certificate.
        plain: whether the user accepts HTTP without encryption.
        session: whose readers may have tokens of their own.

    Raises:
        BadConfig: if other computers can reach the address, and token or encryption is missing.
        CannotWrite: if the file cannot be made.
    """
    if not is_loopback(host):
        if token_file is None and not (session and session.tokens):
            raise BadConfig(
                f"{host} can be reached from other computers: give --token-file FILE (it is made, with a new token, "
                "if it is not there)"
            )
        if session and not session.is_quiz and not session.tokens:
            raise BadConfig(f"{host} can be reached from other computers: each reader needs a token in STUDY.toml")
        if not encrypted and not plain:
            raise BadConfig(
                f"{host} can be reached from other computers: give --tls-cert and --tls-key, or --plain-http to send "
                "films and token unencrypted"
            )
    return None if token_file is None else _token(token_file)


def _token(path: Path) -> str:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(TOKEN_BYTES) + "\n")
    except FileExistsError:
        pass
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror}") from error
    if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise BadConfig(f"{path} can be read by others than its owner: chmod 600 it, as it holds the token")
    try:
        token = path.read_text("utf-8").strip()
    except OSError as error:
        raise BadConfig(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        token = ""
    if len(token) < MIN_TOKEN or not token.isascii():
        raise BadConfig(f"{path} holds no token of at least {MIN_TOKEN} ASCII characters")
    return token


class AccessControl:
    """ASGI middleware that refuses requests without one of the tokens, to foreign host names, or from foreign pages."""

    def __init__(
        self, app: ASGIApp, tokens: Collection[str], root: str = "", open_paths: Collection[str] = frozenset()
    ) -> None:
        self.app, self.tokens, self.root, self.open_paths = app, tokens, root, {*OPEN, *open_paths}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on, or answer 401, 403 or 421 without reading its body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *_security(scope["path"])]
            await send(message)

        await (self._refusal(Request(scope)) or self.app)(scope, receive, secured)

    def _refusal(self, request: Request) -> Response | None:
        """The answer to a request that is refused; None for one that is not."""
        host = request.headers.get("host", "")
        if not self.tokens and _name(host) not in _LOCAL:
            return _sentence(421, "this service answers only to names of this computer, such as localhost")
        origin = request.headers.get("origin")
        if origin is not None and _place(origin) != host:
            return _sentence(403, "this service does not answer to other pages")
        path = request.scope["path"]
        if not self.tokens or path in self.open_paths or token_of(request, self.tokens):
            return None
        if path == "/" and request.method in ("GET", "HEAD"):
            return sign_in_page(self.root)
        if path == "/api/session" and request.method == "POST":
            return None
        return _sentence(401, "a token is needed: Authorization: Bearer TOKEN", {"WWW-Authenticate": "Bearer"})


def token_of(request: Request, tokens: Collection[str]) -> str | None:
    """The one of these tokens that a request comes with, as a bearer token or as the cookie of `cookie_of`."""
    kind, _, sent = request.headers.get("authorization", "").partition(" ")
    bearer, cookie = sent.strip() if kind.lower() == "bearer" else "", request.cookies.get(COOKIE, "")
    found = [one for one in tokens if is_same(bearer, one) or is_same(cookie, cookie_of(one))]
    return found[0] if found else None


def page(name: str, root: str) -> str:
    """A page of the folder ``static``, whose addresses begin with the path ``root``."""
    return (STATIC / name).read_text("utf-8").replace('="/', f'="{root}/')


def sign_in_page(root: str, problem: str = "") -> Response:
    """The page that asks for the token; ``problem``: what was wrong with the last attempt."""
    return asking(page("sign-in.html", root), problem)


def asking(text: str, problem: str) -> Response:
    """A page with a form that asks who somebody is, and above its end what was wrong with the last attempt."""
    alert = f'<p class="problem" role="alert">{html.escape(problem)}</p>\n' if problem else ""
    return HTMLResponse(text.replace("</form>", f"{alert}</form>"), 401, {"Cache-Control": "no-store"})


def remember(answer: Response, request: Request, cookie: str, value: str) -> None:
    """Give a browser a cookie for this service alone, which no script can read."""
    root, secure = request.app.state.root, request.scope["scheme"] == "https"
    answer.set_cookie(cookie, value, path=root or "/", httponly=True, samesite="strict", secure=secure)


def is_same(sent: str, right: str) -> bool:
    """Whether two secrets are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(sent.encode("utf-8", "replace"), right.encode())


def cookie_of(token: str) -> str:
    """The cookie of a signed-in browser: a keyed hash, not the token itself."""
    return hmac.new(token.encode(), b"boneage session", hashlib.sha256).hexdigest()


def _security(path: str) -> list[tuple[bytes, bytes]]:
    headers = dict(_SECURITY) | ({"Cache-Control": "no-store"} if path.startswith("/api/") else {})
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def _place(origin: str) -> str | None:
    """Name and port in an Origin header; None if it is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _name(host: str) -> str:
    """The name in a Host header, without its port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


def _sentence(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": sentence}, status, headers)
