"""What all pages of the PDF share: measures, colours, text."""

from __future__ import annotations

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

WIDTH, HEIGHT = A4
MARGIN = 18 * mm
INK, QUIET, LINE, BAND, ACCENT = map(HexColor, ("#15181c", "#5b636d", "#d5dade", "#e3ecf2", "#0b6a8f"))


def text(
    canvas: Canvas, x: float, y: float, words: str, size: float, colour: Color = INK, *, bold: bool = False
) -> None:
    """Write a line of text at x and y, in points from the lower left corner."""
    canvas.setFillColor(colour)
    canvas.setFont("Helvetica-Bold" if bold else "Helvetica", size)
    canvas.drawString(x, y, words)


def printable(words: str) -> str:
    """Text with a question mark for each character that the standard fonts lack."""
    return words.replace("\N{MINUS SIGN}", "–").encode("cp1252", "replace").decode("cp1252")


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign. The standard fonts have no minus sign: an en dash is as wide."""
    return f"{value:+.{digits}f}".replace("-", "–")
