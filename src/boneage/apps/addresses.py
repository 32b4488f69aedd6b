"""Addresses that a server listens on: whom they are open to, how they are written, and why one cannot be had."""

from __future__ import annotations

import ipaddress
import ssl

from ..errors import BadConfig

PORTS = range(65536)


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this computer alone."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def place_of(host: str, port: int) -> str:
    """Host and port as they stand in an address; that of IPv6 has brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def not_listening(host: str, port: int, error: OSError | UnicodeError) -> BadConfig:
    """The sentence for an address that cannot be listened on."""
    reason = _reason(error) if isinstance(error, OSError) else None
    return BadConfig(f"{host} port {port} cannot be listened on: {reason or 'there is no such address'}")


def no_certificate(files: str, kind: str, error: OSError) -> BadConfig:
    """The sentence for files in PEM that cannot be used.

    Args:
        files: their names.
        kind: what they should be.
        error: of Python's ``ssl``, whose own words are for programmers.
    """
    reason = "they are none in PEM, or do not belong together" if " and " in files else "it is none in PEM"
    return BadConfig(f"{files}: no {kind} to be used: {_reason(error) or reason}")


def _reason(error: OSError) -> str | None:
    """The system's words; those of OpenSSL are for programmers."""
    return None if isinstance(error, ssl.SSLError) else error.strerror
