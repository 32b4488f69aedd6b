"""Commands that measure a model: evaluate, compare, robustness, card, neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ...types import DISCLAIMER
from ..options import Data, Groups, Images, Model, chosen, groups_by, need, of_table, report_failures, say, tell


def evaluate(
    model: Annotated[str, typer.Argument(help="a run folder, a model file or the name of installed weights")],
    folder: Data,
    out: Annotated[Path, typer.Option(help="the folder for metrics.json, predictions.csv, plots and report.html")],
    split: Annotated[str, typer.Option(help="train, validation, calibration, test, all or auto")] = "auto",
    images: Images = None,
    sex_not_given: Annotated[bool, typer.Option("--sex-not-given", help="give the network no sex")] = False,
    by: Groups = None,
) -> None:
    """Evaluate a model on films with known bone ages."""
    need("matplotlib")
    from ...evaluation.evaluate import evaluate
    from ...evaluation.wording import measured
    from ...progress import progress
    from ...reading.predictor import Predictor

    predictor = Predictor.load(model)
    dataset, split = chosen(predictor, folder, images, split)
    context = {"data": dataset.root.name, "table": dataset.table.name}
    about: dict[str, Any] = {"context": context, "section": groups_by(by, predictor, dataset)}
    with progress(f"evaluating on {split}", len(dataset.samples), "films") as tick:
        about |= {"split": split, "sex_not_given": sex_not_given, "progress": tick}
        found = evaluate(predictor, dataset.samples, out, **about)
    tell(f"MAE {measured(found['mae'], 'months', 2)}, n = {found['n']}, split {split}")
    tell(f"{out / 'report.html'}. {DISCLAIMER}")
    report_failures(of_table(dataset, found["failures"]), len(dataset.samples), dataset.remarks)


def compare(
    results: Annotated[
        list[Path],
        typer.Argument(
            help="evaluation folders, or a table of any program: id and prediction; one of them needs label, too"
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="the folder for comparison.json, plots and report.html")],
) -> None:
    """Compare models by paired differences on the films that all of them have read."""
    need("matplotlib")
    from ...evaluation.compare import compare, left_out, verdicts

    found = compare(results, out)
    tell("\n".join(verdicts(found)))
    tell(f"{out / 'report.html'}. {DISCLAIMER}")
    say(left_out(found))


def robustness(
    model: Annotated[str, typer.Argument(help="a run folder, a model file or the name of installed weights")],
    folder: Data,
    out: Annotated[Path, typer.Option(help="the folder for robustness.json, robustness.csv, the plot and report.html")],
    split: Annotated[str, typer.Option(help="train, validation, calibration, test, all or auto")] = "auto",
    limit: Annotated[int, typer.Option(min=0, help="use this many films, evenly spaced; 0: all")] = 0,
    images: Images = None,
) -> None:
    """Measure how far readings move when films are turned, mirrored, inverted, stretched and degraded."""
    need("matplotlib")
    from ...evaluation.robustness import robustness
    from ...progress import progress
    from ...reading.predictor import Predictor

    predictor = Predictor.load(model)
    dataset, split = chosen(predictor, folder, images, split)
    films = dataset.samples[:: max(1, len(dataset.samples) // limit)][:limit] if limit else dataset.samples
    with progress(f"robustness on {split}", len(films), "films") as advance:
        found = robustness(predictor, films, out, split=split, progress=advance)
    worst = max(found["changes"], key=lambda row: row["mae_change"]["value"])
    name = f"{worst['kind']} {worst['strength']}".strip()
    tell(
        f"{found['n']} films; the largest increase of the MAE is by {name}: {worst['mae_change']['value']:+.2f} months"
    )
    tell(f"{out / 'report.html'}. {DISCLAIMER}")
    report_failures(of_table(dataset, found["failures"]), len(films), dataset.remarks)


def card(
    model: Annotated[str, typer.Argument(help="a run folder, a model file or the name of installed weights")],
    evaluation: Annotated[Path, typer.Option(help="the folder of its evaluation")],
    out: Annotated[Path, typer.Option(help="the folder for NAME.md and NAME.json")],
    unknown: Annotated[Path | None, typer.Option(help="the folder of its evaluation with --sex-not-given")] = None,
    robustness: Annotated[
        Path | None, typer.Option("--robustness", help="the folder that boneage robustness wrote")
    ] = None,
    atlas: Annotated[
        str | None,
        typer.Option(metavar="URL", help="also write it for RSNA's ATLAS; URL: of the model's source"),
    ] = None,
) -> None:
    """Write a model card from a model's evaluation."""
    from ...evaluation import atlas_card
    from ...evaluation.model_card import card, load, write
    from ...reading.predictor import Predictor

    others = (
        load(unknown, "metrics.json") if unknown else None,
        load(robustness, "robustness.json") if robustness else None,
    )
    values = card(Predictor.load(model), load(evaluation, "metrics.json"), *others)
    written = [*write(values, out), *([atlas_card.write(values, atlas, out)] if atlas else [])]
    tell(" and ".join(map(str, written)))


def neighbours(
    film: Annotated[Path, typer.Argument(metavar="FILE", help="a film")],
    gallery: Annotated[Path, typer.Option(help="a data folder: films with known bone ages, and their table")],
    model: Model = "default",
    k: Annotated[int, typer.Option("--k", min=1, help="how many films")] = 6,
    out: Annotated[Path | None, typer.Option(help="draw them into a .png or .html file")] = None,
    images: Images = None,
) -> None:
    """Find the films of a data folder that are most like a film, with their known bone ages."""
    from ...evaluation.neighbours import check_place, neighbours, open_gallery, write
    from ...images.guarded import read
    from ...progress import progress
    from ...reading.predictor import Predictor
    from ..render import neighbours_text

    if out:
        check_place(out, film, gallery)
    predictor, radiograph = Predictor.load(model), read(film)
    with progress("reading the gallery", 0, "films") as advance:
        known = open_gallery(predictor, gallery, images, advance)
    found = neighbours(predictor, radiograph, known, k)
    tell(neighbours_text(radiograph, found, known))
    if out:
        tell(f"{write(out, radiograph, found, predictor)} written")
    tell(predictor.signature)
    say(known.remarks)
