"""Check a data folder before it is trained on: rows, files, labels, copies, the split and odd films."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..config import DataConfig
from ..errors import BadTable, UnreadableImage
from ..files import refuse_unwritable, write_bytes, write_json
from ..hand.geometry import fit
from ..hand.prepare import Findings, analyse, render
from ..images.folders import films_below
from ..images.guarded import read
from ..types import Failure, Sex
from . import duplicates
from .census import census
from .columns import look_like_years
from .dataset import Dataset, Sample, Table, find_table, scan_table
from .film_paths import with_paths
from .pipeline import each_film
from .split import RSNA, divide, split_source

ERRORS = {  # must be mended
    "row": "rows that cannot be used",
    "missing": "rows whose film is not there",
    "unreadable": "films that cannot be read",
    "split": "a split that cannot be used",
    "leak": "copies of one film in different parts of the split",
    "contradiction": "copies of one film with different labels",
}
WARNINGS = {  # may be as they should
    "unit": "labels that look like years",
    "no_label": "rows without an age",
    "no_sex": "rows without a sex",
    "no_part": "films in no part of the split",
    "no_row": "films without a row",
    "extra": "files whose id another file stands for",
    "exact": "files that are equal byte for byte",
    "near": "films that look the same",
    "inverted": "films that seem inverted",
    "empty": "films that are faint or nearly empty",
    "levels": "films with few grey levels",
    "framed": "films within a broad frame",
}
FEW_LEVELS = 40  # of 256, that a film uses for a ten-thousandth of its pixels at least
FAINT = 0.06  # of the full range, from background to bright bone
BROAD = 0.5  # of the area

SHEET, REPORT = "sheet.png", "report.json"
SHOWN = ("leak", "contradiction", "near", "inverted", "empty", "levels", "framed")
SHOWN_OF_A_KIND = 16
LISTED_OF_A_KIND = 8
_TILE, _CAPTION, _COLUMNS = 192, 36, 8


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or odd.

    Attributes:
        kind: a key of `ERRORS` or `WARNINGS`.
        ids: of the films.
        detail: what was found, for people.
        degree: how odd it is; the oddest of a kind are listed first.
    """

    kind: str
    ids: tuple[str, ...]
    detail: str
    degree: float = 0.0


@dataclass(frozen=True)
class Report:
    """What `check` found.

    Attributes:
        table: its path.
        rows: of the table, without wrong ones.
        readable: how many of their films can be read.
        formats: how many films have each format.
        ages: how many films of each sex are in each age band.
        split: where the split comes from, for people.
        parts: how many films are in each part.
        findings: what is wrong or odd.
    """

    table: str
    rows: int
    readable: int
    formats: dict[str, int]
    ages: dict[str, dict[str, int]]
    split: str
    parts: dict[str, int]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What must be mended."""
        return tuple(finding for finding in self.findings if finding.kind in ERRORS)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What should be looked at."""
        return tuple(finding for finding in self.findings if finding.kind in WARNINGS)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return asdict(self)


def check(
    root: str | os.PathLike[str], *, images: str | os.PathLike[str] | None = None, out: Path | None = None
) -> Report:
    """Check every row and every film of a data folder. Takes 25 KB of memory for each film.

    Args:
        root: a folder, or a table.
        images: where the films are, if not beside the table.
        out: a folder for ``report.json``, and ``sheet.png`` that shows the odd films.

    Raises:
        BadTable: if there is no table, or none that can be used at all.
        CannotWrite: if ``out`` takes no files.
    """
    if out is not None:
        refuse_unwritable(out)
    table = scan_table(find_table(root))
    if not table.samples and not table.problems:
        raise BadTable(f"{table.path} has no rows")
    folder = Path(images) if images else table.path.parent
    closed: dict[Path, str] = {}
    samples = with_paths(table.samples, table.path, folder, closed=closed)
    formats: Counter[str] = Counter()
    findings = [*_rows(table), *_labels(table), *_files(table, samples, folder, out)]
    findings += [Finding("unreadable", (place.name,), reason) for place, reason in closed.items()]
    thumbnails = _survey(samples, formats, findings)
    equal = duplicates.exact(samples)
    dataset, split = _divided(Dataset(table.path.parent, table.path, samples), equal, findings)
    findings += _copies({sample.id: sample for sample in dataset.samples}, equal, duplicates.pairs(thumbnails))
    report = Report(
        table=str(table.path),
        rows=len(samples),
        readable=formats.total(),
        formats=dict(formats.most_common()),
        ages={band: dict(counts) for band, counts in census(samples, lambda sample: sample.sex.value).items()},
        split=split,
        parts=dict(Counter(sample.split for sample in dataset.samples if sample.split).most_common()),
        findings=_sorted(findings),
    )
    if out is not None:
        write_json(out / REPORT, report.to_dict())
        write_bytes(out / SHEET, _sheet(report.findings, {s.id: s.path for s in samples if s.path}))
    return report


def lines(report: Report) -> list[str]:
    """The report as lines of text."""
    formats = ", ".join(f"{count} {name}" for name, count in report.formats.items())
    parts = ", ".join(f"{part} {count}" for part, count in report.parts.items())
    return [
        f"{report.table}: {report.rows} rows, {report.readable} films read ({formats or 'none'})",
        *_ages(report.ages),
        f"split: {report.split}: {parts or 'no film'}",
        *_listed("wrong", ERRORS, report.errors),
        *_listed("look at", WARNINGS, report.warnings),
        f"{len(report.errors)} to mend, {len(report.warnings)} to look at",
    ]


def _ages(ages: Mapping[str, Mapping[str, int]]) -> list[str]:
    header: list[object] = ["months", *(sex.value for sex in Sex)]
    rows = [header, *([band, *(counts.get(sex.value, 0) for sex in Sex)] for band, counts in ages.items())]
    return [f"  {row[0]!s:<12}" + "".join(f"{cell!s:>10}" for cell in row[1:]) for row in rows]


def _listed(word: str, kinds: Mapping[str, str], findings: Sequence[Finding]) -> Iterator[str]:
    for kind, meaning in kinds.items():
        those = [finding for finding in findings if finding.kind == kind]
        if those:
            yield f"{word}: {meaning}: {len(those)}"
            yield from (f"  {_line(finding)}" for finding in those[:LISTED_OF_A_KIND])
        if len(those) > LISTED_OF_A_KIND:
            yield f"  and {len(those) - LISTED_OF_A_KIND} more"


def _line(finding: Finding) -> str:
    return ": ".join(filter(None, (", ".join(finding.ids), finding.detail)))


def _sorted(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    kinds = [*ERRORS, *WARNINGS]
    return tuple(sorted(findings, key=lambda finding: (kinds.index(finding.kind), -finding.degree)))


def _rows(table: Table) -> Iterator[Finding]:
    for problem in table.problems:
        yield Finding("row", (problem.id,) if problem.id else (), f"line {problem.line}: {problem.reason}")


def _labels(table: Table) -> Iterator[Finding]:
    months = [sample.months for sample in table.samples if sample.months is not None]
    if look_like_years(months) and not any(problem.line == 1 for problem in table.problems):
        yield Finding("unit", (), f"the largest of {len(months)} labels is {max(months):g} months")
    if not table.has_labels:
        yield Finding("no_label", (), "the table has no column of ages")
    if not table.has_sex:
        yield Finding("no_sex", (), "the table has no column of sexes")
    for sample in table.samples:
        if table.has_labels and sample.months is None:
            yield Finding("no_label", (sample.id,), "")
        if table.has_sex and sample.sex is Sex.UNKNOWN:
            yield Finding("no_sex", (sample.id,), "")


def _files(table: Table, samples: Sequence[Sample], folder: Path, out: Path | None) -> Iterator[Finding]:
    yield from (Finding("missing", (sample.id,), sample.hint) for sample in samples if sample.path is None)
    known = {sample.id for sample in samples} | {problem.id for problem in table.problems}
    used = {sample.path for sample in samples}
    for path in films_below(folder, {}):
        if path not in used and not (out and out.resolve() in path.resolve().parents):
            kind = "extra" if path.stem in known else "no_row"
            yield Finding(kind, (path.stem,), path.relative_to(folder).as_posix())


@dataclass(frozen=True)
class _Looked:
    """What was seen of one film: its format, its thumbnail uint8 [96, 96], and what is odd."""

    format: str
    thumbnail: np.ndarray
    findings: tuple[Finding, ...]


def _look(sample: Sample) -> _Looked:
    film = read(sample.path or "")
    found = analyse(film.pixels, duplicates.SPEC)
    return _Looked(film.format, render(film, found, duplicates.SPEC), tuple(_odd(sample.id, film.pixels, found)))


def _survey(samples: Sequence[Sample], formats: Counter[str], findings: list[Finding]) -> dict[str, np.ndarray]:
    """The thumbnail of every film by id; its format is counted, and what is odd goes to the findings."""

    def thumbnails() -> Iterator[np.ndarray | Failure]:
        for sample, film in zip(samples, each_film(_look, samples), strict=True):
            if not isinstance(film, Failure):
                formats[film.format] += 1
                findings.extend(film.findings)
            elif sample.path is not None:
                findings.append(Finding("unreadable", (film.id,), film.reason))
            yield film if isinstance(film, Failure) else film.thumbnail

    return duplicates.stored(samples, thumbnails())


def _odd(name: str, pixels: np.ndarray, found: Findings) -> Iterator[Finding]:
    top, bottom, left, right = found.box
    frame = 1 - (bottom - top) * (right - left)
    contrast = (found.white - found.black) / duplicates.SPEC.headroom
    counts = np.bincount((pixels * 255 + 0.5).astype(np.uint8).ravel())
    levels = int(np.count_nonzero(counts > pixels.size / 10_000))
    if found.inverted:
        yield Finding("inverted", (name,), "bright background")
    if contrast < FAINT:
        yield Finding("empty", (name,), f"contrast {contrast:.1%}", -contrast)
    if levels < FEW_LEVELS:
        yield Finding("levels", (name,), f"{levels} grey levels", -levels)
    if frame > BROAD:
        yield Finding("framed", (name,), f"frame {frame:.0%} of the area", frame)


def _divided(dataset: Dataset, equal: Mapping[str, int], findings: list[Finding]) -> tuple[Dataset, str]:
    """The dataset divided as for training, and where the split comes from, for people."""
    try:
        source = split_source(dataset)
        divided = divide(dataset, DataConfig(), equal)
    except BadTable as error:
        findings.append(Finding("split", (), str(error)))
        return dataset, "none"
    words = "made from the seed, by default" if source is None else f"from {source.name}"
    if source == RSNA:
        words = "the project's own for the RSNA films"
    if any(sample.split for sample in dataset.samples):
        words = "from the table"
    for sample in divided.samples:
        if sample.months is not None and not sample.split:
            findings.append(Finding("no_part", (sample.id,), ""))
    return divided, words


def _copies(
    samples: Mapping[str, Sample], equal: Mapping[str, int], pairs: Sequence[duplicates.Pair]
) -> Iterator[Finding]:
    """Equal files, films that look the same, and what is wrong between copies.

    A pair is reported only if its films are not known as equal files; then pairs join the groups, for leaks.
    """
    joined = duplicates.Joined(samples)
    joined.join_equal(equal)
    for group in joined.groups():
        if len(group) > 1:
            yield Finding("exact", tuple(group), "")
        if labels := _contradiction([samples[name] for name in group]):
            yield Finding("contradiction", tuple(group), labels)
    for pair in pairs:
        if joined.root(pair.first) != joined.root(pair.second):
            ids = (pair.first, pair.second)
            words = [f"likeness {pair.score:.2f}", "mirrored" if pair.mirrored else ""]
            words.append(_contradiction([samples[name] for name in ids]))
            yield Finding("near", ids, ", ".join(filter(None, words)), pair.score)
    for pair in pairs:
        joined.join(pair.first, pair.second)
    for group in joined.groups():
        parts = [samples[name].split for name in group]
        if len(set(filter(None, parts))) > 1:
            yield Finding("leak", tuple(group), ", ".join(map(str, parts)))


def _contradiction(copies: Sequence[Sample]) -> str:
    """The labels of copies of one film, for people, if they differ; else an empty string."""
    months = {sample.months for sample in copies if sample.months is not None}
    sexes = {sample.sex for sample in copies if sample.sex is not Sex.UNKNOWN}
    if len(months) < 2 and len(sexes) < 2:
        return ""
    return ", ".join(f"{'no age' if s.months is None else f'{s.months:g} months'} {s.sex.value}" for s in copies)


def _sheet(findings: Sequence[Finding], paths: Mapping[str, Path]) -> bytes:
    """A PNG of the odd films, at most `SHOWN_OF_A_KIND` of a kind, copies side by side."""
    panels: dict[tuple[str, ...], np.ndarray] = {}
    for kind in SHOWN:
        those = [finding for finding in findings if finding.kind == kind]
        for finding in those[:SHOWN_OF_A_KIND]:
            if finding.ids not in panels:
                panels[finding.ids] = _panel(finding, paths)
    _, png = cv2.imencode(".png", np.vstack([_title(len(panels)), *_shelved(panels.values())]))
    return png.tobytes()


def _panel(finding: Finding, paths: Mapping[str, Path]) -> np.ndarray:
    """At most four films of a finding side by side, each over its id, and the finding below."""
    names = finding.ids[:4]
    panel = np.zeros((_TILE + _CAPTION, _TILE * len(names)), np.uint8)
    for number, name in enumerate(names):
        panel[:_TILE, number * _TILE : (number + 1) * _TILE - 2] = _tile(paths[name])[:, :-2]
        _write(panel, name, number * _TILE, _TILE + 13)
    _write(panel, f"{finding.kind}: {finding.detail}", 0, _TILE + 28)
    return panel


def _tile(path: Path) -> np.ndarray:
    try:
        return (fit(read(path).pixels, _TILE, "pad", fill=0) * 255).astype(np.uint8)
    except UnreadableImage:
        return np.zeros((_TILE, _TILE), np.uint8)


def _shelved(panels: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Panels in rows of the sheet's width."""
    shelf = np.zeros((_TILE + _CAPTION, 0), np.uint8)
    for panel in panels:
        if shelf.shape[1] + panel.shape[1] > _TILE * _COLUMNS:
            yield _filled(shelf)
            shelf = shelf[:, :0]
        shelf = np.hstack([shelf, panel])
    if shelf.size:
        yield _filled(shelf)


def _filled(shelf: np.ndarray) -> np.ndarray:
    return np.pad(shelf, ((0, 0), (0, _TILE * _COLUMNS - shelf.shape[1])))


def _title(panels: int) -> np.ndarray:
    strip = np.zeros((_CAPTION, _TILE * _COLUMNS), np.uint8)
    _write(strip, f"{panels} odd films or sets of copies, at most {SHOWN_OF_A_KIND} of a kind", 0, 22)
    return strip


def _write(picture: np.ndarray, text: str, left: int, baseline: int) -> None:
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(picture, plain[:120], (left + 3, baseline), cv2.FONT_HERSHEY_SIMPLEX, 0.38, 255, 1, cv2.LINE_AA)
