"""The settings of a node: a TOML file as frozen, checked objects.

`EXAMPLE` is such a file with every setting. A node that other computers can reach needs a list of callers.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ...clinic.documents.bundle import KINDS
from ...errors import BadConfig
from ...files import toml_of
from ..addresses import PORTS, is_loopback

MIB = 2**20
_TITLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .-]{0,15}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
T = TypeVar("T")


@dataclass(frozen=True)
class Caller:
    """Who may call: an AE title (empty: any), and the address or network that it calls from."""

    address: str
    ae_title: str = ""

    def __post_init__(self) -> None:
        try:
            ipaddress.ip_network(self.address, strict=False)
        except ValueError:
            raise BadConfig(f"callers: {self.address!r} is no address or network") from None
        _check_title("callers", self.ae_title, empty=True)

    def admits(self, address: str) -> bool:
        """Whether the caller may call from this address, whatever its title."""
        found = ipaddress.ip_address(address)
        found = getattr(found, "ipv4_mapped", None) or found
        return found in ipaddress.ip_network(self.address, strict=False)


@dataclass(frozen=True)
class Destination:
    """Where documents go: by C-STORE to ``host``, ``port`` and ``ae_title``, or by STOW-RS to ``url``.

    Attributes:
        name: by which status and metrics know it.
        documents: of `boneage.clinic.documents.bundle.KINDS`.
        tls: for C-STORE, with the node's certificate.
        token_file: for STOW-RS: a file with the bearer token.
        ca_file: for STOW-RS: the certificates that the server's is checked by; default: the system's.
    """

    name: str
    host: str = ""
    port: int = 104
    ae_title: str = ""
    url: str = ""
    tls: bool = False
    token_file: Path | None = None
    ca_file: Path | None = None
    documents: tuple[str, ...] = ("sr3d", "capture", "pdf")

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadConfig(f"destinations: {self.name!r} is no name: letters, digits, _ and -, 32 at most")
        if bool(self.url) == bool(self.host):
            raise BadConfig(f"destination {self.name} needs either host, port and ae_title, or url")
        if self.host:
            _check_title(f"destination {self.name}", self.ae_title)
            _check_port(f"destination {self.name}", self.port, 1)
        elif not _is_http(self.url):
            raise BadConfig(f"destination {self.name}: {self.url!r} is no address of HTTP")
        if not self.documents or set(self.documents) - KINDS.keys():
            raise BadConfig(f"destination {self.name}: documents are some of {', '.join(KINDS)}")

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the documents as files."""
        return tuple(KINDS[kind] for kind in self.documents)


@dataclass(frozen=True)
class Tls:
    """Encryption: files in PEM. With ``client_ca`` callers need a certificate that it has signed."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True)
class NodeLimits:
    """How much the node takes on.

    Attributes:
        pdu: bytes of one PDU.
        object: bytes of one film.
        partial: bytes of all films that have begun to arrive.
        per_peer: connections of one address.
        connections: of all.
        idle_seconds: that an association may stay silent, and that one PDU may take.
        greeting_seconds: that a connection may take to ask for an association.
        spool: bytes of all films that wait.
        free: bytes that stay free on the disk.
        retry_seconds: the longest wait between two attempts to reach a destination.
        reading: films read at once; 0: as many as cores, up to 4.
    """

    pdu: int = 262_144
    object: int = 128 * MIB
    partial: int = 192 * MIB
    per_peer: int = 8
    connections: int = 40
    idle_seconds: float = 30
    greeting_seconds: float = 5
    spool: int = 10_240 * MIB
    free: int = 256 * MIB
    retry_seconds: float = 300
    reading: int = 0

    def __post_init__(self) -> None:
        for name, value in dataclasses.asdict(self).items():
            if value < (0 if name in ("reading", "free") else 1):
                raise BadConfig(f"limits: {name} = {value} is too small")
        if self.pdu < 4096 or self.partial < self.object:
            raise BadConfig("limits: pdu is 4096 at least, and partial no smaller than object")


@dataclass(frozen=True)
class NodeSettings:
    """All of them.

    Attributes:
        spool: the folder for what waits.
        ae_title, host, port: where the node listens; port 0: any that is free.
        model: what reads the films.
        hold: keep results back until a person has decided on them (see `boneage.clinic.decisions`).
        record: a file or database in which readings are kept (see `boneage.clinic.record`).
        metrics_port: where Prometheus finds the counters, on this computer alone; 0: nowhere.
    """

    spool: Path
    ae_title: str = "BONEAGE"
    host: str = "127.0.0.1"
    port: int = 11112
    model: str = "default"
    hold: bool = False
    record: str = ""
    metrics_port: int = 0
    callers: tuple[Caller, ...] = ()
    destinations: tuple[Destination, ...] = ()
    limits: NodeLimits = field(default_factory=NodeLimits)
    tls: Tls | None = None

    def __post_init__(self) -> None:
        _check_title("node", self.ae_title)
        _check_port("node", self.port)
        _check_port("metrics", self.metrics_port)
        if not is_loopback(self.host) and not self.callers:
            raise BadConfig(f"{self.host} can be reached from other computers: list the callers that may send films")
        names = [one.name for one in self.destinations]
        if not names or len(set(names)) < len(names):
            raise BadConfig("a node needs destinations, each with a name of its own")
        if self.tls is None and any(one.tls for one in self.destinations):
            raise BadConfig("a destination with tls = true needs a table [tls]")


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as an address of IPv6 that does not end
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def load(path: Path) -> NodeSettings:
    """The settings of a file; paths in it are relative to its folder.

    Raises:
        BadConfig: one sentence with the file and the reason.
    """
    values = toml_of(path)
    try:
        return _settings(values, path.absolute().parent)
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from None


def _settings(values: Mapping[str, Any], folder: Path) -> NodeSettings:
    known = {"node", "callers", "destinations", "limits", "tls", "metrics"}
    if unknown := values.keys() - known:
        raise BadConfig(f"there is no table {sorted(unknown)[0]}: known are {', '.join(sorted(known))}")
    node = dict(_table(values, "node"))
    if "port" in _table(values, "metrics"):
        node["metrics_port"] = values["metrics"]["port"]
    parts = {
        "callers": tuple(_made(Caller, one, "callers", folder) for one in _list(values, "callers")),
        "destinations": tuple(_made(Destination, one, "destinations", folder) for one in _list(values, "destinations")),
        "limits": _made(NodeLimits, _table(values, "limits"), "limits", folder),
        "tls": _made(Tls, values["tls"], "tls", folder) if "tls" in values else None,
    }
    return _made(NodeSettings, node, "node", folder, **parts)


def _made(kind: type[T], values: Any, where: str, folder: Path, **others: Any) -> T:
    """An object of a table, each value of the type that its field has."""
    hints = typing.get_type_hints(kind)
    if not isinstance(values, Mapping):
        raise BadConfig(f"{where} is no table")
    for name in values:
        if name not in hints or name in others:
            raise BadConfig(f"{where} has no setting {name}: known are {', '.join(hints.keys() - others.keys())}")
    try:
        return kind(
            **{name: _typed(hints[name], value, f"{where}.{name}", folder) for name, value in values.items()}, **others
        )
    except TypeError as error:
        missing = re.findall(r"'(\w+)'", str(error))
        raise BadConfig(f"{where} lacks {' and '.join(missing)}") from None


def _typed(hint: Any, value: Any, where: str, folder: Path) -> Any:
    if hint in (Path, Path | None) and isinstance(value, str):
        return folder / value
    if hint == tuple[str, ...] and isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(map(str, value))
    kinds: dict[Any, tuple[type, ...]] = {str: (str,), int: (int,), bool: (bool,), float: (int, float)}
    plain = kinds.get(hint, ())
    if not plain or not isinstance(value, plain) or (isinstance(value, bool) and hint is not bool):
        raise BadConfig(f"{where} = {value!r} is no {getattr(hint, '__name__', 'value of its kind')}")
    return value


def _table(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = values.get(name, {})
    if not isinstance(found, Mapping):
        raise BadConfig(f"{name} is no table")
    return found


def _list(values: Mapping[str, Any], name: str) -> Sequence[Any]:
    found = values.get(name, [])
    if not isinstance(found, list):
        raise BadConfig(f"{name} are tables of their own: [[{name}]]")
    return found


def _check_port(where: str, port: int, least: int = 0) -> None:
    if port not in PORTS[least:]:
        raise BadConfig(f"{where}: port = {port} is none: {least} to {PORTS[-1]}")


def _check_title(where: str, title: str, *, empty: bool = False) -> None:
    if not (empty and not title) and not _TITLE.fullmatch(title):
        raise BadConfig(f"{where}: {title!r} is no AE title: 16 characters at most, no \\")
