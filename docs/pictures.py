"""The pictures of the documentation.

python docs/pictures.py                    draws the README's, of synthetic hands only
python docs/pictures.py plots NAME FOLDER  takes over the plots of an evaluation or a comparison as NAME_PLOT.webp
python docs/pictures.py curves             draws how errors fall with the epochs and with the films, from docs/results
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from boneage.config import PrepareConfig
from boneage.data.phantom import draw
from boneage.evaluation import metrics
from boneage.evaluation.changes import rotated
from boneage.evaluation.plots import falling
from boneage.evaluation.predictions import read_predictions
from boneage.hand.prepare import prepare
from boneage.types import Radiograph, Sex

IMAGES, RESULTS = Path(__file__).parent / "images", Path(__file__).parent / "results"
YEARS = (1, 3, 6, 9, 12, 15, 18)
SIDE = 224
PLOTS = ("scatter", "bland_altman", "residuals")
TRAINED = ("resnet50", "inception_v4", "resnet50_128")


def phantoms() -> np.ndarray:
    """Girls above, boys below, at `YEARS` of bone age."""
    rows = []
    for sex in (Sex.FEMALE, Sex.MALE):
        films = []
        for years in YEARS:
            film = draw(np.random.default_rng(7), months=12.0 * years, sex=sex, size=SIDE, plain=True).pixels.copy()
            cv2.putText(film, f"{years} y", (8, SIDE - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 220, 1, cv2.LINE_AA)
            films.append(film)
        rows.append(np.hstack(films))
    return np.vstack(rows)


def prepared() -> np.ndarray:
    """Films as they come; with the hand found; and its joints, which the network sees."""
    spec = PrepareConfig(size=SIDE, hand=True, joints=True)
    films = [_as_it_comes(index) for index in range(len(YEARS))]
    read = [Radiograph(film.astype(np.float32) / 255, "phantom", "", "png") for film in films]
    rows = [films, *([prepare(film, one) for film in read] for one in (spec.in_one, spec))]
    return np.vstack([np.hstack(row) for row in rows])


def _as_it_comes(index: int) -> np.ndarray:
    """A phantom with one of the faults of real films: turned, few grey levels, a white frame, mirrored, inverted, …"""
    rng = np.random.default_rng(40 + index)
    film = draw(rng, months=20.0 + 28 * index, size=SIDE).pixels
    border = SIDE // 9
    if index % 7 == 0:
        film = (255 * rotated(film.astype(np.float32) / 255, 60)).astype(np.uint8)
    if index % 7 == 1:
        film = (40 + film * (30 / 255)).astype(np.uint8)
    if index % 7 in (2, 5):
        film = cv2.copyMakeBorder(film, *[border] * 4, cv2.BORDER_CONSTANT, value=250 if index % 7 == 2 else 0)
    if index % 7 == 3:
        film = 255 - film
    if index % 7 == 4:
        film = film[:, ::-1]
        film = (255 * (film / 255) ** 0.4).astype(np.uint8)
    if index % 7 == 6:
        film = (255 * (film / 255) ** 2.2).astype(np.uint8)
    return cv2.resize(film, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def plots(name: str, folder: Path) -> None:
    """The plots that say how a model errs; none of them shows a film."""
    for plot in PLOTS:
        _save(f"{name}_{plot}", Image.open(folder / f"{plot}.png"))


def curves() -> None:
    """How the errors of the reference networks fall with the epochs, and those of one recipe with the films."""
    _save("references_training", _drawn([(name, _epochs(name)) for name in TRAINED], "epochs"))
    starts = [("ImageNet's weights", _amounts("imagenet")), ("from scratch", _amounts("none"))]
    if all(len(rows) for _, rows in starts):
        _save("amounts", _drawn(starts, "training films", logarithmic=True))


def _drawn(curves: list[tuple[str, np.ndarray]], across: str, *, logarithmic: bool = False) -> Image.Image:
    return Image.open(io.BytesIO(falling(curves, across, logarithmic=logarithmic)))


def _epochs(name: str) -> np.ndarray:
    lines = map(json.loads, (RESULTS / f"curve_{name}.jsonl").read_text().splitlines())
    return np.array([(line["epoch"], line["validation_mae"]) for line in lines if line["validation_mae"]])


def _amounts(start: str) -> np.ndarray:
    rows = []
    for path in (RESULTS / "variants" / "amounts").glob(f"*_{start}.csv"):
        films = json.loads(path.with_suffix(".json").read_text())["data"]["train"]
        table = read_predictions(path)
        mae = metrics.summary(table.labels, table.predictions)["mae"]
        rows.append((films, mae["value"], mae["low"], mae["high"]))
    return np.array(sorted(rows))


def _save(name: str, picture: Image.Image) -> None:
    picture.save(IMAGES / f"{name}.webp", quality=80, method=6)


def main() -> None:
    if sys.argv[1:2] == ["plots"]:
        plots(sys.argv[2], Path(sys.argv[3]))
        return
    if sys.argv[1:2] == ["curves"]:
        curves()
        return
    for name, picture in (("phantoms", phantoms()), ("prepared", prepared())):
        _save(name, Image.fromarray(picture))


if __name__ == "__main__":
    main()
