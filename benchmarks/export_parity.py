"""Does the exported file say what the trained networks say: torch against ONNX Runtime on validation films.

python benchmarks/export_parity.py RUN… FILE.onnx --data DIR --out docs/results/export_parity.json
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from boneage.config import Config
from boneage.dataset import open_folder
from boneage.export import together
from boneage.files import write_json
from boneage.models.head import encode
from boneage.predictor import Predictor
from boneage.prepare import prepare
from boneage.read import read
from boneage.split import divide


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
    reader, _ = together(options.runs)
    with torch.inference_mode():
        parts = zip(torch.from_numpy(pixels).split(20), encode(sexes).split(20), strict=True)
        expected = torch.cat([reader(film, sex).months for film, sex in parts]).double().numpy()
    batches = [slice(at, at + 20) for at in range(0, len(films), 20)]
    months = np.concatenate([predictor.told(pixels[at], sexes[at], quick=True)[0] for at in batches])
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
