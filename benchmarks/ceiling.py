"""How well errors can be ranked at all against labels of one reader: a simulated oracle that knows its own error.

python benchmarks/ceiling.py [--evaluation docs/results/evaluation_default.json] [--out docs/results/ceiling.json]

The oracle's readings miss the true bone age by what is left of the model's squared error when one reader's variance is
taken off, normally distributed. It knows by how much it misses on every film, and nothing of the reader's error: its
expected error is its own error. No model with these errors can rank them better by knowing itself alone; knowing which
films are hard to read for anybody might.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from boneage.evaluation.coverage import assessment
from boneage.files import write_json
from boneage.types import Sex

FILMS, SEED = 200_000, 0
READERS = (6.5, 7.1)  # months: one reader's standard deviation, published from and to


def oracle(rmse: float, reader: float, rng: np.random.Generator) -> dict[str, float]:
    """Spearman, AUROC for errors over 12 months, and the surest 80 % of so many films."""
    own = rng.normal(0, math.sqrt(rmse**2 - reader**2), FILMS)
    noise = rng.normal(0, reader, FILMS)
    found = assessment(noise, own, np.abs(own), [Sex.UNKNOWN] * FILMS, {"0.9": 1.0})
    return {name: round(found[name], 3) for name in ("spearman", "auroc", "surest")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluation", type=Path, default=Path("docs/results/evaluation_default.json"))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    rmse = json.loads(options.evaluation.read_text())["rmse"]["value"]
    rng = np.random.default_rng(SEED)
    found: dict[str, Any] = {"rmse": round(rmse, 2), "films": FILMS}
    found["readers"] = {f"{reader:g}": oracle(rmse, reader, rng) for reader in READERS}
    print(json.dumps(found, indent=2))
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
