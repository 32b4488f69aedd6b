"""From stored values to what a viewer displays (PS3.3 C.11, PS3.4 N.2): modality LUT, VOI LUT, presentation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from pydicom.dataset import Dataset

from ..errors import UnreadableImage
from ..types import Levels
from .dicom_header import number, text
from .grey import white_level
from .pixels import bands, converted, luminance

CLIPPED = 0.02  # of the hand; from 0.05 on ages of real films move by months
BORDER = 0.95  # of the range of values: brighter is a collimator's border, or metal
NARROW = 1 / 3  # of the grey range
SAMPLE = 500_000  # pixels that are looked at

Work = Callable[[np.ndarray], np.ndarray]  # from values, a band of rows at a time, to float32


def displayed(stored: np.ndarray, dataset: Dataset, photometric: str, notes: list[str]) -> np.ndarray:
    """Grey levels float32 [rows, columns] in [0, 1], bone bright; padding is black."""
    film = _Stages.of(stored, dataset, photometric, notes)
    return film.finished(film.over_range() if film.view is None else film.viewed(film.view))


def over_all_values(stored: np.ndarray, dataset: Dataset, photometric: str) -> tuple[np.ndarray, Levels]:
    """The same with all values from 0 to 1, and where the file's window and what is `displayed` lie among them.

    A VOI LUT and a sigmoid window cut nothing off, and are no line: what they display is given.
    """
    film = _Stages.of(stored, dataset, photometric, [])
    ends = _line(dataset)
    if film.view is not None and ends is None:
        return film.finished(film.viewed(film.view)), Levels()
    window = (0.0, 1.0) if ends is None else film.among_values(ends)
    is_read = ends is not None and film.view is not None
    return film.finished(film.over_range()), Levels(window if is_read else (0.0, 1.0), window)


@dataclass(frozen=True, eq=False)
class _Stages:
    """A film on the way from its values to what is displayed, which takes their place in memory.

    ``view``: from values to [0, 1] through the window; None without one, or where it is set aside. ``low``, ``high``:
    the range of what is shown. ``hidden``: where the film shows nothing; None where it shows something everywhere.
    ``inverted``: whether bone has low values.
    """

    values: np.ndarray
    view: Work | None
    low: np.floating
    high: np.floating
    hidden: np.ndarray | None
    inverted: bool

    @classmethod
    def of(cls, stored: np.ndarray, dataset: Dataset, photometric: str, notes: list[str]) -> _Stages:
        hidden = _hidden(stored, dataset)
        values = _modality(stored, dataset)
        low, high, sample = _sampled(values, hidden)
        view = _voi(values, dataset, notes)
        # PS3.3 C.8.11.3.1: in DX, INVERSE goes with MONOCHROME1 and says the same thing, so the two do not cancel.
        inverted = photometric == "MONOCHROME1" or text(dataset, "PresentationLUTShape") == "INVERSE"
        fault = _fault(view(sample), sample, float(low), float(high), inverted) if view else ""
        if fault:
            notes.append(f"the window {fault}: the range of its values is used")
        return cls(values, None if fault else view, low, high, hidden, inverted)

    def viewed(self, view: Work) -> np.ndarray:
        """The values through a window or LUT."""
        return converted(self.values, view)

    def over_range(self) -> np.ndarray:
        """The values from 0 to 1."""
        pixels = np.subtract(self.values, self.low, out=self.values)
        pixels /= self.high - self.low or np.float32(1)
        return pixels

    def among_values(self, ends: tuple[float, float]) -> tuple[float, float]:
        """Where two values lie from 0 to 1, as displayed."""
        first, last = (float((end - self.low) / (self.high - self.low or np.float32(1))) for end in ends)
        return (1 - last, 1 - first) if self.inverted else (first, last)

    def finished(self, pixels: np.ndarray) -> np.ndarray:
        """Grey levels with bone bright, and black where the film shows nothing."""
        if self.inverted:
            np.subtract(1, pixels, out=pixels)
        if self.hidden is not None:
            np.copyto(pixels, np.float32(0), where=self.hidden)
        return pixels


def _sampled(values: np.ndarray, hidden: np.ndarray | None) -> tuple[np.floating, np.floating, np.ndarray]:
    """The lowest and the highest of the values that are shown, and about `SAMPLE` of them at equal distances [n]."""
    shown = values.size if hidden is None else int(values.size - np.count_nonzero(hidden))
    step, start, found, ends = max(1, shown // SAMPLE), 0, [], []
    for rows in bands(*values.shape):
        band = values[rows].ravel() if hidden is None else values[rows][~hidden[rows]]
        found.append(band[start::step].copy())
        start = (start - band.size) % step
        ends += [band.min(), band.max()] if band.size else []
    return min(ends), max(ends), np.concatenate(found)


def _hidden(stored: np.ndarray, dataset: Dataset) -> np.ndarray | None:
    """Where a film shows nothing: padding, and what is no finite number. None where it shows everything."""
    hidden = _padding(stored, dataset)
    if stored.dtype.kind == "f":
        hidden = ~np.isfinite(stored) if hidden is None else hidden | ~np.isfinite(stored)
    if hidden is not None and hidden.all():
        raise UnreadableImage("all its pixels are padding")
    return hidden


def _fault(pixels: np.ndarray, values: np.ndarray, low: float, high: float, inverted: bool) -> str:
    """What is wrong with how a window or VOI LUT shows a film's values; empty where nothing is.

    A window is what a reader wants on a screen. It is set aside where it cuts off the hand (`CLIPPED` of what is
    brighter than the background, without the even white of a border), or leaves most of the grey range unused.

    Args:
        pixels: what is shown of a sample, [n] in [0, 1].
        values: what is stored there, [n].
        low, high: the range of all values.
        inverted: whether bone has low values.
    """
    if low == high:
        return ""
    if _is_flat(pixels):
        return "leaves the image blank"
    if float(pixels.max() - pixels.min()) < NARROW:
        return "uses a small part of the grey range"
    depth = (high - values if inverted else values - low) / (high - low)
    levels = np.round(depth * 255).astype(np.uint8)
    between = cv2.threshold(levels, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[0]
    background = np.median(levels[levels <= between])
    hand = (levels > (background + between) / 2) & (depth < BORDER)
    clipped = (pixels <= 0) | (pixels >= 1)
    return "cuts off a part of the hand" if (clipped & hand).sum() > CLIPPED * max(hand.sum(), 1) else ""


def _is_flat(values: np.ndarray) -> bool:
    return bool(values.min() == values.max())


def _padding(stored: np.ndarray, dataset: Dataset) -> np.ndarray | None:
    """Where the detector saw nothing: PixelPaddingValue, up to PixelPaddingRangeLimit where that is given."""
    value = dataset.get("PixelPaddingValue")
    if value is None:
        return None
    limit = dataset.get("PixelPaddingRangeLimit")
    ends = [_as_stored(int(end), stored.dtype, dataset) for end in (value, value if limit is None else limit)]
    return (stored >= min(ends)) & (stored <= max(ends))


def _as_stored(value: int, dtype: np.dtype, dataset: Dataset) -> int:
    """A padding value in the signedness of the stored values; some scanners write it in the other."""
    bits = 16 if dtype.kind == "f" else 8 * dtype.itemsize
    if dtype.kind == "i" and value >= 2 ** (bits - 1):
        return value - 2**bits
    return value + 2 ** int(dataset.BitsStored) if dtype.kind == "u" and value < 0 else value


def _modality(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Stored values through the modality LUT, or rescale slope and intercept (PS3.3 C.11.1), as float32."""
    sequence = dataset.get("ModalityLUTSequence")
    if sequence:
        return converted(stored, _look_up(stored, sequence[0].LUTDescriptor, sequence[0].LUTData, dataset)[0])
    slope, intercept = number(dataset, "RescaleSlope"), number(dataset, "RescaleIntercept")
    values = stored.astype(np.float32)
    values *= np.float32(1 if slope is None else slope)
    values += np.float32(intercept or 0)
    return values


def _voi(values: np.ndarray, dataset: Dataset, notes: list[str]) -> Work | None:
    """What takes values to [0, 1] by the first VOI LUT, else by the first window; None where there is neither."""
    sequence = dataset.get("VOILUTSequence")
    if sequence:
        entries, top = _look_up(values, sequence[0].LUTDescriptor, sequence[0].LUTData, dataset)
        return lambda band: entries(band) / np.float32(top)
    center, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
    if center is None or width is None:
        return None
    shape = text(dataset, "VOILUTFunction") or "LINEAR"
    if width < 1 if shape == "LINEAR" else width <= 0:
        notes.append(f"window width {width:g} makes no sense: the range of the values is used")
        return None
    return lambda band: _window(band, center, width, shape)


def _line(dataset: Dataset) -> tuple[float, float] | None:
    """The values that a window makes 0 and 1, where it is a line between them; None without such a window."""
    center, width = number(dataset, "WindowCenter"), number(dataset, "WindowWidth")
    shape = text(dataset, "VOILUTFunction") or "LINEAR"
    if dataset.get("VOILUTSequence") or center is None or width is None or shape == "SIGMOID" or width <= 0:
        return None
    middle, span = _middle_and_span(center, width, shape)
    return middle - span / 2, middle + span / 2


def _middle_and_span(center: float, width: float, shape: str) -> tuple[float, float]:
    return (center, width) if shape == "LINEAR_EXACT" else (center - 0.5, max(width - 1, 0.0))


def _window(values: np.ndarray, center: float, width: float, shape: str) -> np.ndarray:
    """VOI LUT functions of PS3.3 C.11.2.1.2 and C.11.2.1.3, to [0, 1]."""
    if shape == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -80, 80)))
    if shape != "LINEAR_EXACT" and width == 1:
        return (values > center - 0.5).astype(np.float32)
    middle, span = _middle_and_span(center, width, shape)
    pixels = values - middle
    pixels /= span
    pixels += 0.5
    return np.clip(pixels, 0, 1, out=pixels)


def _look_up(values: np.ndarray, descriptor: Sequence[int], data: Any, dataset: Dataset) -> tuple[Work, int]:
    """A LUT (PS3.3 C.11.1.1): what gives float32 entries for values, and the largest that the bits in use can hold."""
    count, first, bits = (int(number) for number in descriptor)
    count = count or 2**16
    first = first - 2**16 if first >= 2**15 and values.min() < 0 else first
    table = _entries(data, count, dataset)
    top = max(white_level(table), 2 ** min(bits, 8) - 1) if bits > 8 else max(2**bits - 1, int(table.max()))
    grey = table.astype(np.float32)
    return lambda band: grey[np.clip(np.rint(band) - first, 0, len(table) - 1).astype(np.int32)], top


def _entries(data: Any, count: int, dataset: Dataset) -> np.ndarray:
    """LUT entries from words or bytes, and from 8-bit entries packed in pairs."""
    little = dataset.original_encoding[1] is not False
    if not isinstance(data, bytes):
        words = np.atleast_1d(np.asarray(data, dtype=np.int64)) & 0xFFFF
        data, little = words.astype("<u2").tobytes(), True
    if len(data) < count:
        raise UnreadableImage(f"a lookup table has {len(data)} bytes for {count} entries")
    word = np.dtype("<u2" if little else ">u2")
    return np.frombuffer(data, np.uint8 if len(data) < 2 * count else word)[:count]


def palette(stored: np.ndarray, dataset: Dataset) -> np.ndarray:
    """Luminance in [0, 1] of palette colours."""
    if "RedPaletteColorLookupTableData" not in dataset:
        raise UnreadableImage("its palette is missing or segmented")
    entries, tops = [], []
    for colour in ("Red", "Green", "Blue"):
        descriptor = dataset[f"{colour}PaletteColorLookupTableDescriptor"].value
        data = dataset[f"{colour}PaletteColorLookupTableData"].value
        one, top = _look_up(stored, descriptor, data, dataset)
        entries.append(one)
        tops.append(top)
    white = np.float32(max(tops))
    return converted(stored, lambda band: luminance(np.stack([one(band) for one in entries], axis=-1)) / white)
