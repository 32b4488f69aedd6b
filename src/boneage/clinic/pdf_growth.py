"""A second page of the PDF, where a height or the parents are known: heights, predictions, what has changed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from reportlab.lib.colors import Color
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

from ..growth.figure import Figure
from ..growth.result import Growth
from ..growth.units import age_text
from ..growth.velocity import Step
from ..types import DISCLAIMER, Severity, Sex
from .growth import HeightChart, height_chart
from .pdf_page import ACCENT, BAND, HEIGHT, INK, LINE, MARGIN, QUIET, WIDTH, printable, signed, text

CHART = (MARGIN + 8 * mm, 40 * mm, WIDTH - 2 * MARGIN - 16 * mm, 66 * mm)  # left, bottom, width, height
FIRST, LAST, LOWEST, HIGHEST = 24.0, 240.0, 70.0, 210.0  # months and centimetres: the ends of the axes
NAMED = (3, 50, 97)  # centiles
_SHORT = {"bayley_pinneau": "BP", "roche_wainer_thissen": "RWT", "khamis_guo": "KG"}
_FROM, _APART = 203.0, 13.0  # months: where the first predicted height stands, and the next ones
_LOWEST_LINE = CHART[1] + CHART[3] + 16 * mm


def is_worth_a_page(growth: Growth) -> bool:
    """Whether anything is known beside the bone age and the calendar."""
    child = growth.child
    return any((child.height_cm, child.weight_kg, child.mother_cm, child.father_cm, growth.follow_up))


def growth_page(canvas: Canvas, growth: Growth) -> None:
    """Draw the page; whatever does not fit above the chart is cut with a remark."""
    text(canvas, MARGIN, HEIGHT - MARGIN - 14, "Growth", 20, bold=True)
    text(canvas, MARGIN, HEIGHT - MARGIN - 30, DISCLAIMER, 9.5, QUIET)
    y = _given(canvas, growth, HEIGHT - MARGIN - 54)
    for figure in growth.figures:
        y = _figure(canvas, figure, y)
    for step in growth.follow_up[-2:]:
        y = _lines(canvas, _step_text(step), y, 9)
    for figure in growth.figures:
        for flag in figure.flags:
            if flag.severity is Severity.WARN:
                y = _lines(canvas, f"{figure.title}: {flag.sentence}.", y, 8.5, bold=True)
    for figure in growth.figures[1:]:
        y = _lines(canvas, _source(figure), y - 2, 7, colour=QUIET)
    _chart(canvas, growth)
    _foot(canvas, growth)


def _given(canvas: Canvas, growth: Growth, y: float) -> float:
    child = growth.child
    width = f" ± {child.age_half_width_months:g} months" if child.age_half_width_months else ""
    age = "not known" if child.age_months is None else age_text(child.age_months) + width
    bone = "none" if child.bone_age_months is None else age_text(child.bone_age_months)
    measured = {"height": child.height_cm, "mother": child.mother_cm, "father": child.father_cm}
    words = [f"Sex {child.sex.value}", f"age {age}", f"bone age {bone}"]
    words += [f"{name} {value:.1f} cm" for name, value in measured.items() if value is not None]
    words += [f"weight {child.weight_kg:.1f} kg"] if child.weight_kg is not None else []
    return _lines(canvas, ", ".join(words), y, 9.5) - 6


def _figure(canvas: Canvas, figure: Figure, y: float) -> float:
    text(canvas, MARGIN, y, printable(figure.title[0].upper() + figure.title[1:]), 9.5, QUIET)
    left = MARGIN + 52 * mm
    if figure.value is None:
        return _lines(canvas, f"not given: {figure.refusal}", y, 9, left=left) - 2
    text(canvas, left, y, _value(figure), 10.5, bold=True)
    return _lines(canvas, _range(figure), y, 9, left=left + 38 * mm) - 2


def _value(figure: Figure) -> str:
    assert figure.value is not None
    if figure.unit == "cm":
        return f"{figure.value:.1f} cm"
    return f"{signed(figure.value, 2 if figure.unit == 'SD' else 1)} {figure.unit}"


def _range(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return "no range"
    level = "" if figure.level is None else f"{figure.level:.0%}: "
    show = (lambda value: f"{value:.1f}") if figure.unit == "cm" else (lambda value: signed(value, 1))
    return f"{level}{show(figure.low)} to {show(figure.high)}"


def _source(figure: Figure) -> str:
    ranged = f" Range: {figure.range_of}." if figure.range_of else ""
    return f"{figure.title[0].upper()}{figure.title[1:]}: {figure.method}.{ranged} {figure.source}."


def _step_text(step: Step) -> str:
    velocity, together = step.bone_age_velocity, step.together
    if velocity.value is None:
        return f"{step.first} to {step.second}: {velocity.refusal}."
    words = [f"{step.first} to {step.second}: bone age {velocity.value:.2f} years a year"]
    if velocity.low is not None and velocity.high is not None and together:
        words[0] += (
            f" (90%: {velocity.low:.1f} to {velocity.high:.1f}; {together[0]:.1f} to {together[1]:.1f} if both errors"
            " move together)"
        )
    words += [f"height {step.height_velocity.value:.1f} cm a year"] if step.height_velocity.value is not None else []
    words += [step.verdict.sentence] if step.verdict else []
    return "; ".join(words) + "."


def _lines(
    canvas: Canvas,
    words: str,
    y: float,
    size: float,
    *,
    left: float = MARGIN,
    bold: bool = False,
    colour: Color = INK,
) -> float:
    """Write a paragraph down to where the chart begins; the height of the next line."""
    for line in simpleSplit(printable(words), "Helvetica-Bold" if bold else "Helvetica", size, WIDTH - MARGIN - left):
        if y < _LOWEST_LINE:
            text(canvas, MARGIN, _LOWEST_LINE - 11, "and more: see the page or the JSON", 8, QUIET)
            return y
        text(canvas, left, y, line, size, colour, bold=bold)
        y -= size + 3.5
    return y


def _chart(canvas: Canvas, growth: Growth) -> None:
    words = "Height against age: CDC 2000, 3rd to 97th centile; bar: target range; marks: today, and predictions"
    text(canvas, MARGIN, CHART[1] + CHART[3] + 6, words, 8, QUIET)
    _axes(canvas)
    _target(canvas, growth.target_height)
    if growth.child.sex is not Sex.UNKNOWN:
        _centiles(canvas, height_chart(), growth.child.sex)
    child = growth.child
    if child.age_months is not None and child.height_cm is not None and FIRST <= child.age_months <= LAST:
        canvas.setFillColor(ACCENT)
        canvas.circle(*_at(child.age_months, child.height_cm), 3.6, stroke=0, fill=1)
    for number, figure in enumerate(growth.adult_heights):
        _predicted(canvas, figure, _FROM + _APART * number)


def _axes(canvas: Canvas) -> None:
    canvas.setLineWidth(0.4)
    canvas.setStrokeColor(LINE)
    for years in range(2, 21, 2):
        x, y = _at(12 * years, LOWEST)
        canvas.line(x, y, x, CHART[1] + CHART[3])
        text(canvas, x - 4, y - 11, str(years), 8, QUIET)
    for cm in range(80, 201, 20):
        x, y = _at(FIRST, cm)
        canvas.line(x, y, x + CHART[2], y)
        text(canvas, x - 20, y - 3, str(cm), 8, QUIET)


def _centiles(canvas: Canvas, chart: HeightChart, sex: Sex) -> None:
    rows = chart.male if sex is Sex.MALE else chart.female
    canvas.setStrokeColor(ACCENT)
    for centile, heights in rows.heights.items():
        canvas.setLineWidth(1 if centile == 50 else 0.4)
        canvas.lines(_joined([_at(age, cm) for age, cm in zip(rows.ages, heights, strict=True)]))
        if centile in NAMED:
            x, y = _at(LAST, heights[-1])
            text(canvas, x + 3, y - 3, f"P{centile}", 7.5, QUIET)


def _target(canvas: Canvas, figure: Figure) -> None:
    if figure.low is None or figure.high is None:
        return
    (left, low), (right, high) = _at(186, figure.low), _at(LAST, figure.high)
    canvas.setFillColor(BAND)
    canvas.rect(left, low, right - left, high - low, stroke=0, fill=1)


def _predicted(canvas: Canvas, figure: Figure, age: float) -> None:
    if figure.value is None:
        return
    x, y = _at(age, figure.value)
    canvas.setStrokeColor(INK)
    canvas.setLineWidth(0.9)
    if figure.low is not None and figure.high is not None:
        canvas.line(x, _at(age, figure.low)[1], x, _at(age, figure.high)[1])
    canvas.setFillColor(INK)
    canvas.circle(x, y, 2.4, stroke=0, fill=1)
    text(canvas, x - 5, _at(age, figure.high or figure.value)[1] + 3, _SHORT[figure.name], 6.5)


def _at(age: float, cm: float) -> tuple[float, float]:
    left, bottom, width, height = CHART
    share = (min(max(cm, LOWEST), HIGHEST) - LOWEST) / (HIGHEST - LOWEST)
    return left + width * (age - FIRST) / (LAST - FIRST), bottom + height * share


def _joined(points: Sequence[tuple[float, float]]) -> list[tuple[float, float, float, float]]:
    return [(*one, *other) for one, other in pairwise(points)]


def _foot(canvas: Canvas, growth: Growth) -> None:
    known = ", ".join(f"{name} {sha256[:8]}" for name, sha256 in growth.tables.items())
    y = 29 * mm
    for line in simpleSplit(f"Tables: {known}. {growth.disclaimer}", "Helvetica", 7.5, WIDTH - 2 * MARGIN):
        text(canvas, MARGIN, y, line, 7.5, QUIET)
        y -= 10
