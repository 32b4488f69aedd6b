"""What the quality flags refuse: pictures that are no hands, by family, and real films; and whether a film's pose is
recognised.

python benchmarks/quality.py --data DIR [--non-hands FOLDER] [--films N] [--out docs/results/quality.json]

``DIR``: real films, of which those of the validation part are read (the thresholds were chosen on training films).
``FOLDER``: pictures, a folder for each family. Not one family that had a part in choosing the thresholds may be among
them: those were openclipart's drawings, mate-backgrounds' photographs, Gaussian noise, smooth noise, lines of text, and
the silhouettes below, which are counted apart.
The committed result is of the Debian packages tuxpaint-stamps-default, plasma-workspace-wallpapers, python3-skimage,
adwaita-icon-theme and opencv-doc, of pydicom's test files, and of invesalius-examples' head: slices of its CT, and
sums through it, which look like radiographs. Further families are drawn here.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from composites import ringed
from PIL import Image, ImageDraw, ImageFont

from boneage.config import Config
from boneage.data.dataset import Sample, open_folder
from boneage.data.phantom import draw
from boneage.data.split import divide
from boneage.errors import BoneAgeError
from boneage.evaluation.changes import rotated
from boneage.files import write_json
from boneage.hand import flags, quality
from boneage.hand.landmarks import LANDMARKS
from boneage.images.folders import films_below
from boneage.images.read import read
from boneage.types import Radiograph, Severity

DRAWN = 60  # pictures of each family drawn here
SIDE = 300
MOST = 250  # pictures of a family
SEED = 11
KNOWN = "drawn: hands without bones (had a part in choosing)"
Pixels = np.ndarray  # float32 [H, W] in [0, 1]


def stripes(rng: np.random.Generator) -> Pixels:
    """Waves of two directions, straight or bent."""
    x, y = np.meshgrid(*2 * [np.linspace(0, 1, SIDE)])
    waves = [
        np.sin(rng.uniform(10, 120) * (x * a + y * b) + rng.uniform(0, 3) * x * y) for a, b in rng.normal(size=(2, 2))
    ]
    return _spread(waves[0] + rng.uniform(0, 1) * waves[1])


def pink(rng: np.random.Generator) -> Pixels:
    """Noise with as much power at every scale, as clouds and films' grain have together."""
    across, down = np.meshgrid(np.fft.rfftfreq(SIDE), np.fft.fftfreq(SIDE))
    radius = np.hypot(across, down) + 1 / SIDE
    spectrum = np.exp(2j * np.pi * rng.random(radius.shape)) / radius ** rng.uniform(0.8, 1.8)
    return _spread(np.fft.irfft2(spectrum, (SIDE, SIDE)))


def specks(rng: np.random.Generator) -> Pixels:
    """Salt and pepper."""
    return (rng.random((SIDE, SIDE)) < rng.uniform(0.02, 0.6)).astype(np.float32)


def page(rng: np.random.Generator) -> Pixels:
    """A printed page: a title, paragraphs, a rule."""
    paper = Image.new("L", (SIDE, round(1.3 * SIDE)), 255)
    pen, font = ImageDraw.Draw(paper), ImageFont.load_default(size=float(rng.uniform(9, 15)))
    for line in range(4, paper.height - 8, round(font.size * 1.4)):
        if rng.random() < 0.85:
            text = " ".join("".join(rng.choice(list("etaoinshrdlu"), rng.integers(2, 9))) for _ in range(9))
            pen.text((8, line), text, fill=0, font=font)
    film = np.asarray(paper, np.float32) / 255
    return 1 - film if rng.random() < 0.5 else film


def shapes(rng: np.random.Generator) -> Pixels:
    """Polygons and rods, some like fingers."""
    plate = np.zeros((SIDE, SIDE), np.uint8)
    for _ in range(rng.integers(4, 14)):
        start, end = rng.integers(0, SIDE, (2, 2)).tolist()
        grey = float(rng.uniform(40, 255))
        if rng.random() < 0.6:
            cv2.line(plate, start, end, grey, int(rng.integers(4, 30)), cv2.LINE_AA)
        else:
            cv2.fillPoly(
                plate, [rng.integers(0, SIDE, (int(rng.integers(3, 7)), 2)).astype(np.int32)], grey, cv2.LINE_AA
            )
    return plate.astype(np.float32) / 255


def silhouettes(rng: np.random.Generator) -> Pixels:
    """Hands without bones, flat or with a photograph's shading."""
    film = draw(rng, size=SIDE).pixels
    soft = cv2.GaussianBlur(film, (0, 0), 3)
    _, inside = cv2.threshold(soft, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    inside = cv2.morphologyEx(inside, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    shade = np.sqrt(depth / max(float(depth.max()), 1)) if rng.random() < 0.6 else inside / 255
    return np.asarray(shade * rng.uniform(0.5, 1), np.float32)


def painted(rng: np.random.Generator) -> Pixels:
    """Hands as a child paints a photograph of one: skin, creases and nails, on a ground of its own."""
    joints = draw(rng, size=SIDE).landmarks
    wide = 0.085 * float(np.linalg.norm(joints[LANDMARKS.index("middle_finger4")] - joints[0]))
    inside = np.zeros((SIDE, SIDE), np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(joints[[0, 1, 5, 9, 13, 17]].astype(np.int32)), 255)
    for finger in range(5):
        chain = np.concatenate([joints[:1], joints[1 + 4 * finger : 5 + 4 * finger]])
        cv2.polylines(inside, [chain.astype(np.int32)], False, 255, round(2 * wide), cv2.LINE_AA)
    skin = 0.55 + 0.35 * cv2.GaussianBlur(inside, (0, 0), wide / 2) / 255 + 0.12 * (pink(rng) - 0.5)
    for joint in joints[[2, 3, 6, 7, 10, 11, 14, 15, 18, 19]]:
        cv2.ellipse(skin, joint.astype(int).tolist(), (round(wide), 2), 0, 0, 360, 0.45, 1, cv2.LINE_AA)
    for tip in joints[[4, 8, 12, 16, 20]]:
        cv2.circle(skin, tip.astype(int).tolist(), round(0.5 * wide), 0.95, -1, cv2.LINE_AA)
    share = cv2.GaussianBlur(inside, (0, 0), 1.0) / np.float32(255)
    ground = rng.uniform(0, 0.6) + rng.uniform(0, 0.25) * (pink(rng) - 0.5)
    return np.asarray((share * skin + (1 - share) * ground).clip(0, 1), np.float32)


FAMILIES: dict[str, Callable[[np.random.Generator], Pixels]] = {
    "drawn: stripes": stripes,
    "drawn: pink noise": pink,
    "drawn: specks": specks,
    "drawn: printed pages": page,
    "drawn: polygons and rods": shapes,
    "drawn: painted hands": painted,
    KNOWN: silhouettes,
}


def _spread(values: np.ndarray) -> Pixels:
    return ((values - values.min()) / max(float(np.ptp(values)), 1e-9)).astype(np.float32)


def _film(pixels: Pixels) -> Radiograph:
    return Radiograph(np.ascontiguousarray(pixels, np.float32), "", "", "")


def pictures(folder: Path | None) -> Iterator[tuple[str, Radiograph]]:
    """Family and picture: those of the folder that can be read, at most so many of each, evenly taken; then drawn."""
    for place in sorted(folder.iterdir()) if folder else []:
        films = sorted(films_below(place))
        for path in films[:: max(1, math.ceil(len(films) / MOST))]:
            try:
                yield place.name, read(path)
            except BoneAgeError:
                continue
    for name, of in FAMILIES.items():
        for number in range(DRAWN):
            yield name, _film(of(np.random.default_rng([SEED, number])))


def is_refused(film: Radiograph) -> bool:
    evidence = quality.examine(film)
    raised = flags.of_film(evidence, is_brought=True, was_inverted=evidence.inverted, laterality=None)
    return any(flag.severity is Severity.REFUSE for flag in raised)


def non_hands(folder: Path | None) -> dict[str, Any]:
    """Refused, by family; in all without the one family that had a part in choosing the thresholds."""
    found: dict[str, dict[str, Any]] = {}
    for family, film in pictures(folder):
        row = found.setdefault(family, {"n": 0, "refused": 0})
        row["n"] += 1
        row["refused"] += is_refused(film)
    unseen = [row for family, row in found.items() if family != KNOWN]
    n, refused = (sum(row[key] for row in unseen) for key in ("n", "refused"))
    return {"n": n, "refused": refused, "missed_upper": upper_bound(n - refused, n), "families": found}


def real(samples: list[Sample]) -> dict[str, Any]:
    """Refused and flagged films, the time it takes, and the poses that are recognised."""
    flagged: dict[str, int] = {}
    refused, seconds, told = [], [], dict.fromkeys(POSES, 0)
    posed = samples[:: max(1, len(samples) // POSED)][:POSED]
    for sample in samples:
        film = read(sample.path or "")
        began = time.perf_counter()
        evidence = quality.examine(film)
        seconds.append(time.perf_counter() - began)
        raised = flags.of_film(evidence, is_brought=True, was_inverted=evidence.inverted, laterality=None)
        refused += [sample.id] if any(flag.severity is Severity.REFUSE for flag in raised) else []
        for flag in raised:
            flagged[flag.code] = flagged.get(flag.code, 0) + 1
        if sample in posed:
            for name, (change, is_told) in POSES.items():
                told[name] += is_told(evidence, quality.examine(_film(change(film.pixels))))
    n = len(samples)
    return {
        "n": n,
        "refused": len(refused),
        "refused_upper": upper_bound(len(refused), n),
        "refused_ids": refused,
        "flagged": dict(sorted(flagged.items())),
        "milliseconds": round(1000 * float(np.median(seconds)), 1),
        "poses": {"n": len(posed), "told": told},
    }


def _is_turned(by: float) -> Callable[[quality.Evidence, quality.Evidence], bool]:
    return lambda before, after: abs((after.turned - before.turned - by + 180) % 360 - 180) < 15


POSED = 200  # films that are also mirrored, turned and inverted
POSES: dict[str, tuple[Callable[[Pixels], Pixels], Callable[[quality.Evidence, quality.Evidence], bool]]] = {
    "mirrored": (lambda pixels: pixels[:, ::-1], lambda before, after: after.mirrored != before.mirrored),
    **{
        f"rotated by {by}\N{DEGREE SIGN}": (lambda pixels, by=by: rotated(pixels, by), _is_turned(by))
        for by in (90, 180, 270)
    },
    "inverted": (lambda pixels: 1 - pixels, lambda before, after: after.inverted != before.inverted),
    "a ring put on a finger": (ringed, lambda before, after: after.metal >= flags.METAL),
}


def upper_bound(count: int, n: int) -> float:
    """The exact (Clopper-Pearson) 97.5 % upper bound of a share of which ``count`` of ``n`` were seen."""
    low, high = count / n, 1.0
    for _ in range(50):
        share = (low + high) / 2
        below = sum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(count + 1)) if share < 1 else 0
        low, high = (share, high) if below > 0.025 else (low, share)
    return high


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--non-hands", type=Path)
    parser.add_argument("--films", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    dataset = divide(open_folder(options.data), Config().data).of("validation")
    some = dataset.samples[:: max(1, len(dataset.samples) // options.films)][: options.films]
    found = {
        "split": "validation",
        "real": real([s for s in some if s.path]),
        "non_hands": non_hands(options.non_hands),
    }
    print(json.dumps(found, indent=2))
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
