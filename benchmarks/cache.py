"""How fast films are read and prepared: python benchmarks/cache.py --data DIR --out docs/results/cache.json"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from boneage.config import PrepareConfig
from boneage.data.cache import open_cache
from boneage.data.dataset import open_folder
from boneage.files import write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    samples = open_folder(options.data).samples
    found: dict[str, Any] = {"films": len(samples)}
    for name, spec in (("whole", PrepareConfig()), ("hand", PrepareConfig(hand=True))):
        with tempfile.TemporaryDirectory() as home:
            os.environ["BONEAGE_CACHE"] = home
            began = time.perf_counter()
            cache = open_cache(samples, spec)
            seconds = time.perf_counter() - began
        found[name] = {"pixels": spec.size, "failures": len(cache.failures), "seconds": round(seconds, 1)}
        found[name]["per_second"] = round(len(samples) / seconds, 1)
    print(found)
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
