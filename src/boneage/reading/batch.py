"""Many films, one predictor: every file gets a reading or a reason, whatever happens to the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data.dataset import NO_IMAGE, read_table, with_paths
from ..errors import BadConfig, BadTable, BoneAgeError, UnreadableImage
from ..images.folders import films_below
from ..images.read import SUFFIXES, read
from ..types import Failure, Reading, Sex
from .occlusion import Explanation, explain
from .predictor import Predictor


@dataclass(frozen=True)
class Item:
    """One film to read.

    Attributes:
        id: as a table names it, or the file's name without its ending.
        path: None for what cannot be read, which has a ``reason``.
        sex: None for what the file says.
        sex_source: where ``sex`` comes from: ``given`` or ``table``.
    """

    id: str
    path: Path | None
    sex: Sex | None
    sex_source: str = "given"
    reason: str = ""


def items(source: str | Path, sex: Sex | None = None, images: str | Path | None = None) -> list[Item]:
    """List the films of a file, a folder or a table.

    A folder's film has its name without ending as id, or its path in the folder if several have that name.

    Args:
        source: a film, a folder of films and subfolders, or a table of ids.
        sex: of all films; by default what the table says, else what the file says.
        images: the folder of a table's films, by default the table's own.

    Raises:
        UnreadableImage: if a folder has no films.
        BadTable: if a table is wrong, or the folder cannot be listed.
        BadConfig: if ``images`` is given and ``source`` is no table.
    """
    path = Path(source)
    if path.suffix.lower() in {".csv", ".tsv"} and not path.is_dir():
        return _of_table(path, sex, Path(images) if images else None)
    if images:
        raise BadConfig(f"{path} is no table, and only a table's films can be in another folder such as {images}")
    if path.is_dir():
        return _of_folder(path, sex)
    return [Item(_stem(path), path, sex)]


def read_all(predictor: Predictor, films: Sequence[Item], *, force: bool = False) -> Iterator[Reading | Failure]:
    """Read each film, in order: a film that fails stops no other. ``force``: give refused films an age too."""
    return (result for result, _ in read_and_explain(predictor, films, force=force, heatmaps=False))


def read_and_explain(
    predictor: Predictor, films: Sequence[Item], *, force: bool = False, heatmaps: bool = True
) -> Iterator[tuple[Reading | Failure, Explanation | None]]:
    """As `read_all`, each reading with its occlusion map; None for films without an age and without ``heatmaps``.

    A film is decoded and analysed once, and let go before it is yielded: only one is in memory.
    """
    for film in films:
        if film.path is None:
            yield Failure(film.id, film.id, film.reason), None
            continue
        try:
            found = _read(predictor, film, film.path, force=force, heatmap=heatmaps)
        except BoneAgeError as error:
            found = Failure(film.id, str(film.path), str(error)), None
        yield found


def _read(
    predictor: Predictor, film: Item, path: Path, *, force: bool, heatmap: bool
) -> tuple[Reading | Failure, Explanation | None]:
    seen = predictor.examine(read(path))
    reading = predictor.read(seen, film.sex, sex_source=film.sex_source, force=force)
    is_explained = heatmap and reading.bone_age_months is not None
    return reading, explain(predictor, seen, reading.sex) if is_explained else None


def _of_table(path: Path, sex: Sex | None, images: Path | None) -> list[Item]:
    samples = with_paths(read_table(path), path, images)
    if not samples:
        raise BadTable(f"{path} has no rows")
    source = "table" if sex is None else "given"
    return [
        Item(
            s.id,
            s.path,
            sex or (None if s.sex is Sex.UNKNOWN else s.sex),
            source,
            "" if s.path else f"{path}, film {s.id}: {NO_IMAGE} in {images or path.parent}",
        )
        for s in samples
    ]


def _of_folder(path: Path, sex: Sex | None) -> list[Item]:
    """The films of a folder and its subfolders. A subfolder that cannot be listed is an item with the reason."""
    closed: dict[Path, str] = {}
    films = sorted(films_below(path, closed))
    if not films and not closed:
        raise UnreadableImage(f"{path} holds no picture and no DICOM file")
    names = Counter(map(_stem, films))
    return [
        *(
            Item(_stem(film) if names[_stem(film)] == 1 else film.relative_to(path).as_posix(), film, sex)
            for film in films
        ),
        *(Item(place.relative_to(path).as_posix(), None, sex, reason=reason) for place, reason in closed.items()),
    ]


def _stem(film: Path) -> str:
    """Its name without the ending; a name such as 1.2.840.7 has none."""
    return film.stem if film.suffix.lower() in SUFFIXES else film.name
