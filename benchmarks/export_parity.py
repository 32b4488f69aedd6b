"""Does the model file say what the trained networks say: torch against ONNX Runtime on validation films.

python benchmarks/export_parity.py RUN… FILE.onnx --data DIR --out docs/results/export_parity.json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from boneage.config import Config
from boneage.data.dataset import open_folder
from boneage.data.split import divide
from boneage.files import write_json
from boneage.hand.prepare import parts, prepare
from boneage.hand.views import views
from boneage.images.read import read
from boneage.models.ensemble import Ensemble, Single
from boneage.models.head import encode
from boneage.reading.predictor import Predictor
from boneage.training.export import combined
from boneage.types import Sex

BATCH = 20


def read_by(reader: Single | Ensemble, pixels: np.ndarray, sexes: Sequence[Sex]) -> np.ndarray:
    """Months [N] by torch, in float32."""
    batches = zip(torch.from_numpy(pixels).split(BATCH), encode(sexes).split(BATCH), strict=True)
    return torch.cat([reader(films, sex).months for films, sex in batches]).double().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", metavar="run")
    parser.add_argument("file", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    predictor = Predictor.load(options.file)
    config = Config.from_dict(predictor.about["config"])
    films = divide(open_folder(options.data), config.data).of("validation").samples[: options.n]
    pixels = np.stack([prepare(read(film.path or ""), predictor.spec) for film in films])
    sexes = [film.sex for film in films]
    reader, _ = combined(options.runs)
    starts, seen = range(0, len(films), BATCH), views(pixels, predictor.views, parts(predictor.spec))
    with torch.inference_mode():
        expected = np.mean([read_by(reader, view, sexes) for view in seen], axis=0)
    months = np.concatenate([predictor.months(pixels[at : at + BATCH], sexes[at : at + BATCH]) for at in starts])
    shift = np.abs(months - expected)
    labels = np.array([film.months for film in films])
    worse = np.abs(months - labels).mean() - np.abs(expected - labels).mean()
    found = {"n": len(films), "largest": float(shift.max()), "mean": float(shift.mean()), "file": options.file.name}
    found |= {"p99": float(np.percentile(shift, 99)), "mae_change": float(worse)}
    print(found)
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
