"""Films whose expected errors are true."""

from __future__ import annotations

import numpy as np


def sample(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, predictions and expected errors, which differ tenfold, of n films."""
    generator = np.random.default_rng(seed)
    expected_errors = generator.uniform(2, 20, n)
    months = generator.uniform(20, 220, n)
    return months + generator.laplace(0, expected_errors), months, expected_errors
