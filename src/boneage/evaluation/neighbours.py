"""Nearest neighbours: the films of a folder whose features are most like a film's, with their known bone ages.

The films are the user's own; none are shipped. Synthetic ones are stamped SYNTHETIC.

boneage neighbours FILE --gallery DIR --out alike.png
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from ..caption import captioned
from ..data.cache import CODE, ROOT
from ..data.cache_home import cache_home
from ..data.dataset import Sample, open_folder
from ..data.phantom import MARKER
from ..data.pipeline import PreparedFilm, each_film, prepared
from ..errors import BadConfig, BadTable
from ..files import refuse_overwriting, replacing, sha256, sha256_json, text_bytes, write_bytes
from ..hand.prepare import prepare
from ..images.folders import films_below
from ..images.guarded import read
from ..progress import Advance
from ..reading.predictor import Predictor
from ..types import DISCLAIMER, Radiograph, Sex

BATCH = 16
SAME = 1e-9  # of the mean squared feature: two films nearer than this are the same film
TILE, FOOT = 224, 44  # pixels of a film on the sheet, and of the words below it
ENDINGS = (".png", ".html")


@dataclass(frozen=True)
class Gallery:
    """The films of a folder with their features.

    Attributes:
        samples: the films.
        features: float32 [N, F], a row for each.
        unreadable: how many films were left out.
        is_synthetic: whether the folder is marked as synthetic.
        remarks: sentences on how its table was understood.
    """

    samples: tuple[Sample, ...]
    features: np.ndarray
    unreadable: int
    is_synthetic: bool
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Neighbour:
    """A film of the gallery that is like a given film.

    Attributes:
        sample: the film.
        likeness: the cosine of both films' features, each feature standardised over the gallery; at most 1.
        is_synthetic: whether it is from a synthetic gallery.
    """

    sample: Sample
    likeness: float
    is_synthetic: bool

    @property
    def words(self) -> tuple[str, str]:
        """Its name, and what is known of it."""
        sex = "" if self.sample.sex is Sex.UNKNOWN else f", {self.sample.sex}"
        return self.sample.id, f"{self.sample.months:g} months{sex}"


def open_gallery(
    predictor: Predictor, folder: str | Path, images: str | Path | None = None, progress: Advance | None = None
) -> Gallery:
    """The films of a data folder whose bone age is known; their features are computed once and then cached.

    The cached file is named by a hash of the films' names, lengths and times, of the model's description, and of the
    code that reads and prepares films.

    Raises:
        BadTable: if no film can be read.
        BadModel: if the model's file was exported without features.
    """
    dataset = open_folder(folder, images)
    known = [sample for sample in dataset.samples if sample.path and sample.months is not None]
    name = f"{_key(known, predictor)}.features.npy"
    path = cache_home(name) / name
    if not path.exists():
        features = _features(predictor, known, progress)
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.save(file, features)
    features = np.load(path)
    readable = np.isfinite(features).all(axis=1) if len(known) else np.zeros(0, bool)
    if not readable.any():
        raise BadTable(f"{folder} holds no film of known bone age that can be read")
    samples = tuple(sample for sample, is_read in zip(known, readable, strict=True) if is_read)
    is_synthetic = (dataset.root / MARKER).is_file()
    return Gallery(samples, features[readable], int((~readable).sum()), is_synthetic, dataset.remarks)


def neighbours(predictor: Predictor, film: Radiograph, gallery: Gallery, k: int = 6) -> list[Neighbour]:
    """The ``k`` films of the gallery most like a film, the most alike first, without the film itself."""
    own = predictor.features(prepare(film, predictor.spec)[None])[0]
    distance = ((gallery.features - own) ** 2).mean(axis=1)
    middle, spread = gallery.features.mean(axis=0), gallery.features.std(axis=0) + 1e-6
    of_film, of_all = _unit((own - middle) / spread), _unit((gallery.features - middle) / spread)
    likeness = np.where(distance > SAME * (own**2).mean(), of_all @ of_film, -np.inf)
    best = np.argsort(-likeness, kind="stable")[:k]
    return [
        Neighbour(gallery.samples[row], float(likeness[row]), gallery.is_synthetic)
        for row in best
        if np.isfinite(likeness[row])
    ]


def check_place(out: Path, film: Path, gallery: Path) -> None:
    """Check the output before the work. Raises BadConfig unless it is a .png or .html, CannotWrite if it is a film."""
    if out.suffix.lower() not in ENDINGS:
        raise BadConfig(f"{out} should end in {' or '.join(ENDINGS)}")
    refuse_overwriting([out], [film, *(films_below(gallery) if gallery.is_dir() else ())])


def write(out: Path, film: Radiograph, found: Sequence[Neighbour], predictor: Predictor) -> Path:
    """Write the film and its neighbours side by side: a PNG, or an HTML page with the picture and a table."""
    picture = sheet(film, found, predictor)
    write_bytes(out, picture if out.suffix.lower() == ".png" else text_bytes(_page(film, found, predictor, picture)))
    return out


def sheet(film: Radiograph, found: Sequence[Neighbour], predictor: Predictor) -> bytes:
    """A PNG: the film first, then its neighbours, upright, with what is known of them below."""
    tiles = [_tile(prepare(film, predictor.spec.in_one), ("this film", ""), is_synthetic=False)]
    for one in found:
        square = prepare(read(one.sample.path or ""), predictor.spec.in_one)
        tiles.append(_tile(square, one.words, is_synthetic=one.is_synthetic))
    return captioned(np.hstack(tiles), predictor.signature)


def _features(predictor: Predictor, samples: Sequence[Sample], progress: Advance | None) -> np.ndarray:
    """Float32 [N, F]; NaN for films that cannot be read."""
    width = predictor.features(np.zeros((1, *predictor.spec.shape), np.uint8)).shape[1]
    features = np.full((len(samples), width), np.nan, np.float32)
    films = enumerate(each_film(partial(prepared, spec=predictor.spec), samples))
    while batch := list(islice(films, BATCH)):
        squares = {row: film.pixels for row, film in batch if isinstance(film, PreparedFilm)}
        if squares:
            features[list(squares)] = predictor.features(np.stack(list(squares.values())))
        if progress:
            progress(len(batch))
    return features


def _key(samples: Sequence[Sample], predictor: Predictor) -> str:
    films = []
    for sample in samples:
        stat = os.stat(sample.path or "")
        films.append([sample.id, str(sample.path), stat.st_size, stat.st_mtime_ns])
    code = [sha256((ROOT / name).read_bytes()) for name in CODE]
    return sha256_json([films, predictor.about, code])[:24]


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)


def _tile(square: np.ndarray, words: tuple[str, str], *, is_synthetic: bool) -> np.ndarray:
    """A film uint8 [S, S] with two lines below it; SYNTHETIC is stamped on synthetic ones."""
    tile = np.full((TILE + FOOT, TILE), 24, np.uint8)
    tile[:TILE] = cv2.resize(square, (TILE, TILE), interpolation=cv2.INTER_AREA)
    for line, text in enumerate(words):
        plain = text.encode("ascii", "replace").decode()[:30]
        cv2.putText(tile, plain, (6, TILE + 17 + 19 * line), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255.0, 1, cv2.LINE_AA)
    if is_synthetic:
        cv2.putText(tile, "SYNTHETIC", (22, TILE // 2), cv2.FONT_HERSHEY_SIMPLEX, 1.05, 0.0, 5, cv2.LINE_AA)
        cv2.putText(tile, "SYNTHETIC", (22, TILE // 2), cv2.FONT_HERSHEY_SIMPLEX, 1.05, 255.0, 2, cv2.LINE_AA)
    return tile


def _page(film: Radiograph, found: Sequence[Neighbour], predictor: Predictor, picture: bytes) -> str:
    from . import html  # imports matplotlib, which an installation for reading only does not have

    kind = "SYNTHETIC" if any(one.is_synthetic for one in found) else "of your own folder"
    rows = [(one.sample.id, str(one.sample.sex), f"{one.sample.months:g}", f"{one.likeness:.2f}") for one in found]
    said = "Brought upright, as for the network; known bone ages below. Alike to the network is not the same age."
    alt = f"The film, and {len(found)} films like it."
    body = [
        html.figure(1, picture, f"This film and films like it ({kind}).", said, alt, kind="photograph"),
        html.table("Films like it.", ("film", "sex", "bone age, months", "likeness"), rows, words=2),
        html.facts({"film": film.source, "model": predictor.name, "weights_sha256": predictor.weights_sha256}),
    ]
    return html.page("Cases like it", f"{Path(film.source).name}. {DISCLAIMER}", body)
