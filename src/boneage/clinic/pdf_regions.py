"""A page of the PDF for ages by region, where they were asked for: a row for each, its difference on a small axis."""

from __future__ import annotations

from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

from ..growth.units import age_text
from ..types import DISCLAIMER
from .answers import HandAnswer, RegionalAge, RegionalAges
from .pdf_page import ACCENT, BAND, HEIGHT, INK, LINE, MARGIN, QUIET, WIDTH, printable, signed, text

ROW = 11 * mm
COLUMNS = (MARGIN, MARGIN + 52 * mm, MARGIN + 92 * mm)  # name, age, difference
AXIS = (MARGIN + 112 * mm, WIDTH - MARGIN - 4 * mm)  # left and right end
FARTHEST = 48.0  # months: the ends of the axis


def regions_page(canvas: Canvas, answer: HandAnswer, found: RegionalAges) -> None:
    """Draw the page for one hand."""
    top = HEIGHT - MARGIN
    text(canvas, MARGIN, top - 14, "Ages by region", 20, bold=True)
    text(canvas, MARGIN, top - 30, DISCLAIMER, 9.5, QUIET)
    whole = "none" if answer.bone_age_months is None else f"{age_text(answer.bone_age_months)}"
    text(canvas, MARGIN, top - 50, f"Bone age of the whole hand: {whole}", 10.5)
    y = top - 74
    for words, left in zip(("Region", "Bone age, 90 % interval", "Against the rest"), COLUMNS, strict=True):
        text(canvas, left, y, words, 8, QUIET)
    for age in found.ages:
        y -= ROW
        _row(canvas, age, y)
    y -= ROW
    lines = [found.reason and f"No ages by region: {found.reason}.", found.meaning]
    lines += ["Bar: the usual range of the difference; dot: this hand. Bold: beyond what 1 in 100 films show."]
    for line in simpleSplit(printable(" ".join(filter(None, lines))), "Helvetica", 8, WIDTH - 2 * MARGIN):
        text(canvas, MARGIN, y, line, 8, QUIET)
        y -= 11


def _row(canvas: Canvas, age: RegionalAge, y: float) -> None:
    name, months, difference = COLUMNS
    text(canvas, name, y, f"{age.name[0].upper()}{age.name[1:]}", 10, bold=age.is_unusual)
    if age.bone_age_months is None or age.interval is None:
        text(canvas, months, y, "not informative", 9.5, QUIET)
        return
    text(canvas, months, y, age_text(age.bone_age_months), 10)
    text(canvas, months, y - 10, f"{age.interval.low:.0f} to {age.interval.high:.0f} months", 8, QUIET)
    if age.difference_months is None or age.usual is None:
        text(canvas, difference, y, "the rest is not informative", 8, QUIET)
        return
    text(canvas, difference, y, f"{signed(age.difference_months)} mo", 10, bold=age.is_unusual)
    _axis(canvas, age.difference_months, age.usual, y + 3)


def _axis(canvas: Canvas, difference: float, usual: tuple[float, float], y: float) -> None:
    canvas.setStrokeColor(LINE)
    canvas.setLineWidth(0.5)
    canvas.line(_at(-FARTHEST), y, _at(FARTHEST), y)
    canvas.line(_at(0), y - 5, _at(0), y + 5)
    canvas.setFillColor(BAND)
    canvas.setStrokeColor(ACCENT)
    canvas.rect(_at(usual[0]), y - 3, _at(usual[1]) - _at(usual[0]), 6, stroke=1, fill=1)
    canvas.setFillColor(INK)
    canvas.circle(_at(difference), y, 2.6, stroke=0, fill=1)


def _at(months: float) -> float:
    left, right = AXIS
    kept = min(max(months, -FARTHEST), FARTHEST)
    return left + (right - left) * (kept + FARTHEST) / (2 * FARTHEST)
