"""Whether a film at its native resolution and its 299-pixel squashed thumbnail are read alike.

python benchmarks/originals.py [MODEL] --data DIR --out docs/results/originals.json

``DIR/originals`` holds some of the films as they were published; their twins lie in ``DIR/images``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from boneage.data.dataset import open_folder
from boneage.files import write_json
from boneage.images.read import read
from boneage.reading.predictor import Predictor


def compared(predictor: Predictor, data: Path) -> list[dict[str, Any]]:
    """Each original with what is read on it and on its twin, months."""
    twins = {sample.id: sample for sample in open_folder(data).samples}
    rows = []
    for path in sorted((data / "originals").glob("*.png")):
        twin, film = twins[path.stem], read(path)
        assert twin.path is not None
        ages = [predictor.read(of, twin.sex).bone_age_months for of in (film, read(twin.path))]
        assert None not in ages, f"{path.stem} is refused"
        height, width = film.pixels.shape
        rows.append({"id": path.stem, "pixels": [width, height], "original": ages[0], "twin": ages[1]})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="default")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    predictor = Predictor.load(options.model)
    rows = compared(predictor, options.data)
    shifts = [abs(row["original"] - row["twin"]) for row in rows]
    found = {"model": predictor.name, "weights_sha256": predictor.weights_sha256, "n": len(rows)}
    found |= {"largest": round(max(shifts), 2), "mean": round(sum(shifts) / len(shifts), 2), "films": rows}
    print(found)
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
