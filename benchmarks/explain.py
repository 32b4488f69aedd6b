"""Whether what the heat map marks is what counts: the deletion test, on real films, and what a map costs.

python benchmarks/explain.py --data DIR [--model default] [--films N] [--out docs/results/explain.json]

The hottest pixels of a map, a fiftieth to a quarter of the film, are blurred away, and the age read again. A map's
area is the mean shift over these shares, in months. It is compared with that of a random map as smooth as the heat,
and of a blob in the middle of the film. Films of the validation part, evenly taken; intervals are 95 % bootstrap.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from boneage.config import Config
from boneage.data.dataset import open_folder
from boneage.data.split import divide
from boneage.files import write_json
from boneage.images.read import read
from boneage.reading.occlusion import GRID, Veiled, explain
from boneage.reading.predictor import Predictor
from boneage.types import Sex

SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25)  # of the film, blurred away; with more, little of any hand is left
EDGE = 2.0  # pixels: the standard deviation of the edge of what is blurred away
MAPS = ("heat", "random", "centre")


def shifts(predictor: Predictor, film: Veiled, sex: Sex, heat: np.ndarray) -> list[float]:
    """By how many months the age moves as more and more of the hottest pixels of a film are blurred away."""
    ranks = (-heat).ravel().argsort().argsort().reshape(heat.shape) / heat.size
    hidden = [cv2.GaussianBlur((ranks < share).astype(np.float32), (0, 0), EDGE) for share in SHARES]
    pictures = np.stack([film.picture, *(film.hiding(where) for where in hidden)])
    ages = predictor.months(pictures, [sex] * len(pictures))
    return np.abs(ages[1:] - ages[0]).tolist()


def rivals(side: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """A random map as smooth as the heat, and a blob in the middle."""
    random = cv2.resize(rng.random((GRID, GRID), np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    away = (np.arange(side) + 0.5) / side - 0.5
    return {"random": random, "centre": -np.hypot(*np.meshgrid(away, away))}


def ratio(ours: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Of the mean areas, with its bootstrap interval over films."""
    rows = rng.integers(0, len(ours), (2000, len(ours)))
    low, high = np.percentile(ours[rows].mean(axis=1) / other[rows].mean(axis=1), (2.5, 97.5))
    return {"value": float(ours.mean() / other.mean()), "low": float(low), "high": float(high)}


def measured(predictor: Predictor, folder: Path, films: int) -> dict[str, Any]:
    dataset = divide(open_folder(folder), Config().data).of("validation")
    some = [sample for sample in dataset.samples[:: max(1, len(dataset.samples) // films)][:films] if sample.path]
    rng, seconds, regions = np.random.default_rng(0), [], []
    curves: dict[str, list[list[float]]] = {name: [] for name in MAPS}
    for sample in some:
        film = read(sample.path or "")
        began = time.process_time()
        found = explain(predictor, film, sample.sex)
        seconds.append(time.process_time() - began)
        regions += [found.shares] if found.shares else []
        for name, heat in ({"heat": found.heat} | rivals(len(found.heat), rng)).items():
            curves[name].append(shifts(predictor, found.film, sample.sex, heat))
    areas = {name: np.array(curve).mean(axis=1) for name, curve in curves.items()}
    return {
        "n": len(some),
        "split": "validation",
        "model": predictor.name,
        "weights_sha256": predictor.weights_sha256,
        "shares": SHARES,
        "curves": {name: np.array(curve).mean(axis=0).round(3).tolist() for name, curve in curves.items()},
        "areas": {name: round(float(area.mean()), 3) for name, area in areas.items()},
        "against": {name: ratio(areas["heat"], areas[name], rng) for name in MAPS[1:]},
        "regions": {name: round(float(np.mean([one[name] for one in regions])), 3) for name in regions[0]},
        "cpu_seconds": {"median": round(float(np.median(seconds)), 2), "largest": round(max(seconds), 2)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="default")
    parser.add_argument("--films", type=int, default=30)
    parser.add_argument("--threads", type=int, default=0, help="of the network; 0: all cores")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    found = measured(Predictor.load(options.model, threads=options.threads), options.data, options.films)
    print(json.dumps(found, indent=2))
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
