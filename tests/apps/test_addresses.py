"""Addresses that a server listens on."""

from __future__ import annotations

import socket
import ssl

import pytest

from boneage.apps.addresses import is_loopback, no_certificate, not_listening, place_of


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_these_are_this_computers_alone(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::", "pacs.example.org", ""])
def test_these_are_open_to_others(host: str) -> None:
    assert not is_loopback(host)


def test_an_address_of_ipv6_has_brackets() -> None:
    assert (place_of("::1", 80), place_of("10.0.0.1", 104)) == ("[::1]:80", "10.0.0.1:104")


def test_reasons_are_the_systems_or_our_own() -> None:
    taken = OSError(98, "Address already in use")
    assert str(not_listening("::1", 80, taken)) == "::1 port 80 cannot be listened on: Address already in use"
    assert "there is no such address" in str(not_listening("a..b", 80, UnicodeError("label empty or too long")))
    assert "Name or service" in str(not_listening("x", 1, socket.gaierror(-2, "Name or service not known")))
    broken = ssl.SSLError(9, "[SSL] PEM lib (_ssl.c:3900)")
    assert (
        str(no_certificate("ca.pem", "certificate", broken)) == "ca.pem: no certificate to be used: it is none in PEM"
    )
    assert "they are none in PEM" in str(no_certificate("a and b", "certificate and key", broken))
