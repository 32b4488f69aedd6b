"""Borders, polarity and grey levels of a film, measured on a proxy of about 128 pixels.

Films come in white or black frames, as negatives or positives, and with any contrast. Everything here is decided by
percentiles of a few rows or of a few hundred pixels, so that dust, text and side markers do not count.
"""

from __future__ import annotations

import numpy as np

from ..config import PrepareConfig
from .geometry import WHOLE, Box, cut, middle, within

BORDER = 0.2  # the largest fraction of the film's side that is taken for a border
INVERTED = 0.05  # an excess above it means an inverted film; wrong on 7 of the real films (see docs/data.md)


def borders(proxy: np.ndarray) -> Box:
    """The box of a film [H, W] within white frames and black collimation.

    Looked for twice, for frames within frames and for frames thicker than `BORDER`.
    """
    box = _outermost(proxy)
    return within(box, _outermost(cut(proxy, box)))


def is_inverted(film: np.ndarray) -> bool:
    """Whether a film [H, W] without borders shows bone dark, as positive prints do."""
    return _excess(film) > INVERTED


def black_and_white(pixels: np.ndarray, spec: PrepareConfig) -> tuple[float, float]:
    """The grey levels that become 0 and 255 of any pixels, by the percentiles of ``spec``.

    Black is the background beside the hand. White lies ``spec.headroom`` times as far above it as bright bone does, so
    that markers and metal clip before bone. Contrasts below 4 of 255 grey levels are stretched no further.
    """
    black, bone = _percentiles(pixels.ravel(), spec.low, spec.high)
    return float(black), float(black + spec.headroom * max(bone - black, 4 / 255))


def to_bytes(film: np.ndarray, inverted: bool, black: float, white: float) -> np.ndarray:
    """A film float32 as uint8: inverted if it shows bone dark, then ``black`` to ``white`` spread over 0 to 255."""
    if inverted:
        film = 1 - film
    scaled = (film - black) * (255.0 / max(white - black, 1e-6))
    return np.clip(scaled + 0.5, 0, 255).astype(np.uint8)


def _outermost(film: np.ndarray) -> Box:
    """The box within the outermost borders; a line is a border by the contrast of the film's middle."""
    dark, bright = _percentiles(middle(film, 0.2).ravel(), 10, 95)
    contrast = float(bright - dark)
    if contrast < 1 / 255:
        return WHOLE
    too_bright, too_dark = float(dark) + 0.6 * contrast, float(dark) - 0.25 * contrast
    sides = (film, film[::-1], film.T, film.T[::-1])
    top, bottom, left, right = (_border(lines, too_bright, too_dark) for lines in sides)
    return top, 1 - bottom, left, 1 - right


def _border(lines: np.ndarray, too_bright: float, too_dark: float) -> float:
    """The border's width as a fraction of the side, up to `BORDER`: up to the last line nearly all bright or dark.

    Nearly all: the 20th percentile of a line is too bright, or the 70th too dark, so that writing may lie on it.
    """
    outer = lines[: int(len(lines) * BORDER)]
    lower, upper = _percentiles(outer, 20, 70)
    outside = np.flatnonzero((lower > too_bright) | (upper < too_dark))
    return float(outside[-1] + 1) / len(lines) if outside.size else 0.0


def _excess(film: np.ndarray) -> float:
    """How much brighter the background is than the hand, as a share of the grey range.

    The background is taken from the film's rim and from a rim further in, whichever is darker: a bright frame that was
    left on the film does not count.
    """
    (hand,) = _percentiles(middle(film, 1 / 3).ravel(), 50)
    low, high = _percentiles(film.ravel(), 5, 95)
    spread = max(float(high - low), 1 / 255)
    backgrounds = (_rim(film), _rim(middle(film, 0.15)))
    return min(float(background - hand) / spread for background in backgrounds)


def _rim(film: np.ndarray) -> float:
    """The median of the four sides' medians, a sixteenth of the film wide."""
    width = max(1, min(film.shape) // 16)
    sides = (film[:width], film[-width:], film[:, :width], film[:, -width:])
    return float(np.median([_percentiles(side.ravel(), 50) for side in sides]))


def _percentiles(values: np.ndarray, *percents: float) -> list[np.ndarray]:
    """As `numpy.percentile` along the last axis, by one sort, which is several times as fast on so few pixels."""
    ordered, last = np.sort(values, axis=-1), values.shape[-1] - 1
    places = [last * percent / 100 for percent in percents]
    return [ordered[..., int(at)] * (1 - at % 1) + ordered[..., min(int(at) + 1, last)] * (at % 1) for at in places]
