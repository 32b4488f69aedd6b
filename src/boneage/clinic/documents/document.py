"""A document as a file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Document:
    """Its ``name`` and its bytes."""

    name: str
    data: bytes
