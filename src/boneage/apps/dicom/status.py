"""The state of a node's spool, as text."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any


def text(state: Mapping[str, Any], now: float | None = None) -> str:
    """What `boneage.clinic.spool_database.look` gives, in lines for a person."""
    at = time.time() if now is None else now
    films = ", ".join(f"{count} {name}" for name, count in state["films"].items())
    lines = [f"films: {films}"]
    for one in state["destinations"]:
        last = "never" if one["last_sent"] is None else f"{_ago(at - one['last_sent'])} ago"
        waiting = "1 document waits" if one["waiting"] == 1 else f"{one['waiting']} documents wait"
        lines.append(f"{one['name']}: {waiting}, {one['sent']} sent, the last {last}")
        error = one["last_error"]
        if error:
            since = "now" if error["is_present"] else "over"
            lines.append(f"  last error {_ago(at - error['at'])} ago, {since}: {error['sentence']}")
    for one in state["failures"]:
        lines.append(f"film {one['key'][:12]} was given up {_ago(at - one['changed'])} ago: {one['reason']}")
    return "\n".join(lines)


def _ago(seconds: float) -> str:
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
