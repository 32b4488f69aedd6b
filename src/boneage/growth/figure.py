"""One number about a child: its range, method and source, what it was computed from; or why it cannot be given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ..types import Flag, Severity


@dataclass(frozen=True)
class Part:
    """One of several cases that a reading's error leaves open: how likely it is, and what the value would be in it."""

    name: str
    share: float
    value: float | None


@dataclass(frozen=True)
class Figure:
    """A number, or why there is none.

    Attributes:
        name: what it is, for programs, as ``bayley_pinneau``.
        title: what it is, for people.
        unit: of the value and its range.
        method: how it is computed, in one sentence.
        source: of the formula or the table.
        domain: for which children the method is meant.
        value: None where a flag of severity ``refuse`` says why.
        low, high: of the range that holds the true value with probability ``level``; None where there is no range.
        level: of that range; None for a range that its source gives without one.
        range_of: which errors are in the range, in one sentence; empty where there is none.
        computed_from: the numbers that went in, by name and unit.
        parts: cases that the error of the reading leaves open; empty where there is one.
        flags: what to know about the number.
    """

    name: str
    title: str
    unit: str
    method: str
    source: str
    domain: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    range_of: str = ""
    computed_from: Mapping[str, float | str] = field(default_factory=dict, hash=False)
    parts: tuple[Part, ...] = ()
    flags: tuple[Flag, ...] = ()

    def __post_init__(self) -> None:
        if (self.value is None) != any(flag.severity is Severity.REFUSE for flag in self.flags):
            raise ValueError(f"{self.name}: there is no number where a flag refuses it, and only there")
        if self.low is not None and self.value is None:
            raise ValueError(f"{self.name}: a range without a number")

    @property
    def refusal(self) -> str:
        """Why there is no number, in one sentence; empty where there is one."""
        return next((flag.sentence for flag in self.flags if flag.severity is Severity.REFUSE), "")

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the flags."""
        return tuple(flag.code for flag in self.flags)

    def to_dict(self) -> dict[str, Any]:
        """The figure as plain JSON values."""
        flags = [asdict(flag) | {"severity": flag.severity.value} for flag in self.flags]
        plain = {
            "computed_from": dict(self.computed_from),
            "flags": flags,
            "parts": [asdict(part) for part in self.parts],
        }
        return {one.name: getattr(self, one.name) for one in fields(self)} | plain
