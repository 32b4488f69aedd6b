"""What the figures of all reports share: their style, their panels, the words on them, and how they become PNG bytes.

Figures are drawn with matplotlib's objects, never with pyplot, so that a notebook's own figures are left alone.
"""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..types import Sex

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

# Okabe & Ito 2008; a marker as well, for readers and printers without colour
SEXES = {Sex.FEMALE: ("#D55E00", "o"), Sex.MALE: ("#0072B2", "^"), Sex.UNKNOWN: ("#6B6B6B", "s")}
MODELS = (("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", "-."), ("#CC79A7", ":"), ("#6B6B6B", "-"), ("#B8860B", "--"))
INK, FAINT, ACCENT = "#222222", "#8A8A8A", "#111111"
STYLE: dict[Any, Any] = {
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "text.color": INK,
    "text.parse_math": False,  # an id such as "$x$" is no formula
    "xtick.color": INK,
    "ytick.color": INK,
}
DPI = 150


def agreement_lines(axes: Axes, errors: np.ndarray) -> None:
    """The bias of errors [n] in months and the limits of agreement, with their numbers."""
    bias, margin = errors.mean(), 1.96 * errors.std(ddof=1) if len(errors) > 1 else 0.0
    axes.axhline(bias, color=ACCENT, linewidth=1.4, label="bias")
    mark(axes, bias)
    for limit in (bias - margin, bias + margin) if margin else ():
        axes.axhline(limit, color=ACCENT, linewidth=1.1, linestyle="--", label="limits of agreement")
        mark(axes, limit)


def mark(axes: Axes, height: float) -> None:
    """The number of a horizontal line, written on it at the right edge."""
    box = {"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    place: dict[str, Any] = {"ha": "right", "va": "bottom", "fontsize": 8.5, "bbox": box}
    axes.annotate(signed(height), (1, height), (-2, 3), axes.get_yaxis_transform(), "offset points", **place)


def signed(months: float, digits: int = 1) -> str:
    """A number with its sign, ``0`` without one, the minus a minus."""
    rounded = round(months, digits) + 0.0
    return (f"{rounded:+.{digits}f}" if rounded else f"{0:.{digits}f}").replace("-", "\N{MINUS SIGN}")


def alpha(n: int) -> float:
    """The opacity of one of ``n`` points: the more, the paler."""
    return float(np.clip(18 / np.sqrt(n), 0.12, 0.8))


def drawable(text: str, longest: int = 28) -> str:
    """Text that the font has glyphs for, cut where it is too long."""
    known = "".join(c if c.isprintable() and ord(c) < 0x250 else "?" for c in text)
    return known if len(known) <= longest else known[: longest - 1] + "…"


def ticks(axis: Axis, span: float) -> None:
    """Ticks at whole years, 12 or fewer of them; where predictions are wild, as matplotlib likes."""
    from matplotlib.ticker import MultipleLocator

    step = next((step for step in (12, 24, 48) if span <= 12 * step), None)
    if step:
        axis.set_major_locator(MultipleLocator(step))


def style() -> Any:
    """A context in which matplotlib draws by `STYLE`."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of its own folders, which nobody asked about
    import matplotlib

    return matplotlib.rc_context(STYLE)


def blank(width: float, height: float, facecolor: str = "white") -> Figure:
    """An empty figure of so many inches, whose parts share its space."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor=facecolor)
    FigureCanvasAgg(figure)
    return figure


def panels(count: int, *, single: tuple[float, float] = (7.2, 4.0), height: float = 4.0) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels, three in a row at most; inches: ``single`` of one panel, else ``height`` of a row."""
    columns = min(count, 2 if count == 4 else 3)
    rows = -(-count // columns)
    figure = blank(*single) if count == 1 else blank(4.0 * columns, height * rows)
    return figure, [figure.add_subplot(rows, columns, number + 1) for number in range(count)]


def png(figure: Figure, legend_of: Axes | None) -> bytes:
    """The figure as PNG, one legend for all its panels below them."""
    if legend_of is not None:
        names = {name: handle for handle, name in zip(*legend_of.get_legend_handles_labels(), strict=True)}
        figure.legend(names.values(), names.keys(), loc="outside lower center", ncols=min(len(names), 5), fontsize=9)
    stream, canvas = io.BytesIO(), cast("FigureCanvasAgg", figure.canvas)
    canvas.print_png(stream, metadata={"Software": None})  # `savefig` would lay out and draw all of it twice
    return stream.getvalue()
