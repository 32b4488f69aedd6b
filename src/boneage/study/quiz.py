"""What a quiz shows of a reader: differences from the reference and from the program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .bland_altman import limits
from .deviation import deviations


def differences(others: Sequence[float | None], own: Sequence[float | None]) -> dict[str, Any] | None:
    """``n``, ``bias``, ``mad``, and the limits of agreement ``lower`` and ``upper`` of a reader's ages ``own`` [n] in
    months, less ``others`` [n]; None without a film that both have. Each number with its interval."""
    pairs = [(b, a) for a, b in zip(others, own, strict=True) if a is not None and b is not None]
    if not pairs:
        return None
    apart = np.array([b - a for b, a in pairs])
    found, ends = deviations(apart), limits(apart)
    return {name: found[name] for name in ("n", "bias", "mad")} | {end: ends[end] for end in ("lower", "upper")}
