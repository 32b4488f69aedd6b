"""The figures of reports, each as PNG bytes. Months on every axis, colours that colour-blind readers can tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..types import Sex
from . import drawing
from .metrics import correlation
from .predictions import Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABEL, PREDICTION = "labelled bone age (months)", "predicted bone age (months)"
ERROR = "prediction minus label (months)"


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
    with drawing.style():
        figure, panels = drawing.panels(len(tables), single=(5.6, 5.3), height=4.4)
        low, top = _age_reach(tables)
        for axes, table in zip(panels, tables, strict=True):
            line = np.array([low, top])
            axes.fill_between(line, line - 12, line + 12, color="#EFEFEF", linewidth=0, label="± 12 months")
            axes.plot(line, line, color=drawing.ACCENT, linewidth=1.0, label="identity")
            _points(axes, table, table.labels, table.predictions)
            _age_axis(axes, LABEL, tables)
            axes.set(ylabel=PREDICTION, ylim=(low, top), aspect="equal")
            drawing.ticks(axes.yaxis, top - low)
            _title(axes, table, tables)
        return drawing.png(figure, panels[0])


def bland_altman(tables: Sequence[Predictions]) -> bytes:
    """Error against the mean of prediction and label, with bias and limits of agreement (Bland & Altman 1986)."""
    with drawing.style():
        figure, panels = drawing.panels(len(tables), single=(7.2, 4.0), height=3.8)
        for axes, table in zip(panels, tables, strict=True):
            _points(axes, table, (table.labels + table.predictions) / 2, table.errors)
            drawing.agreement_lines(axes, table.errors)
            _age_axis(axes, "mean of prediction and label (months)", tables)
            _error_axis(axes, tables)
            _title(axes, table, tables)
        return drawing.png(figure, panels[0])


def residuals(table: Predictions) -> bytes:
    """Error against label with the running median and the running central 80 %."""
    with drawing.style():
        figure, (axes,) = drawing.panels(1, single=(7.2, 4.0))
        axes.axhline(0, color=drawing.ACCENT, linewidth=1.0)
        _points(axes, table, table.labels, table.errors)
        run = running(table)
        axes.fill_between(run.ages, run.low, run.high, color="#000000", alpha=0.10, linewidth=0, label="central 80 %")
        axes.plot(run.ages, run.median, color=drawing.ACCENT, linewidth=2.2, label="running median")
        _age_axis(axes, LABEL, [table])
        _error_axis(axes, [table])
        return drawing.png(figure, axes)


def residuals_overlaid(tables: Sequence[Predictions]) -> bytes:
    """Of every model along the label: the running median error before faint points, and the running MAE."""
    with drawing.style():
        figure, (signed, absolute) = drawing.panels(2, height=3.8)
        signed.axhline(0, color=drawing.ACCENT, linewidth=1.0)
        for number, table in enumerate(tables):
            colour, dash = drawing.MODELS[number % len(drawing.MODELS)]
            run = running(table)
            signed.plot(
                table.labels, table.errors, ".", color=colour, markersize=2, alpha=drawing.alpha(len(table)) / 3
            )
            for axes, line in ((signed, run.median), (absolute, run.absolute)):
                axes.plot(
                    run.ages, line, color=colour, linestyle=dash, linewidth=2.0, label=drawing.drawable(table.name)
                )
        _error_axis(signed, tables)
        absolute.set(ylabel="running MAE (months)", ylim=(0, None))
        for axes in (signed, absolute):
            _age_axis(axes, LABEL, tables)
        return drawing.png(figure, signed)


def histogram(table: Predictions) -> bytes:
    """How many films have which error, with bias and ± 12 months; bins of 2 months unless errors are wild."""
    with drawing.style():
        figure, (axes,) = drawing.panels(1, single=(7.2, 3.4))
        reach = _error_reach([table])
        width = 2 * int(np.ceil(reach / 96))
        bins = np.arange(-reach, reach + width, width)
        stacks = [(sex, table.errors[[s is sex for s in table.sexes]]) for sex in drawing.SEXES if sex in table.sexes]
        axes.hist(
            [errors for _, errors in stacks],
            bins=bins.tolist(),
            stacked=True,
            color=[drawing.SEXES[sex][0] for sex, _ in stacks],
            label=[sex.value for sex, _ in stacks],
            edgecolor="white",
            linewidth=0.5,
        )
        axes.axvspan(-12, 12, color="#EFEFEF", zorder=0, label="± 12 months")
        axes.axvline(table.errors.mean(), color=drawing.ACCENT, linewidth=1.4, linestyle="--", label="bias")
        axes.set(xlabel=ERROR, ylabel=f"films per {width} months")
        drawing.ticks(axes.xaxis, 2 * reach)
        axes.grid(False, axis="x")
        return drawing.png(figure, axes)


def errors_against(pairs: Sequence[tuple[Predictions, Predictions]]) -> bytes:
    """The errors of one model against those of another, a panel a pair; both axes equal."""
    with drawing.style():
        figure, panels = drawing.panels(len(pairs), single=(5.6, 5.3), height=4.4)
        tables = [table for pair in pairs for table in pair]
        reach = _error_reach(tables)
        for axes, (first, second) in zip(panels, pairs, strict=True):
            axes.axhline(0, color=drawing.FAINT, linewidth=0.8)
            axes.axvline(0, color=drawing.FAINT, linewidth=0.8)
            axes.plot([-reach, reach], [-reach, reach], color=drawing.ACCENT, linewidth=1.0, label="equal errors")
            _points(axes, first, first.errors, second.errors)
            _error_axis(axes, tables)
            axes.set(xlim=axes.get_ylim(), aspect="equal")
            drawing.ticks(axes.xaxis, 2 * reach)
            axes.set(xlabel=f"error of {drawing.drawable(first.name)} (months)")
            axes.set(ylabel=f"error of {drawing.drawable(second.name)} (months)")
            related = correlation(first.errors, second.errors)
            axes.set_title("r undefined" if related is None else f"r = {related:.2f}", pad=8)
        return drawing.png(figure, panels[0])


def sureness(table: Predictions, reach: np.ndarray, level: float) -> bytes:
    """Absolute error against the ``reach`` [n] in months to either side of the interval of one ``level``; below the
    line a label lies within. Means of ten equal groups by reach show whether the network knows where it errs."""
    with drawing.style():
        figure, (axes,) = drawing.panels(1, single=(7.2, 4.0))
        errors = np.abs(table.errors)
        far = max(1.0, float(reach.max()) * 1.05)
        axes.fill_between([0, far], [0, far], color="#EFEFEF", linewidth=0, label=f"within the {level:.0%} interval")
        _points(axes, table, reach, errors)
        groups = np.array_split(np.argsort(reach, kind="stable"), min(10, len(reach)))
        means = np.array([(reach[rows].mean(), errors[rows].mean()) for rows in groups])
        axes.plot(
            *means.T,
            color=drawing.ACCENT,
            linewidth=2.2,
            marker="D",
            markersize=4,
            label="mean of a tenth of the films",
        )
        near = min(float(reach.min()) * 0.95, 0.9 * far)
        axes.set(xlabel=f"half the width of the {level:.0%} interval (months)", ylabel="absolute error (months)")
        axes.set(xlim=(near, far), ylim=(0, max(24.0, float(errors.max()) * 1.03)))
        return drawing.png(figure, axes)


def shifts(names: Sequence[str], months: np.ndarray) -> bytes:
    """How far each change moves the readings: [films, changes] months; median, central 80 % and central 98 %."""
    with drawing.style():
        figure = drawing.blank(7.2, 0.9 + 0.24 * len(names))
        axes = figure.add_subplot()
        rows = np.arange(len(names))
        low, tenth, middle, ninetieth, high = np.percentile(months, [1, 10, 50, 90, 99], axis=0)
        axes.hlines(rows, low, high, color=drawing.FAINT, linewidth=1.2, label="central 98 %")
        axes.hlines(rows, tenth, ninetieth, color=drawing.MODELS[0][0], linewidth=4.5, label="central 80 %")
        axes.plot(middle, rows, "o", color="white", markeredgecolor=drawing.ACCENT, markersize=4.5, label="median")
        axes.axvline(0, color=drawing.ACCENT, linewidth=1.0)
        axes.set_yticks(rows, [drawing.drawable(name) for name in names])
        axes.set(ylim=(len(names) - 0.4, -0.6), xlabel="shift of the reading (months)")
        axes.grid(False, axis="y")
        return drawing.png(figure, axes)


def falling(curves: Sequence[tuple[str, np.ndarray]], across: str, *, logarithmic: bool = False) -> bytes:
    """Mean absolute errors against epochs or films (``across``); a curve is a name and rows of (x, months), or of
    (x, months, low, high) with an interval."""
    from matplotlib.ticker import MaxNLocator

    with drawing.style():
        figure, (axes,) = drawing.panels(1)
        places = sorted({float(x) for _, rows in curves for x in rows[:, 0]})
        if logarithmic:
            axes.set(xscale="log", yscale="log")
            axes.set_xticks(places, [f"{place:,.0f}" for place in places])
            axes.set_xticks([], minor=True)
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_formatter("{x:g}")
        else:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        for (name, rows), (colour, dash) in zip(curves, drawing.MODELS, strict=False):
            axes.plot(
                rows[:, 0], rows[:, 1], dash, color=colour, marker="o", markersize=4, label=drawing.drawable(name)
            )
            if rows.shape[1] == 4:
                axes.fill_between(rows[:, 0], rows[:, 2], rows[:, 3], color=colour, alpha=0.15, linewidth=0)
        axes.set(xlabel=across, ylabel="mean absolute error (months)")
        return drawing.png(figure, axes)


def worst(cases: Sequence[Case]) -> bytes:
    """A light box of films, worst first, each with its id, sex, label and prediction."""
    columns = max(1, min(4, len(cases)))
    rows = max(1, -(-len(cases) // columns))
    with drawing.style():
        figure = drawing.blank(2.35 * columns, 2.78 * rows, facecolor="#101010")
        for number, case in enumerate(cases):
            axes = figure.add_subplot(rows, columns, number + 1)
            axes.imshow(case.pixels, cmap="gray", vmin=0, vmax=255, interpolation="bilinear")
            axes.set_axis_off()
            axes.set_title(
                _caption(number + 1, case), color="#F2F2F2", fontsize=8, fontweight="normal", linespacing=1.4
            )
        return drawing.png(figure, None)


def running(table: Predictions, width: float = 18.0, step: float = 3.0, least: int = 10) -> Running:
    """`Running` in windows of `width` months of the label, every `step`, with at least `least` films."""
    windows = []
    for age in np.arange(0.0, 240.0 + step, step):
        errors = table.errors[np.abs(table.labels - age) <= width / 2]
        if len(errors) >= least:
            windows.append((age, *np.percentile(errors, [50, 10, 90]), np.abs(errors).mean()))
    return Running(*np.array(windows).reshape(-1, 5).T)


def _caption(number: int, case: Case) -> str:
    ages = f"label {case.label:.0f}, predicted {case.prediction:.0f}: {drawing.signed(case.prediction - case.label, 0)}"
    return f"{number}. {drawing.drawable(case.id, 16)} ({case.sex.value})\n{ages}"


def _points(axes: Axes, table: Predictions, x: np.ndarray, y: np.ndarray) -> None:
    """One point a film, coloured and shaped by sex, paler where there are many."""
    for sex, (colour, marker) in drawing.SEXES.items():
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
                alpha=drawing.alpha(len(table)),
                label=sex.value,
            )


def _age_axis(axes: Axes, name: str, tables: Sequence[Predictions]) -> None:
    low, top = _age_reach(tables)
    axes.set(xlabel=name, xlim=(low, top))
    drawing.ticks(axes.xaxis, top - low)


def _error_axis(axes: Axes, tables: Sequence[Predictions]) -> None:
    reach = _error_reach(tables)
    axes.set(ylabel=ERROR, ylim=(-reach, reach))
    drawing.ticks(axes.yaxis, 2 * reach)


def _title(axes: Axes, table: Predictions, tables: Sequence[Predictions]) -> None:
    """The model's name, where there is more than one."""
    if len(tables) > 1:
        axes.set_title(drawing.drawable(table.name), pad=10)


def _age_reach(tables: Sequence[Predictions]) -> tuple[float, float]:
    """The ends of an axis of ages on which all labels and predictions fit: 0 (or below), a whole 12 months."""
    ages = np.concatenate([column for table in tables for column in (table.labels, table.predictions)])
    return min(0.0, float(ages.min())), float(12 * np.ceil((ages.max() + 1) / 12))


def _error_reach(tables: Sequence[Predictions]) -> float:
    """Half the height of an error axis: all errors fit, never less than ± 24 months."""
    largest = max(float(np.abs(table.errors).max()) for table in tables)
    return max(24.0, float(6 * np.ceil((largest + 1) / 6)))
