"""Many films, one predictor: every file gets a reading or a reason, whatever happens to the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

from ..data.dataset import Sample, Table, checked_table, tables_in
from ..data.film_paths import not_found, respelt, with_paths
from ..data.pipeline import shared_out
from ..data.workers import Died, cores
from ..errors import BadConfig, BadModel, BadTable, BoneAgeError, UnreadableImage
from ..growth.facts import Facts, of_film
from ..growth.facts_table import of_table
from ..images.folders import films_below, passed_over
from ..images.formats import ending, without_ending
from ..images.guarded import read
from ..progress import Advance
from ..types import Failure, Reading, Sex
from .examination import Examination
from .occlusion import Explanation, explain
from .predictor import Predictor
from .regional import Regional
from .site import Site

FEW = 24  # films: to read them here takes about as long as to start the workers
CHUNK = 4  # films handed to a worker at a time

Outcome = tuple[Reading | Failure, Explanation | None]


@dataclass(frozen=True)
class Item:
    """One film to read.

    Attributes:
        id: as a table names it, or the file's name without its ending.
        path: None for what cannot be read, which has a ``reason``.
        sex: None for what the file says.
        sex_source: where ``sex`` comes from: ``given`` or ``table``.
        data: the bytes of a film that is no file, whose ``id`` is then its name.
        facts: of the child; of a film that was read also those of its header.
    """

    id: str
    path: Path | None
    sex: Sex | None
    sex_source: str = "given"
    reason: str = ""
    data: bytes | None = field(default=None, repr=False)
    facts: Facts = field(default_factory=Facts)


Found = tuple[Item, Reading | Failure, Explanation | None]


@dataclass
class Notes:
    """Sentences for people on how sources were understood.

    Attributes:
        before: what to know before the films are read, such as which columns of a table were taken.
        after: what was passed over.
    """

    before: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


def items(
    source: str | Path, sex: Sex | None = None, images: str | Path | None = None, notes: Notes | None = None
) -> list[Item]:
    """List the films of a file, a folder or a table.

    A folder's film has its name without ending as id, or its path in the folder if several have that name. A table in
    the folder gives its films' sexes: the one that an evaluation would use, or the only one with a column of sexes.

    Args:
        source: a film, a folder of films and subfolders, or a table of ids.
        sex: of all films; by default what the table says, else what the file says.
        images: the folder of a table's films, by default the table's own.
        notes: takes what to tell a person.

    Raises:
        UnreadableImage: if a folder has no films.
        BadTable: if a table is wrong, or the folder cannot be listed.
        BadConfig: if ``images`` is given and ``source`` is no table.
    """
    path, notes = Path(source), Notes() if notes is None else notes
    if path.suffix.lower() in {".csv", ".tsv"} and not path.is_dir():
        return _of_table(path, sex, Path(images) if images else None, notes)
    if images:
        raise BadConfig(f"{path} is no table, and only a table's films can be in another folder such as {images}")
    if path.is_dir():
        return _of_folder(path, sex, notes)
    return [Item(without_ending(path.name), path, sex)]


def read_all(
    predictor: Predictor,
    films: Sequence[Item],
    *,
    hand: str | None = None,
    force: bool = False,
    workers: int | None = None,
) -> Iterator[Reading | Failure]:
    """Read each film, in order: a film that fails stops no other, one of two hands gives two readings.

    Args:
        predictor: what reads them.
        films: to read.
        hand: of two hands in a picture read this one alone, ``L`` or ``R``, as `Predictor.read_each` does.
        force: give refused films an age too.
        workers: see `read_and_explain`.
    """
    each = read_and_explain(predictor, films, hand=hand, force=force, heatmaps=False, workers=workers)
    return (result for _, result, _ in each)


def read_and_explain(
    predictor: Predictor,
    films: Sequence[Item],
    *,
    hand: str | None = None,
    force: bool = False,
    heatmaps: bool = True,
    regional: Regional | None = None,
    progress: Advance | None = None,
    workers: int | None = None,
) -> Iterator[Found]:
    """As `read_all`, each reading with its film and its occlusion map.

    The film comes with the facts of its header, where no other told them. The map is None for what has no age and
    without ``heatmaps``; with ``regional`` a reading has ages by region. A film is decoded and analysed once, and let
    go before it is yielded: only one is in memory. ``progress`` is called after each film.

    Many films are read by processes of one core each, which need no locks and no common steps: by default one for each
    core, and none for so few films that to start them takes longer, nor for maps, which would have to travel with
    their films. ``workers``: how many instead; 1 reads here. A film whose process is killed is a `Failure`.
    """
    count = workers or (cores() if len(films) >= FEW and not heatmaps else 1)
    if count > 1:
        path = regional.path if regional else None
        work = Reader(predictor.path, predictor.weights_sha256, predictor.site, hand, force, heatmaps, path)
        each = shared_out(work, films, _lost, count=count, size=CHUNK)
    else:
        one = partial(read_one, predictor, hand=hand, force=force, heatmaps=heatmaps, regional=regional)
        each = map(one, films)
    for found in each:
        yield from found
        if progress:
            progress()


@dataclass(frozen=True)
class Reader:
    """Reads films in a process of its own, on one core: what is sent to it, in place of a `Predictor`.

    Attributes:
        model: the path of the model.
        weights_sha256: of its weights, which must still be those.
        site: the calibration to read with.
        hand, force, heatmaps: as in `read_and_explain`.
        regional: the path of the model of ages by region.
    """

    model: Path
    weights_sha256: str
    site: Site | None = None
    hand: str | None = None
    force: bool = False
    heatmaps: bool = False
    regional: Path | None = None

    def __call__(self, film: Item) -> list[Found]:
        """What `read_one` gives. Raises BadModel if the model is gone or is another by now."""
        predictor = _loaded(self.model)
        if predictor.weights_sha256 != self.weights_sha256:
            raise BadModel(f"{self.model} has changed since the reading began: its weights are others")
        predictor.site = self.site
        regional = _regional(self.regional) if self.regional else None
        one = partial(read_one, predictor, hand=self.hand, force=self.force, heatmaps=self.heatmaps)
        return one(film, regional=regional)


@cache
def _loaded(model: Path) -> Predictor:
    """The predictor of this process, on one core."""
    return Predictor.load(model, threads=1)


@cache
def _regional(model: Path) -> Regional:
    return Regional.load(model, threads=1)


def read_one(
    predictor: Predictor,
    film: Item,
    *,
    hand: str | None = None,
    force: bool = False,
    heatmaps: bool = False,
    regional: Regional | None = None,
) -> list[Found]:
    """The readings of one film, or the reason why there is none, each as `read_and_explain` gives them."""
    try:
        known, outcomes = _read(predictor, film, hand=hand, force=force, heatmap=heatmaps, regional=regional)
    except BoneAgeError as error:
        return [(film, Failure(film.id, str(film.path or film.id), str(error)), None)]
    return [(known, *outcome) for outcome in outcomes]


def _lost(film: Item, death: Died) -> list[Found]:
    return [(film, Failure(film.id, str(film.path or film.id), f"it could not be read: {death}"), None)]


def _read(
    predictor: Predictor, film: Item, *, hand: str | None, force: bool, heatmap: bool, regional: Regional | None
) -> tuple[Item, list[Outcome]]:
    if film.path is None:
        raise UnreadableImage(film.reason)
    radiograph = read(film.path) if film.data is None else read(film.data, name=film.id)

    def outcome(seen: Examination) -> Outcome:
        reading = predictor.read(seen, film.sex, sex_source=film.sex_source, force=force, regional=regional)
        is_explained = heatmap and reading.bone_age_months is not None
        return reading, explain(predictor, seen, reading.sex) if is_explained else None

    known = replace(film, facts=film.facts.over(of_film(radiograph)))
    return known, [outcome(seen) for seen in predictor.examine_each(radiograph, hand)]


def _of_table(path: Path, sex: Sex | None, images: Path | None, notes: Notes) -> list[Item]:
    table = checked_table(path, labelled=False)
    told, complaints = of_table(table.records)
    closed: dict[Path, str] = {}
    samples = with_paths(table.samples, path, images, closed=closed)
    if not samples:
        raise BadTable(f"{path} has no rows")
    notes.before += [*table.remarks, *respelt(samples, path), *(f"{path}: {one}" for one in complaints)]
    notes.after += closed.values()
    source = "table" if sex is None else "given"
    return [
        Item(
            s.id,
            s.path,
            sex or _known(s),
            source,
            "" if s.path else f"{path}, film {s.id}: {not_found(s, images or path.parent)}",
            facts=facts,
        )
        for s, facts in zip(samples, told, strict=True)
    ]


def _known(sample: Sample) -> Sex | None:
    return None if sample.sex is Sex.UNKNOWN else sample.sex


def _of_folder(path: Path, sex: Sex | None, notes: Notes) -> list[Item]:
    """The films of a folder and its subfolders. A subfolder that cannot be listed is an item with the reason."""
    closed: dict[Path, str] = {}
    passed: Counter[str] = Counter()
    films = sorted(films_below(path, closed, passed))
    if not films and not closed:
        reasons = (f"{path} holds no picture and no DICOM file", passed_over(passed))
        raise UnreadableImage("; ".join(filter(None, reasons)))
    names = Counter(without_ending(film.name) for film in films)
    table = _table_beside(path, notes) if sex is None else None
    sexes: dict[Path, Sex] = {}
    if table:
        passed -= Counter([ending(table.path.name)])
        sexes = _sexes_beside(table, films, notes)
    notes.after += [f"{path}: {sentence}" for sentence in [passed_over(passed)] if sentence]

    def item(film: Path) -> Item:
        name = without_ending(film.name)
        name = name if names[name] == 1 else film.relative_to(path).as_posix()
        return Item(name, film, sexes.get(film, sex), "table" if film in sexes else "given")

    return [
        *map(item, films),
        *(Item(place.relative_to(path).as_posix(), None, sex, reason=reason) for place, reason in closed.items()),
    ]


def _table_beside(folder: Path, notes: Notes) -> Table | None:
    """The table in a folder; None where there is none that can be used, which is noted."""
    tables = tables_in(folder, labelled=False)
    if len(tables) > 1:
        names = ", ".join(table.name for table in tables)
        notes.before.append(f"{folder}: none of the tables {names} is used: name the one to use by its own path")
    if len(tables) != 1:
        return None
    try:
        return checked_table(tables[0], labelled=False)
    except BadTable as error:
        notes.before.append(f"the table in {folder} is not used: {error}")
        return None


def _sexes_beside(table: Table, films: Sequence[Path], notes: Notes) -> dict[Path, Sex]:
    """The sexes of a folder's films as the table in it knows them; notes what was used."""
    samples = [sample for sample in with_paths(table.samples, table.path, films=films) if sample.path]
    sexes = {sample.path: sample.sex for sample in samples if sample.path and _known(sample)}
    lost = len(table.samples) - len(samples)
    use = f"{table.path}: used for the sexes of {len(sexes)} of {len(films)} films" if table.has_sex else ""
    rows = f"{table.path}: no film here for {lost} of its {len(table.samples)} rows" if lost else ""
    notes.before += [*table.remarks, *respelt(samples, table.path), *filter(None, (use, rows))]
    return sexes
