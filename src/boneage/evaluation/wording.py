"""Numbers for people: fixed digits, a true minus, intervals in brackets, age bands in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .metrics import BANDS, METRICS

MINUS, GLUE = "\N{MINUS SIGN}", "\N{NO-BREAK SPACE}"


def number(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """A number for people: fixed digits, a true minus, ``n/a`` where it is not defined."""
    if value is None:
        return "n/a"
    rounded = round(value, digits) + 0.0  # no minus zero
    plus = "+" if signed and rounded > 0 else ""
    return plus + f"{rounded:,.{digits}f}".replace("-", MINUS)


def interval(metric: Mapping[str, Any], digits: int = 1, *, signed: bool = False) -> str:
    """``low to high`` of a metric, or "no interval"."""
    if metric["low"] is None:
        return "no interval"
    return f"{GLUE}to{GLUE}".join(number(metric[end], digits, signed=signed) for end in ("low", "high"))


def measured(metric: Mapping[str, Any], unit: str = "", digits: int = 1, *, signed: bool = False) -> str:
    """``value unit (low to high)``, for sentences that say what the brackets hold."""
    value = number(metric["value"], digits, signed=signed) + (f"{GLUE}{unit}" if unit else "")
    return f"{value} ({interval(metric, digits, signed=signed)})"


def metric_cell(key: str, values: Mapping[str, Any]) -> str:
    """A table cell of one of `METRICS`: its value, and below it its interval."""
    digits, signed = (3, False) if key == "r2" else (1 if METRICS[key].unit == "%" else 2, key == "bias")
    return f"{number(values[key]['value'], digits, signed=signed)}\n{interval(values[key], digits, signed=signed)}"


def band(name: str) -> str:
    """An age band of `metrics.BANDS` in words; any other name as it is."""
    if name not in BANDS:
        return name
    words = {"<": f"below{GLUE}", ">=": f"from{GLUE}"}
    sign = next((sign for sign in words if name.startswith(sign)), None)
    return words[sign] + name.removeprefix(sign) if sign else name.replace("-", f"{GLUE}to{GLUE}")


def cell(name: str) -> str:
    """A cell of `metrics.by_cell` in words; any other name as it is."""
    of, space, sex = name.partition(" ")
    return f"{band(of)}, {sex}" if space else name
