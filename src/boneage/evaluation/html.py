"""Reports as one self-contained HTML page: tables, numbered figures, styles for light, dark and paper.

Every text is escaped here: callers pass plain text. The page forbids scripts, and anything from elsewhere.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ..types import DISCLAIMER
from .drawing import DPI
from .metrics import INTERVAL, METRICS
from .wording import band, metric_cell

INCH = 100  # CSS pixels at which an inch of a figure is shown

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c1f23; --quiet: #5b636d; --line: #d9dde2;
  --tint: #f4f6f8; --warn: #7a4b00; --warn-tint: #fff6e0; }
@media (prefers-color-scheme: dark) { :root { --paper: #141414; --ink: #e8e8e8; --quiet: #a9adb2; --line: #3a3d40;
  --tint: #202223; --warn: #ffd588; --warn-tint: #33280f; } .plot img { filter: invert(.92) hue-rotate(180deg); } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 58rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .35rem; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .6rem; }
p { max-width: 46rem; margin: .6rem 0; }
.lead { color: var(--quiet); margin: 0 0 1rem; }
.warning { background: var(--warn-tint); color: var(--warn); border-left: 4px solid currentColor;
  padding: .5rem .9rem; font-weight: 600; max-width: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .8rem; margin: 1.4rem 0; }
.tiles div { background: var(--tint); border-radius: .5rem; padding: .8rem 1rem; }
.tiles dt { color: var(--quiet); font-size: .88rem; }
.tiles dd { margin: 0; font-size: 1.7rem; line-height: 1.25; font-weight: 650; font-variant-numeric: tabular-nums; }
.tiles dd + dd { font-size: .88rem; font-weight: 400; color: var(--quiet); }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; min-width: 24rem; }
caption { text-align: left; color: var(--quiet); padding-bottom: .5rem; }
th, td { padding: .35rem .9rem .35rem 0; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); }
.words { text-align: left; overflow-wrap: break-word; max-width: 40rem; }
thead th { font-weight: 600; border-bottom: 2px solid var(--line); vertical-align: bottom; }
tbody th { font-weight: 500; }
small { color: var(--quiet); font-weight: 400; }
td:not(.words) { white-space: nowrap; }
figure { margin: 1.8rem 0; break-inside: avoid; }
figure img { display: block; max-width: 100%; height: auto; margin: 0 auto; border-radius: .3rem; }
figure.wide { width: min(94vw, 75rem); margin-inline: calc(50% - min(47vw, 37.5rem)); }
figure.wide figcaption { max-width: 55rem; margin-inline: auto; padding-right: 7rem; }
figcaption { margin-top: .5rem; font-size: .92rem; color: var(--quiet); max-width: 48rem; }
figcaption b { color: var(--ink); }
ul { padding-left: 1.2rem; } li { margin: .25rem 0; max-width: 46rem; }
code { font: .88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
@media print { :root { --paper: #fff; --ink: #000; --quiet: #444; --line: #bbb; --tint: #f3f3f3; --warn: #000;
  --warn-tint: #fff; } body { font-size: 10.5pt; } main { max-width: none; padding: 0; } .scroll { overflow: visible; }
  .plot img { filter: none; } figure.wide { width: 100%; margin-inline: 0; }
  figure.wide figcaption { padding: 0; }
  .plot img { max-height: 9.5cm; width: auto; } .tiles { grid-template-columns: repeat(5, 1fr); }
  table { font-size: 8.5pt; } th, td { padding-right: .6rem; } h2, caption, thead { break-after: avoid; }
  tr, .tiles div { break-inside: avoid; } @page { margin: 16mm; } }
"""


def page(title: str, lead: str, body: Iterable[str]) -> str:
    """A whole HTML document; ``body`` holds fragments made by the functions below."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{_text(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{_text(title)}</h1>
<p class="lead">{_text(lead)}</p>
<p class="warning">{_text(DISCLAIMER)}</p>
{"".join(body)}
</main>
</body>
</html>
"""


def heading(text: str) -> str:
    """The title of a section."""
    return f"<h2>{_text(text)}</h2>\n"


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{_text(text)}</p>\n"


def bullets(texts: Iterable[str]) -> str:
    """A list of plain texts."""
    return f"<ul>{''.join(f'<li>{_text(text)}</li>' for text in texts)}</ul>\n"


def tiles(items: Iterable[tuple[str, str, str]]) -> str:
    """Key numbers side by side: name, value, and what stands below it."""
    cells = (f"<div><dt>{_text(n)}</dt><dd>{_text(v)}</dd><dd>{_text(below)}</dd></div>" for n, v, below in items)
    return f'<dl class="tiles">{"".join(cells)}</dl>\n'


def table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> str:
    """A table whose first column names the rows; of a cell, what follows a line break is set small below.

    ``words``: how many columns, from the left, hold words; the others hold numbers and are set flush right.
    """
    head = "".join(_cell("th", "col", name, at < words) for at, name in enumerate(header))
    body = "".join(f"<tr>{_row(row, words)}</tr>\n" for row in rows)
    parts = f"<caption>{_text(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>"
    return f'<div class="scroll"><table>{parts}</table></div>\n'


def facts(items: Mapping[str, Any]) -> str:
    """Names and values, those that are None or empty left out."""
    rows = ((name, str(value)) for name, value in items.items() if value not in (None, ""))
    body = "".join(f"<tr>{_row(row, 2)}</tr>\n" for row in rows)
    return f'<div class="scroll"><table><tbody>\n{body}</tbody></table></div>\n'


def figure(number: int, png: bytes, title: str, caption: str, alt: str, *, kind: str = "plot") -> str:
    """A numbered figure; ``alt`` says in words what it shows.

    ``kind``: ``plot`` (its white paper turns dark in the dark), ``plot wide`` or ``photograph``.
    """
    width, height = (side * INCH // DPI for side in struct.unpack(">II", png[16:24]))  # a PNG's first chunk: its size
    source = base64.b64encode(png).decode()
    image = f'<img src="data:image/png;base64,{source}" width="{width}" height="{height}" alt="{_text(alt)}">'
    below = f"<figcaption><b>Figure {number}. {_text(title)}</b> {_text(caption)}</figcaption>"
    return f'<figure class="{kind}">{image}\n{below}</figure>\n'


def groups(caption: str, name: str, found: Mapping[str, Mapping[str, Any]]) -> str:
    """A table of metrics, one row a group of films (`metrics.by_sex` or `metrics.by_age`)."""
    keys = ("mae", "rmse", "bias", "median_error", "mape", "within_12")
    header = [name, "films", *(f"{METRICS[key].name}\n{METRICS[key].unit}" for key in keys)]
    rows = [[band(group), f"{of['n']:,}", *(metric_cell(key, of) for key in keys)] for group, of in found.items()]
    return table(caption, header, rows)


def definitions() -> str:
    """What each metric is, as a section."""
    named = (f"{m.name}: {m.formula}{f', in {m.unit}' if m.unit else ''}" for m in METRICS.values())
    how = (
        f"y is the label, which counts as the truth though readers differ; ŷ is the prediction. Intervals: {INTERVAL}."
    )
    return heading("What the numbers mean") + paragraph(how) + bullets(named)


def _text(plain: str) -> str:
    """Plain text as HTML, a percent sign kept with its number."""
    return escape(plain).replace(" %", "&nbsp;%")


def _row(cells: Sequence[str], words: int) -> str:
    return _cell("th", "row", cells[0], True) + "".join(
        _cell("td", "", cell, at < words) for at, cell in enumerate(cells[1:], start=1)
    )


def _cell(tag: str, scope: str, content: str, words: bool) -> str:
    main, _, below = content.partition("\n")
    attributes = (f' scope="{scope}"' if scope else "") + (' class="words"' if words else "")
    return f"<{tag}{attributes}>{_text(main)}{f'<br><small>{_text(below)}</small>' if below else ''}</{tag}>"
