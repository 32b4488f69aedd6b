"""Shared by the commands: options turned into objects, and the report of failures."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ..errors import BadConfig, UnreadableImage, shown
from ..types import DISCLAIMER, Failure, Reading, Sex

if TYPE_CHECKING:
    from ..config import Config
    from ..data.dataset import Dataset
    from ..evaluation.evaluate import Section
    from ..reading.batch import Item, Notes
    from ..reading.predictor import Predictor

REFUSED = 3  # the exit code where a film was refused and none failed
Result = TypeVar("Result")


class Hand(StrEnum):
    """A hand by its side of the body."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def code(self) -> str:
        """As DICOM's laterality has it: ``L`` or ``R``."""
        return self.value[0].upper()


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"boneage {version('boneage')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", callback=_show_version, is_eager=True, help="print the version and exit")
]


def sex_in_words(text: str) -> Sex:
    """The sex of a word on the command line."""
    try:
        return Sex.parse(text) if text.strip() else Sex(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is none of female, male and unknown, nor another word for one") from None


Data = Annotated[Path, typer.Option("--data", help="a data folder, or the path of a table")]
Images = Annotated[Path | None, typer.Option(help="the folder of the table's films, if they are not beside it")]
Model = Annotated[str, typer.Option(help="a run folder, a model file or the name of installed weights")]
SiteFile = Annotated[
    Path | None, typer.Option("--site", help="correct readings by this file of calibrate-site; default: no")
]
Groups = Annotated[list[str] | None, typer.Option("--by", metavar="COLUMN", help="a column of groups; may be repeated")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="change a setting; may be repeated")
]
Sources = Annotated[
    list[Path],
    typer.Argument(metavar="FILE|DIR|TABLE.csv ...", help="films, folders of films, tables; -: standard input"),
]
SexOfAll = Annotated[
    Sex | None,
    typer.Option(
        parser=sex_in_words,
        metavar="SEX",
        help="of all films: female, male, unknown, or another word for it; default: as the table or the file says",
    ),
]
AskedByRegion = Annotated[
    bool, typer.Option("--regions", help="tell ages by region too: carpals, radius and ulna, fingers")
]
HandAskedFor = Annotated[
    Hand | None,
    typer.Option(
        "--hand", help="of two hands in a picture read this one; default: the one that the file names, or both"
    ),
]


def need(package: str) -> None:
    """Raise ModuleNotFoundError before the work begins if a package is not installed."""
    if importlib.util.find_spec(package) is None:
        raise ModuleNotFoundError(name=package)


def configured(recipe_name: str, settings: list[str] | None) -> Config:
    """The configuration of a recipe, with the settings of ``--set``."""
    from ..config import override
    from ..training.recipes import recipe

    return override(recipe(recipe_name), settings or [])


def resumed(recipe_name: str, settings: list[str] | None, run: Path) -> Config:
    """The settings that the run in the folder ``run`` was started with, changed as named; those of the recipe where no
    run has begun."""
    from ..config import Config, override
    from ..training import checkpoint

    if not checkpoint.has_begun(run):
        return configured(recipe_name, settings)
    _, values = checkpoint.load_state(run)
    config = Config.from_dict(values["config"])
    if config.recipe != recipe_name:
        raise BadConfig(f"{run} was started with the recipe {config.recipe}, not {recipe_name}")
    return override(config, settings or [])


def show_folds(config: Config, data: Path, out: Path, **how: Any) -> None:
    """Train in folds, as `boneage.training.cross_validation.train_in_folds`, and tell how well they read."""
    need("matplotlib")
    from ..evaluation.wording import measured
    from ..training.cross_validation import EVALUATION, train_in_folds

    found = train_in_folds(config, data, out, **how)
    if found:
        said = f"out of fold MAE {measured(found['mae'], 'months', 2)}, n = {found['n']}, {how['count']} folds"
        tell(f"{out}: {said}\n{out / EVALUATION / 'report.html'}. {DISCLAIMER}")
        report_failures([f"film {one['id']}: {one['reason']}" for one in found["failures"]], found["n"])


def chosen(predictor: Predictor, folder: Path, images: Path | None, split: str) -> tuple[Dataset, str]:
    """The films of a split and its name, by the model's own record of its training films; doubts are printed."""
    from ..config import Config
    from ..data.dataset import open_folder
    from ..data.split import choose

    config, dataset = Config.from_dict(predictor.about["config"]), open_folder(folder, images)
    say(dataset.doubts)
    return choose(dataset, config.data, split, predictor.about["data"])


def tell(text: str) -> None:
    """Print lines for people: with plain spaces, and what cannot be printed escaped, as in names of files."""
    for line in text.replace("\N{NO-BREAK SPACE}", " ").split("\n"):
        print(shown(line), flush=True)


def groups_by(columns: Sequence[str] | None, predictor: Predictor, dataset: Dataset) -> Section | None:
    """The part of an evaluation's report on groups of films by the columns of ``--by``."""
    if not columns:
        return None
    need("scipy")
    from ..study.fairness import section

    return section(predictor, dataset.samples, dataset.table, columns)


def say(sentences: Sequence[str]) -> None:
    """Tell a person beside the output."""
    for sentence in sentences:
        print(f"boneage: {shown(sentence)}", file=sys.stderr)


def of_table(dataset: Dataset, failures: Sequence[Mapping[str, str]]) -> list[str]:
    """A sentence for each failure, which names the table and the film."""
    return [f"{dataset.table}, film {one['id']}: {one['reason']}" for one in failures]


def asked_for(
    sources: Sequence[Path], sex: Sex | None, images: Path | None, told: Sequence[Any] = ()
) -> tuple[list[Item], Notes]:
    """The films of all sources, each with an id of its own, and what to tell a person about them.

    ``told``: the first fields of `boneage.growth.facts.Facts`, of the children of all films; a table tells the others.

    Where there are several sources, a folder without films is one that cannot be read.
    """
    from ..growth.facts import Facts
    from ..reading.batch import Item, Notes, items

    films, notes = list[Item](), Notes()
    for source in sources:
        try:
            films += [_received(sex)] if str(source) == "-" else items(source, sex, images, notes)
        except UnreadableImage as error:
            if len(sources) == 1:
                raise
            films.append(Item(str(source), None, sex, reason=str(error)))
    known = Counter(film.id for film in films) if len(sources) > 1 else Counter[str]()
    films = [replace(film, facts=Facts(*told).over(film.facts)) for film in films]
    return [replace(film, id=str(film.path or film.id)) if known[film.id] > 1 else film for film in films], notes


def _received(sex: Sex | None) -> Item:
    """The film that comes through standard input."""
    from ..images.pixels import MAX_BYTES
    from ..reading.batch import Item

    return Item("-", Path("-"), sex, data=sys.stdin.buffer.read(MAX_BYTES + 1))


def announced(notes: Notes, results: Iterable[Result]) -> Iterator[Result]:
    """The results, after what to know before the first of them is said."""
    say(notes.before)
    yield from results


def report_failures(reasons: list[str], films: int, remarks: Sequence[str] = ()) -> None:
    """Print the remarks and the reasons to standard error, and exit with code 2 if there are reasons."""
    say([*remarks, *reasons])
    if reasons and films > 1:
        print(f"boneage: {len(reasons)} of {films} films could not be read", file=sys.stderr)
    if reasons:
        raise typer.Exit(2)


def report_outcomes(outcomes: Sequence[Reading | Failure], films: int, remarks: Sequence[str]) -> None:
    """Print the remarks and what failed; exit with code 2 if a film failed, else with 3 if one was refused an age.

    ``films``: how many there were; one of two hands has two outcomes.
    """
    report_failures([one.reason for one in outcomes if isinstance(one, Failure)], films, remarks)
    if any(isinstance(one, Reading) and one.bone_age_months is None for one in outcomes):
        raise typer.Exit(REFUSED)
