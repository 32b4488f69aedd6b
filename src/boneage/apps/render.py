"""Readings as text, JSON lines, tables and pictures."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from ..config import Config
from ..errors import BadConfig, shown
from ..files import is_stream, refuse_overwriting, replacing, streaming, write_bytes
from ..growth.result import Growth
from ..hand.several import PARTS
from ..reading.batch import Item
from ..reading.intervals import MEANING
from ..reading.occlusion import Explanation
from ..reading.predictor import Predictor
from ..reading.regional import Regional
from ..reading.weights import shipped
from ..table import harmless
from ..types import DISCLAIMER, Failure, Radiograph, Reading, Severity, Sex
from . import regional_output
from .growth_asked import GrowthOfFilms
from .growth_output import COLUMNS, cells, follow_up_line, follow_up_text, growth_text
from .options import tell
from .regional_output import regions_text

if TYPE_CHECKING:
    from ..evaluation.neighbours import Gallery, Neighbour

Taker = Callable[[Item, Reading | Failure, Growth | None], None]
Drawer = Callable[[Item, Reading | Failure, Explanation | None], None]

_FLAG = {Severity.NOTE: "note", Severity.WARN: "warning", Severity.REFUSE: "refused"}
_COLUMNS = ("id", *(field.name for field in dataclasses.fields(Reading) if field.name != "regional_ages"), "error")


def reading_text(reading: Reading) -> str:
    """One reading as text: file, bone age with intervals, sex, and a line for each flag."""
    sex = f"{reading.sex} ({reading.sex_source})" if reading.sex is not Sex.UNKNOWN else "sex unknown"
    flags = "".join(f"\n  {_FLAG[flag.severity]}: {flag.sentence}" for flag in reading.flags)
    part = f", {reading.part} part" if reading.part else ""
    return f"{shown(reading.file)}{part}: {_age_text(reading)}, {sex}{flags}"


def _age_text(reading: Reading) -> str:
    if reading.bone_age_months is None:
        return "no bone age, the film was refused"
    years, months = divmod(max(0, round(reading.bone_age_months)), 12)
    forced = ", FORCED though the film was refused" if reading.forced else ""
    ranges = "".join(f", {one.level:.0%} {one.low:.0f} to {one.high:.0f}" for one in reading.intervals or ())
    return f"bone age {reading.bone_age_months:.1f} months ({years} y {months} mo{ranges}){forced}"


def show(result: Reading | Failure, *, as_json: bool, as_text: bool, growth: Growth | None = None) -> None:
    """Print one result: a line of JSON, or a reading as text, each with its growth if there is one.

    Failures are listed at the end instead.
    """
    if as_json:
        print(as_line(result, growth), flush=True)
    elif as_text and isinstance(result, Reading):
        regions = [regions_text(result.regional_ages)] if result.regional_ages else []
        tell("\n".join([reading_text(result), *regions, *([growth_text(growth)] if growth else [])]))


def show_follow_ups(grown: GrowthOfFilms | None, *, as_json: bool) -> None:
    """Print what has changed between the films of each patient: a line of JSON or lines of text."""
    for number, steps in grown.follow_ups() if grown else ():
        if as_json:
            print(follow_up_line(number, steps), flush=True)
        else:
            tell(follow_up_text(number, steps))


def closing(predictor: Predictor, regional: Regional | None = None) -> str:
    """The lines below all readings: what intervals and ages by region mean, and the model."""
    said = [*([MEANING] if predictor.factors else []), *([regional.meaning] if regional else [])]
    return "\n".join([*said, predictor.signature])


def as_line(result: Reading | Failure, growth: Growth | None = None) -> str:
    """One result as a line of JSON, with its growth if there is one; a failure has ``file`` and ``error``."""
    values = result.to_dict() if isinstance(result, Reading) else _failed(result)
    return json.dumps(values | ({"growth": growth.to_dict()} if growth else {}), allow_nan=False)


def _failed(film: Failure) -> dict[str, Any]:
    return {"file": film.file, "error": film.reason}


@contextmanager
def writing(
    path: Path | None, sources: Sequence[Path], films: Sequence[Item], *, growth: bool = False, regions: bool = False
) -> Iterator[Taker]:
    """A context that writes results as rows of a CSV, failures with their reason in the last column.

    ``growth``, ``regions``: whether the table has columns for these too.

    Nothing is written if ``path`` is None. After Ctrl-C the rows so far are kept. A pipe or a device gets each row at
    once.

    Raises:
        CannotWrite: before the first row, if ``path`` cannot be written, or is a source or one of the films.
    """
    if path is None:
        yield lambda film, result, growth: None
        return
    refuse_overwriting([path], [*sources, *(film.path for film in films)])
    stopped: BaseException | None = None
    with _table(path) as file:
        more = (*(regional_output.COLUMNS if regions else ()), *(COLUMNS if growth else ()))
        names = (*_COLUMNS[:-1], *more, _COLUMNS[-1])
        writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
        writer.writeheader()
        try:
            yield lambda film, result, growth: writer.writerow(_row(film, result, growth))
        except (KeyboardInterrupt, BrokenPipeError) as error:
            stopped = error
    if stopped:
        raise stopped


@contextmanager
def output(
    predictor: Predictor,
    films: Sequence[Item],
    sources: Sequence[Path],
    grown: GrowthOfFilms,
    *,
    csv: Path | None,
    heatmap: Path | None,
    as_json: bool,
    regions: bool = False,
) -> Iterator[Drawer]:
    """A context that shows each result, writes it into the table ``csv`` and draws its map, with the child's growth.

    Raises:
        BadConfig, CannotWrite: as `writing` and `drawing`.
    """
    draw = drawing(heatmap, predictor, films, as_text=not as_json)
    with writing(csv, sources, films, growth=grown.wanted, regions=regions) as write:

        def take(film: Item, result: Reading | Failure, explanation: Explanation | None) -> None:
            growth = grown.of(film, result)
            write(film, result, growth)
            show(result, as_json=as_json, as_text=not csv, growth=growth)
            draw(film, result, explanation)

        yield take


def drawing(out: Path | None, predictor: Predictor, films: Sequence[Item], *, as_text: bool) -> Drawer:
    """A function that draws occlusion maps: as the PNG ``out`` for one film, into the folder ``out`` for several.

    Of two hands in a film each gets a picture, with its part in the name. It draws nothing if ``out`` is None.

    Raises:
        BadConfig: for one film, if ``out`` does not end in .png.
        CannotWrite: if a picture would replace a film.
    """
    if out is None:
        return lambda film, result, explanation: None
    if len(films) == 1 and out.suffix.lower() != ".png":
        raise BadConfig(f"{out} should end in .png: that is the format drawn")

    def place(film: Item, part: str | None) -> Path:
        whole = out if len(films) == 1 else out / f"{film.id.replace(os.sep, '_')}.png"
        return whole.with_name(f"{whole.stem}.{part}-part.png") if part else whole

    places = (place(film, part) for film in films for part in (None, *PARTS))
    refuse_overwriting(places, [film.path for film in films])

    def draw(film: Item, result: Reading | Failure, explanation: Explanation | None) -> None:
        if explanation is None or isinstance(result, Failure):
            return
        path = place(film, result.part)
        write_bytes(path, explanation.overlay(predictor.signature))
        if as_text:
            tell(f"  {shown(str(path))} is the heat map{_shares_text(explanation.shares)}")

    return draw


def _shares_text(shares: dict[str, float] | None) -> str:
    return "".join(f", {name} {share:.0%}" for name, share in (shares or {}).items())


def neighbours_text(film: Radiograph, found: Sequence[Neighbour], gallery: Gallery) -> str:
    """The nearest neighbours of a film, a line for each."""
    kind = "SYNTHETIC films" if gallery.is_synthetic else "films"
    lines = [f"{shown(film.source)}: most like these of {len(gallery.samples)} {kind}"]
    lines += [f"  {shown(name)}: {known}, likeness {one.likeness:.2f}" for one in found for name, known in [one.words]]
    left = f"  {gallery.unreadable} films of the gallery could not be read"
    return "\n".join([*lines, *([left] if gallery.unreadable else [])])


@contextmanager
def _table(path: Path) -> Iterator[TextIO]:
    """A text file that takes file names in any encoding: written whole or not at all, or line by line to a stream."""
    with streaming(path) if is_stream(path) else _whole(path) as binary:
        file = io.TextIOWrapper(binary, "utf-8", "backslashreplace", newline="", line_buffering=is_stream(path))
        with file:
            yield file


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    with replacing(path) as temporary, temporary.open("wb") as file:
        yield file


def _row(film: Item, result: Reading | Failure, growth: Growth | None) -> dict[str, object]:
    row = result.to_dict() if isinstance(result, Reading) else _failed(result)
    row = {"id": film.id} | row | (_cells(result) if isinstance(result, Reading) else {})
    row |= cells(growth) if growth else {}
    row.pop("regional_ages", None)
    regional = result.regional_ages if isinstance(result, Reading) else None
    row |= regional_output.cells(regional) if regional else {}
    return {name: harmless(value) for name, value in row.items()}


def _cells(reading: Reading) -> dict[str, str]:
    """The fields that hold several values, each as one cell."""
    return {
        "flags": " ".join(reading.codes),
        "versions": " ".join(f"{name}={version}" for name, version in reading.versions.items()),
        "intervals": " ".join(f"{one.level:g}:{one.low:.1f}-{one.high:.1f}" for one in reading.intervals or ()),
    }


def installation() -> list[str]:
    """Weights, recipes and settings with their defaults, as lines."""
    from ..training.recipes import RECIPES

    lines = [f"weights: {', '.join(sorted(shipped())) or 'none'}", "recipes:"]
    width = max(map(len, RECIPES)) + 2
    lines += [f"  {name:{width}}{' '.join((function.__doc__ or '').split())}" for name, function in RECIPES.items()]
    lines.append("settings (section.field = default):")
    for section, values in Config().to_dict().items():
        if isinstance(values, dict):
            lines += [f"  {section}.{name} = {value}" for name, value in values.items()]
    return [*lines, DISCLAIMER]
