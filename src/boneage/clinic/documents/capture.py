"""A reading as a picture for every viewer: the film with its regions, and beside it age, interval, SDS and side."""

from __future__ import annotations

import textwrap
from functools import cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset

from ...types import DISCLAIMER, Severity
from ..shown import in_grey, part_of
from .case import Case
from .header import CAPTURES, file_of, moment, owned, placed, source
from .outlines import scaled

SOP_CLASS = "1.2.840.10008.5.1.4.1.1.7"
SIDE = 1000  # pixels of the square picture
FILM = (20, 20, 600, 960)  # left, top, width and height of the place for the film
LEFT, RIGHT = 640, 980  # of the column of words
LINE = (120, 220, 255)
INK, QUIET, WARNING = (255, 255, 255), (170, 178, 188), (255, 200, 90)
SIDES = {"L": "left", "R": "right"}
MOST_FLAGS = 5  # sentences; the structured report has all


def picture(case: Case) -> np.ndarray:
    """The picture uint8 [SIDE, SIDE, 3], red, green and blue."""
    canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
    _draw_film(canvas, case)
    page = Image.fromarray(canvas)
    _write(ImageDraw.Draw(page), case)
    return np.asarray(page)


def secondary_capture(case: Case) -> bytes:
    """The picture as a Secondary Capture Image, a DICOM file; NoDocument if the film has no study."""
    dataset = Dataset()
    owned(dataset, case)
    placed(dataset, case, CAPTURES, SOP_CLASS, 1)
    dataset.Laterality = case.laterality or ""
    dataset.ConversionType = "WSD"
    dataset.ContentDate, dataset.ContentTime = moment(case.owner)
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.DerivationDescription = "the film with its regions, and the reading beside it"
    dataset.PatientOrientation = ""
    dataset.BurnedInAnnotation = "NO"  # it names nobody
    dataset.SourceImageSequence = [source(case)]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    dataset.Rows = dataset.Columns = SIDE
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.LossyImageCompression = "00"
    dataset.add_new("PixelData", "OB", picture(case).tobytes())
    return file_of(dataset)


def png(case: Case) -> bytes:
    """The picture as a PNG."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(picture(case), cv2.COLOR_RGB2BGR))[1])


def _draw_film(canvas: np.ndarray, case: Case) -> None:
    left, top, width, height = FILM
    pixels = part_of(case.film.pixels, case.answer.place)
    rows, columns = pixels.shape
    scale = min(width / columns, height / rows)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    x, y = left + (width - size[0]) // 2, top + (height - size[1]) // 2
    canvas[y : y + size[1], x : x + size[0]] = in_grey(small, case.answer.window)[..., None]
    lines = scaled(case.outlines, scale, (x, y))
    cv2.polylines(canvas, lines, True, LINE, 1, cv2.LINE_AA)


def _write(draw: ImageDraw.ImageDraw, case: Case) -> None:
    y = 28
    for words, size, colour, gap in _words(case):
        for line in _wrapped(words, size):
            draw.text((LEFT, y), line, fill=colour, font=_font(size))
            y += round(1.25 * size)
        y += gap


Words = tuple[str, int, tuple[int, int, int], int]


def _words(case: Case) -> list[Words]:
    """The column of words: text, size, colour, and the space below it."""
    months, interval = case.months, case.interval
    found: list[Words] = [("Bone age", 24, QUIET, 2)]
    if months is None:
        found += [("none", 60, INK, 2), ("the film was refused", 24, WARNING, 14)]
    else:
        years, rest = divmod(max(0, round(months)), 12)
        found += [(f"{years} y {rest} mo", 60, INK, 4), (f"{months:.1f} months", 26, INK, 12)]
    if interval:
        found += [(f"{interval.level:.0%} interval: {interval.low:.1f} to {interval.high:.1f} months", 22, INK, 14)]
    return [*found, *_comparison(case), *_side(case), *_flags(case), *_signature(case)]


def _comparison(case: Case) -> list[Words]:
    reference, age = case.corrected.reference, case.answer.chronological_age_months
    found: list[Words] = [] if age is None else [(f"Chronological age {age:.1f} months", 22, INK, 4)]
    if reference.sds is not None:
        found += [(f"SDS {reference.sds:+.2f}, difference {reference.difference_months:+.1f} months", 22, INK, 4)]
        if reference.age_half_width_months:
            found += [(f"Age in whole years: SDS {reference.sds_low:+.2f} to {reference.sds_high:+.2f}", 20, INK, 4)]
        found += [(reference.table, 20, QUIET, 14)]
    return found


def _side(case: Case) -> list[Words]:
    side = SIDES.get(case.laterality or "")
    words = f"{side.capitalize()} hand, by {case.side_source}" if side else "Side: not given"
    if case.answer.part:
        words += f"; the {case.answer.part} one of two in the picture"
    return [(words, 22, INK, 4), (f"Sex: {case.answer.sex} ({case.answer.sex_source})", 22, INK, 14)]


def _flags(case: Case) -> list[Words]:
    worst = sorted(case.answer.flags, key=lambda flag: list(Severity)[::-1].index(flag.severity))
    return [(flag.sentence, 20, QUIET if flag.severity is Severity.NOTE else WARNING, 6) for flag in worst[:MOST_FLAGS]]


def _signature(case: Case) -> list[Words]:
    answer = case.answer
    who = f"Model {answer.model}, weights {answer.weights_sha256[:12]}, boneage {answer.version}"
    review: list[Words] = []
    if case.review:
        review = [("Corrected by a reviewer" if case.review.is_correction else "Accepted by a reviewer", 22, INK, 6)]
    return [*review, (DISCLAIMER, 22, WARNING, 6), (who, 20, QUIET, 0)]


@cache
def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Pillow's own typeface, the same on every machine."""
    return ImageFont.load_default(size)


def _wrapped(words: str, size: int) -> list[str]:
    """Lines that fit the column."""
    widest = max(8, int((RIGHT - LEFT) / (0.56 * size)))
    lines = textwrap.wrap(words, widest)
    return lines if all(_font(size).getlength(line) <= RIGHT - LEFT for line in lines) else _narrower(words, size)


def _narrower(words: str, size: int) -> list[str]:
    for widest in range(60, 4, -1):
        lines = textwrap.wrap(words, widest)
        if all(_font(size).getlength(line) <= RIGHT - LEFT for line in lines):
            return lines
    return [words]
