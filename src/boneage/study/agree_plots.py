"""The figures of `boneage agree`, each as PNG bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..evaluation import drawing
from ..evaluation.drawing import ACCENT, FAINT, MODELS, SEXES
from ..types import Sex
from .ratings import Ratings

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = ("readers.png", "bland_altman.png", "pairs.png")
MOST_PANELS = 9
LONGEST_NAME = 18


def draw(ratings: Ratings, agreed: np.ndarray, found: Mapping[str, Any]) -> dict[str, bytes]:
    """All figures by name; ``agreed``: the consensus [n] in months, ``found``: what `boneage.study.agree` measured."""
    against = {name: of for name, of in found["against_others"].items() if of}
    drawn = (
        readers(against, found["programs"]),
        bland_altman(ratings, agreed),
        pairs(ratings.readers, found["pairs"]),
    )
    return dict(zip(NAMES, drawn, strict=True))


def readers(against: Mapping[str, Mapping[str, Any]], programs: Sequence[str]) -> bytes:
    """Bias and mean absolute difference of each reader and program against the mean of the others, with intervals."""
    with drawing.style():
        figure = drawing.blank(7.6, 1.2 + 0.3 * len(against))
        left, right = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
        for axes, key, label in ((left, "bias", "bias (months)"), (right, "mad", "mean absolute difference (months)")):
            for row, (name, of) in enumerate(against.items()):
                _measured(axes, row, of[key], is_program=name in programs)
            axes.set(ylim=(len(against) - 0.5, -0.5), xlabel=label)
            axes.grid(False, axis="y")
        left.set_yticks(range(len(against)), [drawing.drawable(name, LONGEST_NAME) for name in against])
        right.set_yticks(range(len(against)), [""] * len(against))
        left.axvline(0, color=ACCENT, linewidth=1.0)
        right.set(xlim=(0, None))
        return drawing.png(figure, left)


def _measured(axes: Axes, row: int, of: Mapping[str, Any], *, is_program: bool) -> None:
    """A number with its interval, in the row of its reader."""
    colour, marker, label = (MODELS[1][0], "D", "program") if is_program else (MODELS[0][0], "o", "reader")
    if of["low"] is not None:
        axes.hlines(row, of["low"], of["high"], color=colour, linewidth=2.0)
    axes.plot(of["value"], row, marker, color=colour, markersize=6, label=label)


def bland_altman(ratings: Ratings, agreed: np.ndarray) -> bytes:
    """Each reader and program minus the consensus against the mean of both, with bias and limits of agreement."""
    shown = [name for name in ratings.readers if np.isfinite(ratings.column(name) + agreed).any()][:MOST_PANELS]
    with drawing.style():
        figure, panels = drawing.panels(len(shown), height=3.4)
        reach = _reach(ratings, agreed)
        for axes, name in zip(panels, shown, strict=True):
            own = ratings.column(name)
            both = np.isfinite(own) & np.isfinite(agreed)
            _points(axes, ratings.sexes, both, (own + agreed) / 2, own - agreed)
            drawing.agreement_lines(axes, (own - agreed)[both])
            axes.set(ylim=(-reach, reach), xlabel="mean of both (months)", ylabel="minus consensus (months)")
            axes.set_title(drawing.drawable(name), pad=8)
        return drawing.png(figure, panels[0] if panels else None)


def _points(axes: Axes, sexes: Sequence[Sex] | None, rows: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    known = np.array([sex.value for sex in sexes]) if sexes else np.full(len(rows), Sex.UNKNOWN.value)
    for sex, (colour, marker) in SEXES.items():
        own = rows & (known == sex.value)
        if own.any():
            style: dict[str, Any] = {"linestyle": "none", "marker": marker, "markersize": 3.4, "markeredgewidth": 0}
            opacity = drawing.alpha(int(rows.sum()))
            axes.plot(x[own], y[own], **style, color=colour, alpha=opacity, label=sex.value if sexes else "film")


def _reach(ratings: Ratings, agreed: np.ndarray) -> float:
    """Half the height of all panels: all differences fit, never less than ± 12 months."""
    return max(12.0, float(np.nanmax(np.abs(ratings.first - agreed[:, None]))) * 1.08)


def pairs(names: Sequence[str], found: Sequence[Mapping[str, Any]]) -> bytes:
    """The mean absolute difference of each pair of readers and programs, as a table of shades."""
    square = np.full((len(names), len(names)), np.nan)
    for pair in found:
        a, b = names.index(pair["a"]), names.index(pair["b"])
        square[a, b] = square[b, a] = pair["found"]["mad"]["value"] if pair["found"] else np.nan
    side = 1.9 + 0.62 * len(names)
    with drawing.style():
        figure = drawing.blank(max(4.2, side + 0.8), side)
        axes = figure.add_subplot()
        axes.grid(False)
        axes.imshow(square, cmap="Blues", vmin=0, vmax=max(1e-9, np.nanmax(square, initial=0.0)) * 1.6)
        for (row, column), months in np.ndenumerate(square):
            if np.isfinite(months):
                axes.text(column, row, f"{months:.1f}", ha="center", va="center", fontsize=9)
        shown = [drawing.drawable(name, LONGEST_NAME) for name in names]
        axes.set_xticks(range(len(names)), shown, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), shown)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_color(FAINT)
        return drawing.png(figure, None)
