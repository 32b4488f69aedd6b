"""A reading as a PDF of one A4 page: the age, the comparison, the film, the growth chart and the model.

Ages by region have a page more. Each of two hands in a picture has a page of its own. No name and no id is on it, but
an empty line to write them by hand.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Any

from PIL import Image
from pydantic import BeforeValidator, Field, WithJsonSchema
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader, simpleSplit
from reportlab.pdfgen.canvas import Canvas

from ..files import json_value
from ..growth import reference
from ..growth.units import age_text
from ..reading.intervals import MEANING
from ..types import DISCLAIMER, Radiograph, Sex
from .answers import Answer, HandAnswer, Months, ReadingRequest, Reference
from .growth import GrowthRequest, growth_of
from .pdf_growth import growth_page, is_worth_a_page
from .pdf_page import ACCENT, BAND, HEIGHT, INK, LINE, MARGIN, QUIET, WIDTH, printable, signed, text
from .pdf_regions import regions_page
from .shown import in_grey, part_of

FILM_SIDE = 900  # pixels
HEAT = 0.6  # opacity of the heat map
WIDEST, TALLEST = 82 * mm, 96 * mm  # of the film on the page
CHART = (MARGIN, 44 * mm, WIDTH - 2 * MARGIN, 100 * mm)  # left, bottom, width, height
MAX_AGE, MAX_BONE_AGE = 216, 240  # months: the ends of the axes, as on the web page


StrictMonths = Annotated[Months, Field(strict=True)]


def _from_json(value: Any) -> Any:
    """A list from its JSON: forms send nothing but text."""
    try:
        return json_value(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _child_from_json(value: Any) -> Any:
    """What is told of a child from its JSON; an empty text is nothing."""
    return _from_json(value) if value else None


_CHILD = {"type": "string", "format": "child"}
_JSON = {"type": "string", "format": "json"}  # an array would be described as one field for each element


class ReportRequest(ReadingRequest):
    """All that goes with the film of a report."""

    earlier: Annotated[list[tuple[StrictMonths, StrictMonths]], BeforeValidator(_from_json), WithJsonSchema(_JSON)] = (
        Field(
            default_factory=list,
            max_length=100,
            description="earlier readings as JSON: [[chronological age, bone age], …] in months",
        )
    )
    child: Annotated[GrowthRequest | None, BeforeValidator(_child_from_json), WithJsonSchema(_CHILD)] = Field(
        default=None,
        description="height, parents and earlier films as the JSON of POST /api/growth: a page more",
    )


def report(
    answer: Answer,
    film: Radiograph,
    earlier: list[tuple[float, float]],
    child: GrowthRequest | None = None,
    *,
    dated: str | None = None,
    remarks: Sequence[str] = (),
) -> bytes:
    """The PDF of a reading, with a page for each hand, and one more where heights or earlier films are given.

    Args:
        answer: the reading.
        film: its film, which is drawn at most `FILM_SIDE` pixels on a side, in the grey levels that the reading used.
        earlier: other readings of the patient, as (chronological age, bone age) in months, for the chart.
        child: what is given of the child; its bone age and sex are those of the reading.
        dated: stands in the place of the present time; the same answer then gives the same bytes.
        remarks: sentences on the reading, above those of its flags.
    """
    made = dated or datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=int(dated is not None))
    canvas.setTitle("Bone age reading")
    canvas.setCreator(f"boneage {answer.version}")
    for hand in answer.hands or [answer]:
        _head(canvas)
        _film(canvas, film, hand)
        _facts(canvas, hand, remarks)
        _chart(canvas, hand, earlier)
        _foot(canvas, hand, made)
        canvas.showPage()
        if hand.regional_ages:
            regions_page(canvas, hand, hand.regional_ages)
            _foot(canvas, hand, made)
            canvas.showPage()
        _growth(canvas, hand, child)
    canvas.save()
    return out.getvalue()


def _growth(canvas: Canvas, answer: HandAnswer, child: GrowthRequest | None) -> None:
    """The page of growth, if there is something for it."""
    if child is None:
        return
    read = {
        "sex": answer.sex,
        "bone_age_months": None if answer.bone_age_months is None else max(answer.bone_age_months, 0.0),
        "intervals": answer.intervals,
        "model": answer.model,
    }
    if answer.chronological_age_months is not None:
        read["chronological_age_months"] = answer.chronological_age_months
        read["chronological_age_half_width_months"] = answer.chronological_age_half_width_months
    growth, _ = growth_of(child.model_copy(update=read))
    if is_worth_a_page(growth):
        growth_page(canvas, growth)
        canvas.showPage()


def _head(canvas: Canvas) -> None:
    top = HEIGHT - MARGIN
    text(canvas, MARGIN, top - 14, "Bone age reading", 20, bold=True)
    text(canvas, MARGIN, top - 30, DISCLAIMER, 9.5, QUIET)
    text(canvas, WIDTH - MARGIN - 70 * mm, top - 30, "Identification, by hand:", 8, QUIET)
    canvas.setStrokeColor(LINE)
    canvas.line(WIDTH - MARGIN - 38 * mm, top - 31, WIDTH - MARGIN, top - 31)


def _film(canvas: Canvas, film: Radiograph, answer: HandAnswer) -> None:
    """Draw the film; if there is a heat map, draw it over the film, and the shares of the regions below."""
    picture = Image.fromarray(in_grey(part_of(film.pixels, answer.place), answer.window))
    picture.thumbnail((FILM_SIDE, FILM_SIDE))
    scale = min(WIDEST / picture.width, TALLEST / picture.height)
    width, height = picture.width * scale, picture.height * scale
    place = (MARGIN + (WIDEST - width) / 2, HEIGHT - MARGIN - 44 - height)
    canvas.drawImage(ImageReader(picture), *place, width, height)
    if answer.heatmap:
        layer = Image.open(io.BytesIO(base64.b64decode(answer.heatmap.partition(",")[2])))
        layer.putalpha(layer.getchannel("A").point(lambda opacity: round(opacity * HEAT)))
        canvas.drawImage(ImageReader(layer), *place, width, height, mask="auto")
        for number, line in enumerate(simpleSplit(_heat_text(answer), "Helvetica", 8, WIDEST)):
            text(canvas, MARGIN, place[1] - 11 * (number + 1), line, 8, QUIET)


def _heat_text(answer: HandAnswer) -> str:
    shares = ", ".join(f"{region.name} {region.share:.0%}" for region in answer.regions or [])
    return "Bright: blurring the film here moves the age most. " + (f"Of this: {shares}." if shares else "")


def _facts(canvas: Canvas, answer: HandAnswer, remarks: Sequence[str]) -> None:
    left, y = MARGIN + 90 * mm, HEIGHT - MARGIN - 56
    text(canvas, left, y, "Bone age", 9.5, QUIET)
    months = answer.bone_age_months
    text(canvas, left, y - 30, "none" if months is None else age_text(months), 28, bold=True)
    text(canvas, left, y - 46, "the film was refused" if months is None else f"{months:.1f} months", 10.5, QUIET)
    y -= 62
    for one in answer.intervals or []:
        text(canvas, left, y, f"{one.level:.0%} interval: {one.low:.1f} to {one.high:.1f} months", 9.5)
        y -= 13
    for line in simpleSplit(MEANING, "Helvetica", 8, WIDTH - MARGIN - left) if answer.intervals else []:
        text(canvas, left, y, line, 8, QUIET)
        y -= 11
    y -= 8
    for name, value in _rows(answer):
        text(canvas, left, y, name, 9.5, QUIET)
        text(canvas, left + 34 * mm, y, value, 9.5)
        y -= 15
    y -= 4
    for sentence in [*remarks, answer.reference.refusal, *(flag.sentence for flag in answer.flags)]:
        for line in simpleSplit(printable(sentence), "Helvetica-Bold", 9, WIDTH - MARGIN - left) if sentence else []:
            text(canvas, left, y, line, 9, bold=True)
            y -= 12


def _rows(answer: HandAnswer) -> list[tuple[str, str]]:
    against, age = answer.reference, answer.chronological_age_months
    found = [("Sex", f"{answer.sex.value} ({answer.sex_source})")]
    found += [("Chronological age", "not known" if age is None else f"{age_text(age)} ({answer.age_source})")]
    if against.sds is not None and against.difference_months is not None:
        found += [("Bone age – age", f"{signed(against.difference_months)} months")]
        found += [("SDS", _sds(against))]
        found += [("Mean of the table", f"{against.mean_months:.1f} (SD {against.sd_months:.1f}) months")]
    if answer.part:
        found += [("Of two hands", f"the {answer.part} one in the picture, a {answer.hand} hand by its thumb")]
    return [*found, ("Laterality", answer.film.laterality or "not given"), ("File", answer.film.format)]


def _sds(against: Reference) -> str:
    """With its range where the chronological age is known in whole years."""
    assert against.sds is not None
    sds = signed(against.sds, 2)
    if not against.age_half_width_months or against.sds_low is None or against.sds_high is None:
        return sds
    return f"{sds} ({signed(against.sds_low, 2)} to {signed(against.sds_high, 2)})"


def _chart(canvas: Canvas, answer: HandAnswer, earlier: list[tuple[float, float]]) -> None:
    left, bottom, width, height = CHART
    text(canvas, left, bottom + height + 10, "Bone age against chronological age", 10.5, bold=True)
    text(
        canvas,
        left,
        bottom + height - 2,
        "years; line and band: mean ± 2 SD of the table; blue: this reading, black: others of the patient",
        8,
        QUIET,
    )
    plot = (left + 8 * mm, bottom + 8 * mm, width - 8 * mm, height - 20 * mm)
    _axes(canvas, plot)
    if answer.sex is not Sex.UNKNOWN:
        _band(canvas, plot, answer.sex)
    marks = [(age, bone, INK, 2.8) for age, bone in earlier]
    if answer.chronological_age_months is not None and answer.bone_age_months is not None:
        marks += [(answer.chronological_age_months, answer.bone_age_months, ACCENT, 4)]
    for mark in marks:
        _mark(canvas, plot, *mark)
    beyond = ", ".join(age_text(age) for age, bone, *_ in marks if not _is_within(age, bone))
    if beyond:
        first, *more = simpleSplit(
            f"Arrow at the edge: beyond the chart, at {beyond}.", "Helvetica", 8, width - 20 * mm
        )
        text(canvas, left, bottom + height - 13, first + (" and others" if more else ""), 8, QUIET)


def _axes(canvas: Canvas, plot: tuple[float, ...]) -> None:
    canvas.setLineWidth(0.4)
    canvas.setStrokeColor(LINE)
    for years in range(0, 19, 2):
        x, y = _at(plot, years * 12, years * 12)
        canvas.line(x, plot[1], x, plot[1] + plot[3])
        canvas.line(plot[0], y, plot[0] + plot[2], y)
        text(canvas, x - 3, plot[1] - 11, str(years), 8, QUIET)
        text(canvas, plot[0] - 14, y - 3, f"{years:2}", 8, QUIET)


def _band(canvas: Canvas, plot: tuple[float, ...], sex: Sex) -> None:
    rows = reference.rows(sex)
    upper = [_at(plot, row.age, row.mean + 2 * row.sd) for row in rows]
    lower = [_at(plot, row.age, row.mean - 2 * row.sd) for row in reversed(rows)]
    outline = canvas.beginPath()
    outline.moveTo(*upper[0])
    for point in [*upper[1:], *lower]:
        outline.lineTo(*point)
    outline.close()
    canvas.setFillColor(BAND, alpha=0.75)
    canvas.drawPath(outline, stroke=0, fill=1)
    canvas.setStrokeColor(ACCENT)
    canvas.setLineWidth(0.9)
    means = [_at(plot, row.age, row.mean) for row in rows]
    canvas.lines([(*one, *other) for one, other in pairwise(means)])


def _is_within(age: float, bone: float) -> bool:
    return age <= MAX_AGE and bone <= MAX_BONE_AGE


def _mark(canvas: Canvas, plot: tuple[float, ...], age: float, bone: float, colour: Color, radius: float) -> None:
    """Draw a dot, or an arrow at the edge for a point beyond the chart."""
    x, y = _at(plot, min(age, MAX_AGE), min(bone, MAX_BONE_AGE))
    canvas.setFillColor(colour)
    canvas.setStrokeColor(HexColor("#ffffff"))
    canvas.setLineWidth(1)
    if _is_within(age, bone):
        canvas.circle(x, y, radius, stroke=1, fill=1)
        return
    arrow = canvas.beginPath()
    arrow.moveTo(x - 2 * radius, y - 1.4 * radius)
    arrow.lineTo(x + 0.5 * radius, y)
    arrow.lineTo(x - 2 * radius, y + 1.4 * radius)
    arrow.close()
    canvas.drawPath(arrow, stroke=1, fill=1)


def _at(plot: tuple[float, ...], age: float, bone: float) -> tuple[float, float]:
    left, bottom, width, height = plot
    return left + width * age / MAX_AGE, bottom + height * bone / MAX_BONE_AGE


def _foot(canvas: Canvas, answer: HandAnswer, made: str) -> None:
    lines = (
        f"Reference table: {answer.reference.table}.",
        f"Model {printable(answer.model)}, weights {answer.weights_sha256[:16]}, boneage {answer.version}, {made}.",
        f"Film, SHA-256: {answer.image_sha256}",
        answer.disclaimer,
    )
    canvas.setStrokeColor(LINE)
    canvas.line(MARGIN, 37 * mm, WIDTH - MARGIN, 37 * mm)
    for number, line in enumerate(lines):
        text(canvas, MARGIN, 32 * mm - 11 * number, line, 8, QUIET)
