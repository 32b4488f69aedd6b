"""The figures of reports, each as PNG bytes. Months on every axis, colours that colour-blind readers can tell apart.

Figures are drawn with matplotlib's objects, never with pyplot, so that a notebook's own figures are left alone.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..types import Sex
from .metrics import correlation
from .predictions import Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
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
LABEL, PREDICTION = "labelled bone age (months)", "predicted bone age (months)"
ERROR = "prediction minus label (months)"
DPI = 150


@dataclass(frozen=True)
class Case:
    """One film of the sheet of worst cases; ``pixels``: uint8 [height, width], as the network saw it."""

    id: str
    sex: Sex
    label: float
    prediction: float
    pixels: np.ndarray


@dataclass(frozen=True)
class Running:
    """The error along the label: 50th, 10th and 90th percentile and mean absolute error; float64 [k] each, months."""

    ages: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray
    absolute: np.ndarray


def scatter(tables: Sequence[Predictions]) -> bytes:
    """Prediction against label, a panel a model, with the line of identity and ± 12 months."""
    with _style():
        figure, panels = _panels(len(tables), single=(5.6, 5.3), height=4.4)
        low, top = _age_reach(tables)
        for axes, table in zip(panels, tables, strict=True):
            line = np.array([low, top])
            axes.fill_between(line, line - 12, line + 12, color="#EFEFEF", linewidth=0, label="± 12 months")
            axes.plot(line, line, color=ACCENT, linewidth=1.0, label="identity")
            _points(axes, table, table.labels, table.predictions)
            _age_axis(axes, LABEL, tables)
            axes.set(ylabel=PREDICTION, ylim=(low, top), aspect="equal")
            _ticks(axes.yaxis, top - low)
            _title(axes, table, tables)
        return _png(figure, panels[0])


def bland_altman(tables: Sequence[Predictions]) -> bytes:
    """Error against the mean of prediction and label, with bias and limits of agreement (Bland & Altman 1986)."""
    with _style():
        figure, panels = _panels(len(tables), single=(7.2, 4.0), height=3.8)
        for axes, table in zip(panels, tables, strict=True):
            _points(axes, table, (table.labels + table.predictions) / 2, table.errors)
            _agreement_lines(axes, table.errors)
            _age_axis(axes, "mean of prediction and label (months)", tables)
            _error_axis(axes, tables)
            _title(axes, table, tables)
        return _png(figure, panels[0])


def residuals(table: Predictions) -> bytes:
    """Error against label with the running median and the running central 80 %."""
    with _style():
        figure, (axes,) = _panels(1, single=(7.2, 4.0))
        axes.axhline(0, color=ACCENT, linewidth=1.0)
        _points(axes, table, table.labels, table.errors)
        run = running(table)
        axes.fill_between(run.ages, run.low, run.high, color="#000000", alpha=0.10, linewidth=0, label="central 80 %")
        axes.plot(run.ages, run.median, color=ACCENT, linewidth=2.2, label="running median")
        _age_axis(axes, LABEL, [table])
        _error_axis(axes, [table])
        return _png(figure, axes)


def residuals_overlaid(tables: Sequence[Predictions]) -> bytes:
    """Of every model along the label: the running median error before faint points, and the running MAE."""
    with _style():
        figure, (signed, absolute) = _panels(2, height=3.8)
        signed.axhline(0, color=ACCENT, linewidth=1.0)
        for number, table in enumerate(tables):
            colour, dash = MODELS[number % len(MODELS)]
            run = running(table)
            signed.plot(table.labels, table.errors, ".", color=colour, markersize=2, alpha=_alpha(len(table)) / 3)
            for axes, line in ((signed, run.median), (absolute, run.absolute)):
                axes.plot(run.ages, line, color=colour, linestyle=dash, linewidth=2.0, label=_drawable(table.name))
        _error_axis(signed, tables)
        absolute.set(ylabel="running MAE (months)", ylim=(0, None))
        for axes in (signed, absolute):
            _age_axis(axes, LABEL, tables)
        return _png(figure, signed)


def histogram(table: Predictions) -> bytes:
    """How many films have which error, with bias and ± 12 months; bins of 2 months unless errors are wild."""
    with _style():
        figure, (axes,) = _panels(1, single=(7.2, 3.4))
        reach = _error_reach([table])
        width = 2 * int(np.ceil(reach / 96))
        bins = np.arange(-reach, reach + width, width)
        stacks = [(sex, table.errors[[s is sex for s in table.sexes]]) for sex in SEXES if sex in table.sexes]
        axes.hist(
            [errors for _, errors in stacks],
            bins=bins.tolist(),
            stacked=True,
            color=[SEXES[sex][0] for sex, _ in stacks],
            label=[sex.value for sex, _ in stacks],
            edgecolor="white",
            linewidth=0.5,
        )
        axes.axvspan(-12, 12, color="#EFEFEF", zorder=0, label="± 12 months")
        axes.axvline(table.errors.mean(), color=ACCENT, linewidth=1.4, linestyle="--", label="bias")
        axes.set(xlabel=ERROR, ylabel=f"films per {width} months")
        _ticks(axes.xaxis, 2 * reach)
        axes.grid(False, axis="x")
        return _png(figure, axes)


def errors_against(pairs: Sequence[tuple[Predictions, Predictions]]) -> bytes:
    """The errors of one model against those of another, a panel a pair; both axes equal."""
    with _style():
        figure, panels = _panels(len(pairs), single=(5.6, 5.3), height=4.4)
        tables = [table for pair in pairs for table in pair]
        reach = _error_reach(tables)
        for axes, (first, second) in zip(panels, pairs, strict=True):
            axes.axhline(0, color=FAINT, linewidth=0.8)
            axes.axvline(0, color=FAINT, linewidth=0.8)
            axes.plot([-reach, reach], [-reach, reach], color=ACCENT, linewidth=1.0, label="equal errors")
            _points(axes, first, first.errors, second.errors)
            _error_axis(axes, tables)
            axes.set(xlim=axes.get_ylim(), aspect="equal")
            _ticks(axes.xaxis, 2 * reach)
            axes.set(xlabel=f"error of {_drawable(first.name)} (months)")
            axes.set(ylabel=f"error of {_drawable(second.name)} (months)")
            related = correlation(first.errors, second.errors)
            axes.set_title("r undefined" if related is None else f"r = {related:.2f}", pad=8)
        return _png(figure, panels[0])


def sureness(table: Predictions, reach: np.ndarray, level: float) -> bytes:
    """Absolute error against the ``reach`` [n] in months to either side of the interval of one ``level``; below the
    line a label lies within. Means of ten equal groups by reach show whether the network knows where it errs."""
    with _style():
        figure, (axes,) = _panels(1, single=(7.2, 4.0))
        errors = np.abs(table.errors)
        far = max(1.0, float(reach.max()) * 1.05)
        axes.fill_between([0, far], [0, far], color="#EFEFEF", linewidth=0, label=f"within the {level:.0%} interval")
        _points(axes, table, reach, errors)
        groups = np.array_split(np.argsort(reach, kind="stable"), min(10, len(reach)))
        means = np.array([(reach[rows].mean(), errors[rows].mean()) for rows in groups])
        axes.plot(*means.T, color=ACCENT, linewidth=2.2, marker="D", markersize=4, label="mean of a tenth of the films")
        near = min(float(reach.min()) * 0.95, 0.9 * far)
        axes.set(xlabel=f"half the width of the {level:.0%} interval (months)", ylabel="absolute error (months)")
        axes.set(xlim=(near, far), ylim=(0, max(24.0, float(errors.max()) * 1.03)))
        return _png(figure, axes)


def shifts(names: Sequence[str], months: np.ndarray) -> bytes:
    """How far each change moves the readings: [films, changes] months; median, central 80 % and central 98 %."""
    with _style():
        figure = _figure(7.2, 0.9 + 0.24 * len(names))
        axes = figure.add_subplot()
        rows = np.arange(len(names))
        low, tenth, middle, ninetieth, high = np.percentile(months, [1, 10, 50, 90, 99], axis=0)
        axes.hlines(rows, low, high, color=FAINT, linewidth=1.2, label="central 98 %")
        axes.hlines(rows, tenth, ninetieth, color=MODELS[0][0], linewidth=4.5, label="central 80 %")
        axes.plot(middle, rows, "o", color="white", markeredgecolor=ACCENT, markersize=4.5, label="median")
        axes.axvline(0, color=ACCENT, linewidth=1.0)
        axes.set_yticks(rows, [_drawable(name) for name in names])
        axes.set(ylim=(len(names) - 0.4, -0.6), xlabel="shift of the reading (months)")
        axes.grid(False, axis="y")
        return _png(figure, axes)


def falling(curves: Sequence[tuple[str, np.ndarray]], across: str, *, logarithmic: bool = False) -> bytes:
    """Mean absolute errors against epochs or films (``across``); a curve is a name and rows of (x, months), or of
    (x, months, low, high) with an interval."""
    from matplotlib.ticker import MaxNLocator

    with _style():
        figure, (axes,) = _panels(1)
        places = sorted({float(x) for _, rows in curves for x in rows[:, 0]})
        if logarithmic:
            axes.set(xscale="log", yscale="log")
            axes.set_xticks(places, [f"{place:,.0f}" for place in places])
            axes.set_xticks([], minor=True)
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("{x:g}")
        else:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for (name, rows), (colour, dash) in zip(curves, MODELS, strict=False):
            axes.plot(rows[:, 0], rows[:, 1], dash, color=colour, marker="o", markersize=4, label=_drawable(name))
            if rows.shape[1] == 4:
                axes.fill_between(rows[:, 0], rows[:, 2], rows[:, 3], color=colour, alpha=0.15, linewidth=0)
        axes.set(xlabel=across, ylabel="mean absolute error (months)")
        return _png(figure, axes)


def worst(cases: Sequence[Case]) -> bytes:
    """A light box of films, worst first, each with its id, sex, label and prediction."""
    columns = max(1, min(4, len(cases)))
    rows = max(1, -(-len(cases) // columns))
    with _style():
        figure = _figure(2.35 * columns, 2.78 * rows, facecolor="#101010")
        for number, case in enumerate(cases):
            axes = figure.add_subplot(rows, columns, number + 1)
            axes.imshow(case.pixels, cmap="gray", vmin=0, vmax=255, interpolation="bilinear")
            axes.set_axis_off()
            axes.set_title(
                _caption(number + 1, case), color="#F2F2F2", fontsize=8, fontweight="normal", linespacing=1.4
            )
        return _png(figure, None)


def running(table: Predictions, width: float = 18.0, step: float = 3.0, least: int = 10) -> Running:
    """`Running` in windows of `width` months of the label, every `step`, with at least `least` films."""
    windows = []
    for age in np.arange(0.0, 240.0 + step, step):
        errors = table.errors[np.abs(table.labels - age) <= width / 2]
        if len(errors) >= least:
            windows.append((age, *np.percentile(errors, [50, 10, 90]), np.abs(errors).mean()))
    return Running(*np.array(windows).reshape(-1, 5).T)


def _caption(number: int, case: Case) -> str:
    ages = f"label {case.label:.0f}, predicted {case.prediction:.0f}: {_signed(case.prediction - case.label, 0)}"
    return f"{number}. {_drawable(case.id, 16)} ({case.sex.value})\n{ages}"


def _agreement_lines(axes: Axes, errors: np.ndarray) -> None:
    bias, margin = errors.mean(), 1.96 * errors.std(ddof=1) if len(errors) > 1 else 0.0
    axes.axhline(bias, color=ACCENT, linewidth=1.4, label="bias")
    _mark(axes, bias)
    for limit in (bias - margin, bias + margin) if margin else ():
        axes.axhline(limit, color=ACCENT, linewidth=1.1, linestyle="--", label="limits of agreement")
        _mark(axes, limit)


def _mark(axes: Axes, height: float) -> None:
    """The number of a horizontal line, written on it at the right edge."""
    box = {"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    place: dict[str, Any] = {"ha": "right", "va": "bottom", "fontsize": 8.5, "bbox": box}
    axes.annotate(_signed(height), (1, height), (-2, 3), axes.get_yaxis_transform(), "offset points", **place)


def _signed(months: float, digits: int = 1) -> str:
    """A number with its sign, ``0`` without one, the minus a minus."""
    rounded = round(months, digits) + 0.0
    return (f"{rounded:+.{digits}f}" if rounded else f"{0:.{digits}f}").replace("-", "\N{MINUS SIGN}")


def _points(axes: Axes, table: Predictions, x: np.ndarray, y: np.ndarray) -> None:
    """One point a film, coloured and shaped by sex, paler where there are many."""
    for sex, (colour, marker) in SEXES.items():
        rows = np.array([s is sex for s in table.sexes])
        if rows.any():
            axes.plot(
                x[rows],
                y[rows],
                linestyle="none",
                marker=marker,
                markersize=3.6,
                markeredgewidth=0,
                color=colour,
                alpha=_alpha(len(table)),
                label=sex.value,
            )


def _age_axis(axes: Axes, name: str, tables: Sequence[Predictions]) -> None:
    low, top = _age_reach(tables)
    axes.set(xlabel=name, xlim=(low, top))
    _ticks(axes.xaxis, top - low)


def _error_axis(axes: Axes, tables: Sequence[Predictions]) -> None:
    reach = _error_reach(tables)
    axes.set(ylabel=ERROR, ylim=(-reach, reach))
    _ticks(axes.yaxis, 2 * reach)


def _title(axes: Axes, table: Predictions, tables: Sequence[Predictions]) -> None:
    """The model's name, where there is more than one."""
    if len(tables) > 1:
        axes.set_title(_drawable(table.name), pad=10)


def _alpha(n: int) -> float:
    return float(np.clip(18 / np.sqrt(n), 0.12, 0.8))


def _age_reach(tables: Sequence[Predictions]) -> tuple[float, float]:
    """The ends of an axis of ages on which all labels and predictions fit: 0 (or below), a whole 12 months."""
    ages = np.concatenate([column for table in tables for column in (table.labels, table.predictions)])
    return min(0.0, float(ages.min())), float(12 * np.ceil((ages.max() + 1) / 12))


def _error_reach(tables: Sequence[Predictions]) -> float:
    """Half the height of an error axis: all errors fit, never less than ± 24 months."""
    largest = max(float(np.abs(table.errors).max()) for table in tables)
    return max(24.0, float(6 * np.ceil((largest + 1) / 6)))


def _drawable(text: str, longest: int = 28) -> str:
    """Text that the font has glyphs for, cut where it is too long."""
    known = "".join(c if c.isprintable() and ord(c) < 0x250 else "?" for c in text)
    return known if len(known) <= longest else known[: longest - 1] + "…"


def _ticks(axis: Axis, span: float) -> None:
    """Ticks at whole years, 12 or fewer of them; where predictions are wild, as matplotlib likes."""
    from matplotlib.ticker import MultipleLocator

    step = next((step for step in (12, 24, 48) if span <= 12 * step), None)
    if step:
        axis.set_major_locator(MultipleLocator(step))


def _style() -> Any:
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it warns of its own folders, which nobody asked about
    import matplotlib

    return matplotlib.rc_context(STYLE)


def _figure(width: float, height: float, facecolor: str = "white") -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained", facecolor=facecolor)
    FigureCanvasAgg(figure)
    return figure


def _panels(count: int, *, single: tuple[float, float] = (7.2, 4.0), height: float = 4.0) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels, three in a row at most; inches: ``single`` of one panel, else ``height`` of a row."""
    columns = min(count, 2 if count == 4 else 3)
    rows = -(-count // columns)
    figure = _figure(*single) if count == 1 else _figure(4.0 * columns, height * rows)
    return figure, [figure.add_subplot(rows, columns, number + 1) for number in range(count)]


def _png(figure: Figure, legend_of: Axes | None) -> bytes:
    """The figure as PNG, one legend for all its panels below them."""
    if legend_of is not None:
        names = {name: handle for handle, name in zip(*legend_of.get_legend_handles_labels(), strict=True)}
        figure.legend(names.values(), names.keys(), loc="outside lower center", ncols=min(len(names), 5), fontsize=9)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", facecolor=figure.get_facecolor(), metadata={"Software": None})
    return stream.getvalue()
