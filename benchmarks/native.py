"""What a cell of the montage holds beyond what it holds of a thumbnail: power spectra of joints that were cut from
originals at their own resolution, and from their twins of 299 pixels, by the preparation of the recipe ``native``.

python benchmarks/native.py --data DIR [--out docs/results/native.json] [--figure docs/images/native.webp]

``DIR/originals`` holds some of the films as they were published; their twins lie in ``DIR/images``. Noise and detail
both have power: a film cannot tell them apart.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image

from boneage.config import CELLS, PrepareConfig
from boneage.data.dataset import open_folder
from boneage.files import write_bytes, write_json
from boneage.hand.joints import TILES
from boneage.hand.prepare import prepare
from boneage.images.read import read
from boneage.training.recipes import recipe

mpl.use("agg")
import matplotlib.pyplot as plt

BANDS = ((2, 8), (8, 16), (16, 32), (32, 64), (64, 96))  # cycles in a cell


def spectrum(pixels: np.ndarray, spec: PrepareConfig) -> np.ndarray:
    """The mean power of the twelve joints of a montage by the number of cycles in a cell: float64 [cell / 2]."""
    cell = spec.size // CELLS
    window = np.outer(np.hanning(cell), np.hanning(cell))
    rows, columns = np.meshgrid(*[np.fft.fftfreq(cell, 1 / cell)] * 2, indexing="ij")
    cycles = np.hypot(rows, columns).round().astype(int).ravel()
    total = np.zeros(cell // 2)
    joints = [tile for tile in TILES if tile.cells == 1]
    for tile in joints:
        part = pixels[tile.part(cell)].astype(float) / 255
        power = np.abs(np.fft.fft2((part - part.mean()) * window)) ** 2
        total += np.bincount(cycles, power.ravel())[: cell // 2] / np.bincount(cycles)[: cell // 2]
    return total / len(joints)


def compared(data: Path, spec: PrepareConfig) -> list[dict[str, Any]]:
    """The spectra of each original and of its twin."""
    twins = {sample.id: sample for sample in open_folder(data).samples}
    rows = []
    for path in sorted((data / "originals").glob("*.png")):
        original, twin = read(path), read(twins[path.stem].path or "")
        height, width = original.pixels.shape
        both = {name: spectrum(prepare(film, spec), spec) for name, film in (("original", original), ("twin", twin))}
        gains = {f"{low}-{high}": _gain(both, low, high) for low, high in BANDS}
        rows.append({"id": path.stem, "pixels": [width, height], "gain": gains, **both})
    return rows


def _gain(both: dict[str, np.ndarray], low: int, high: int) -> float:
    """How many times the twin's power the original's cells have in a band."""
    return round(float(both["original"][low:high].sum() / both["twin"][low:high].sum()), 2)


def figure(rows: list[dict[str, Any]]) -> bytes:
    """The median spectra, with the range of all films, as WebP."""
    drawing, axes = plt.subplots(figsize=(6.4, 3.4), dpi=120)
    for name, colour in (("original", "#1f5fa8"), ("twin", "#b5542b")):
        power = np.stack([row[name] for row in rows])[:, 1:]
        cycles = np.arange(1, power.shape[1] + 1)
        axes.fill_between(cycles, power.min(axis=0), power.max(axis=0), color=colour, alpha=0.15, linewidth=0)
        axes.plot(cycles, np.median(power, axis=0), color=colour, label=f"cut from the {name}")
    axes.set(yscale="log", xlabel="cycles in a cell of 192 pixels", ylabel="power", xlim=(1, 95))
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    drawing.tight_layout()
    png, webp = io.BytesIO(), io.BytesIO()
    drawing.savefig(png)
    Image.open(png).convert("RGB").save(webp, "WebP", lossless=True)
    return webp.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    spec = recipe("native").prepare
    rows = compared(options.data, spec)
    if options.figure:
        write_bytes(options.figure, figure(rows))
    gains = {band: sorted(row["gain"][band] for row in rows) for band in rows[0]["gain"]}
    found = {
        "n": len(rows),
        "cell": spec.size // CELLS,
        "gain": {
            band: {"median": round(float(np.median(values)), 2), "low": values[0], "high": values[-1]}
            for band, values in gains.items()
        },
        "films": [{key: row[key] for key in ("id", "pixels", "gain")} for row in rows],
    }
    print(found["gain"])
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
