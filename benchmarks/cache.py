"""How fast films are read and prepared, by the number of worker processes, and what memory all of them take.

python benchmarks/cache.py --data DIR --out docs/results/cache.json

Linux only: memory is read from /proc, several times a second, summed over this process and its children.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
from PIL import AvifImagePlugin

from boneage.config import PrepareConfig
from boneage.data.cache import open_cache
from boneage.data.dataset import Sample, open_folder
from boneage.data.workers import cores
from boneage.files import write_json

SPECS = {"whole": PrepareConfig(), "hand": PrepareConfig(hand=True)}
EVERY = 0.2  # seconds between two looks at the memory


class Peak:
    """The largest memory in MB that was seen: ``resident`` as the sum over the processes, which counts what they share
    several times, and ``proportional``, which counts it once."""

    def __init__(self) -> None:
        self.resident = self.proportional = 0.0

    def look(self) -> None:
        """Take the memory of now."""
        sums = {"Rss": 0.0, "Pss": 0.0}
        for process in family():
            try:
                lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
            except OSError:  # it has ended
                continue
            for name, kilobytes in (line.split()[:2] for line in lines[1:]):
                if (name := name.rstrip(":")) in sums:
                    sums[name] += int(kilobytes) / 1000
        self.resident = max(self.resident, sums["Rss"])
        self.proportional = max(self.proportional, sums["Pss"])


def family() -> list[int]:
    """This process, its children and theirs."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue
        parents[int(number.split()[0])] = int(rest.split()[1])
    found = [os.getpid()]
    for process in found:  # grows meanwhile
        found += [child for child, parent in parents.items() if parent == process]
    return found


@contextmanager
def watched() -> Iterator[Peak]:
    """Look at the memory while the block runs."""
    peak, ended = Peak(), threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY):
            peak.look()

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def measured(samples: Sequence[Sample], spec: PrepareConfig, workers: int) -> dict[str, Any]:
    """One cache built from nothing."""
    with tempfile.TemporaryDirectory() as home, watched() as peak:
        os.environ["BONEAGE_CACHE"] = home
        began = time.perf_counter()
        cache = open_cache(samples, spec, workers=workers)
        seconds = time.perf_counter() - began
    return {
        "failures": len(cache.failures),
        "seconds": round(seconds, 1),
        "per_second": round(len(samples) / seconds, 1),
        "resident_mb": round(peak.resident),
        "proportional_mb": round(peak.proportional),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--films", type=int, default=4000, help="the first so many of the table")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="1: in this process")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    samples = open_folder(options.data).samples[: options.films]
    cv2.setNumThreads(1)  # one worker, in this process, is one core: no library starts threads of its own
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    for sample in samples:  # from now on the files are in memory, for the first measurement as for the others
        (sample.path or Path()).read_bytes()
    found: dict[str, Any] = {"films": len(samples), "cores": cores()}
    for name, spec in SPECS.items():
        runs = {str(workers): measured(samples, spec, workers) for workers in options.workers}
        rates = {workers: run["per_second"] for workers, run in runs.items()}
        print(f"{name}, films a second by number of workers: {rates}", flush=True)
        print(f"{name}, MB of all processes: { ({n: run['resident_mb'] for n, run in runs.items()}) }", flush=True)
        best = max(runs.values(), key=lambda run: run["per_second"])
        found[name] = {"pixels": spec.size, **best, "workers": runs, "gain": round(best["per_second"] / rates["1"], 2)}
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
