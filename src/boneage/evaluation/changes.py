"""Changes that films undergo in practice and that leave the hand the same: rotation, crop, contrast, compression, …"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np

from ..config import PrepareConfig
from ..data.dataset import Sample
from ..data.pipeline import check_label, sex_of
from ..images.guarded import read
from ..reading.examination import examine
from ..types import Severity, Sex

Pixels = np.ndarray  # float32 [H, W] in [0, 1]


@dataclass(frozen=True)
class Change:
    """One way to change a film, with words for reports: the kind ``rotation`` of the strength ``15°``."""

    kind: str
    strength: str
    of: Callable[[Pixels], Pixels]

    @property
    def name(self) -> str:
        return f"{self.kind} {self.strength}".strip()


@dataclass(frozen=True)
class ChangedFilm:
    """A film as it is and, after that, with each change.

    Attributes:
        sex: as the table or else the file says.
        pixels: uint8 [1 + changes, H, W], prepared.
        lost: bool [1 + changes], whether no hand was found.
        warned: bool [1 + changes], whether a flag warns of the film or refuses it.
    """

    sex: Sex
    pixels: np.ndarray
    lost: np.ndarray
    warned: np.ndarray


def rotated(pixels: Pixels, degrees: float) -> Pixels:
    """Turned clockwise on a canvas that holds all of it, the new corners in the colour of the rim."""
    height, width = pixels.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    across, down = np.abs(matrix[:, :2]) @ [width, height]
    matrix[:, 2] += [(across - width) / 2, (down - height) / 2]
    return cv2.warpAffine(
        pixels, matrix, (round(across), round(down)), flags=cv2.INTER_LINEAR, borderValue=_rim(pixels)
    )


def mirrored(pixels: Pixels) -> Pixels:
    """Left for right."""
    return np.ascontiguousarray(pixels[:, ::-1])


def inverted(pixels: Pixels) -> Pixels:
    """Dark for bright."""
    return 1 - pixels


def resized(pixels: Pixels, longest: int) -> Pixels:
    """With another number of pixels and the same aspect."""
    scale = longest / max(pixels.shape)
    return _sized(pixels, pixels.shape[1] * scale, pixels.shape[0] * scale)


def stretched(pixels: Pixels, factor: float) -> Pixels:
    """Wider by a factor, or narrower."""
    return _sized(pixels, pixels.shape[1] * factor, pixels.shape[0])


def cropped(pixels: Pixels, share: float) -> Pixels:
    """Without so much of each side."""
    rows, columns = (round(side * share) for side in pixels.shape)
    return pixels[rows : pixels.shape[0] - rows, columns : pixels.shape[1] - columns]


def framed(pixels: Pixels, level: float) -> Pixels:
    """In a frame of one grey, a twelfth of the side wide."""
    width = max(pixels.shape) // 12
    return cv2.copyMakeBorder(pixels, width, width, width, width, cv2.BORDER_CONSTANT, value=level)


def marked(pixels: Pixels) -> Pixels:
    """With a bright side marker in the upper left corner."""
    side, plate = min(pixels.shape) / 299, np.zeros(pixels.shape, np.uint8)
    where, thick = (round(14 * side), round(44 * side)), max(1, round(6 * side))
    cv2.putText(plate, "L", where, cv2.FONT_HERSHEY_SIMPLEX, 1.3 * side, 255.0, thick, cv2.LINE_AA)
    return np.maximum(pixels, plate.astype(np.float32) / 255)


def lightened(pixels: Pixels, exponent: float) -> Pixels:
    """Of another gamma."""
    return np.power(pixels, np.float32(exponent))


def faint(pixels: Pixels, share: float) -> Pixels:
    """With a share of the contrast left, about mid-grey."""
    return (0.5 + (pixels - 0.5) * share).astype(np.float32)


def noisy(pixels: Pixels, deviation: float) -> Pixels:
    """With Gaussian noise, the same for films of one size."""
    noise = np.random.default_rng(0).normal(0, deviation, pixels.shape)
    return np.clip(pixels + noise, 0, 1).astype(np.float32)


def compressed(pixels: Pixels, quality: int) -> Pixels:
    """Through a JPEG file."""
    _, data = cv2.imencode(".jpg", (pixels * 255 + 0.5).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    film = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    assert film is not None, "what was encoded a line above"
    return film.astype(np.float32) / 255


def _sized(pixels: Pixels, width: float, height: float) -> Pixels:
    size = max(1, round(width)), max(1, round(height))
    shrinks = size[0] * size[1] < pixels.size
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC).clip(0, 1)


def _rim(pixels: Pixels) -> float:
    return float(np.median(np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])))


def _series(kind: str, change: Callable[..., Pixels], strengths: dict[str, float]) -> tuple[Change, ...]:
    return tuple(Change(kind, word, partial(_with, change, value)) for word, value in strengths.items())


def _with(change: Callable[..., Pixels], value: float, pixels: Pixels) -> Pixels:
    return change(pixels, value)


CHANGES: tuple[Change, ...] = (
    *_series("rotation", rotated, {f"{by:+d}\N{DEGREE SIGN}": by for by in (-90, -30, -15, 15, 30, 90, 180)}),
    Change("mirror", "", mirrored),
    Change("inversion", "", inverted),
    *_series("gamma", lightened, {"0.5": 0.5, "0.7": 0.7, "1.4": 1.4, "2": 2.0}),
    *_series("contrast", faint, {"50 %": 0.5, "20 %": 0.2}),
    *_series("resolution", resized, {f"{longest} px": longest for longest in (150, 220, 600, 1500)}),
    *_series("width", stretched, {f"\N{MULTIPLICATION SIGN} {by:g}": by for by in (0.7, 0.85, 1.2, 1.4)}),
    *_series("crop of each side", cropped, {"3 %": 0.03, "6 %": 0.06}),
    *_series("frame", framed, {"white": 1.0, "black": 0.0}),
    Change("marker", "", marked),
    *_series("noise", noisy, {"2 %": 0.02, "5 %": 0.05}),
    *_series("JPEG quality", compressed, {"50": 50, "20": 20}),
)


def in_every_form(sample: Sample, spec: PrepareConfig, changes: Sequence[Change]) -> ChangedFilm:
    """Read a sample's film, and prepare it as it is and with each of the changes.

    Raises UnreadableImage, or BadTable for a film of unknown bone age.
    """
    check_label(sample)
    film = read(sample.path or "")
    squares, lost, warned = [], [], []
    for pixels in (film.pixels, *(change.of(film.pixels) for change in changes)):
        changed = replace(film, pixels=np.ascontiguousarray(pixels, np.float32))
        seen = examine(changed, spec)
        squares.append(seen.pixels)
        lost.append(spec.hand and seen.hand is None)
        warned.append(any(flag.severity is not Severity.NOTE for flag in seen.flags))
    return ChangedFilm(sex_of(sample, film), np.stack(squares), np.array(lost), np.array(warned))
