"""The command line: each command parses its options, calls one function and prints the result."""

from __future__ import annotations

import io
import json
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ..files import is_standard_output
from ..types import DISCLAIMER
from .mistakes import mistakes_told
from .options import (
    Data,
    HandAskedFor,
    Images,
    Model,
    Settings,
    SexOfAll,
    Sources,
    Version,
    announced,
    asked_for,
    chosen,
    configured,
    need,
    of_table,
    plain,
    report_failures,
    report_outcomes,
    resumed,
    say,
)

app = typer.Typer(
    help=f"Bone age in months from hand radiographs. {DISCLAIMER}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data = typer.Typer(help="Check and show a data folder.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data, name="data")


@app.callback()
def program(version: Version = False) -> None:
    """What the program is asked before its commands."""


@app.command()
def demo(out: Annotated[Path, typer.Option(help="a new folder")] = Path("boneage-demo")) -> None:
    """Draw synthetic hands, train two small networks on them, evaluate and compare them."""
    need("matplotlib")
    from .demo import demo

    print(f"Open {demo(out)} in a browser. {DISCLAIMER}")


@app.command()
def phantom(
    out: Annotated[Path, typer.Argument(help="a new folder")],
    n: Annotated[int, typer.Option("--n", help="how many films")] = 600,
    seed: int = 1,
    size: Annotated[int, typer.Option(help="pixels on a side")] = 256,
) -> None:
    """Draw synthetic hand radiographs with known bone ages, in the layout of the RSNA data."""
    from ..data.phantom import write_folder
    from ..progress import progress

    with progress("drawing hands", n, "films") as advance:
        write_folder(out, n, seed, size=size, on_progress=lambda done, total: advance())
    print(f"{n} synthetic films in {out}")


@data.command()
def check(
    folder: Path,
    out: Annotated[Path | None, typer.Option(help="write report.json and a contact sheet of conspicuous films")] = None,
    images: Images = None,
) -> None:
    """Check a data folder: its films, labels and duplicates. Exits with 1 if there are errors."""
    from ..data.check import check, lines

    report = check(folder, images=images, out=out)
    print("\n".join(lines(report)))
    raise typer.Exit(1 if report.errors else 0)


@data.command()
def sheet(
    recipe: Annotated[str, typer.Argument(help="the recipe whose preparation and augmentation are shown")],
    folder: Data,
    out: Annotated[Path, typer.Option(help="a PNG file")] = Path("augmented.png"),
    settings: Settings = None,
    seed: int = 0,
) -> None:
    """Draw films as stored, as prepared for the network, and as augmented in training."""
    from ..training.augmentation_sheet import sheet

    print(f"{sheet(configured(recipe, settings), folder, out, seed)} written")


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="quick, resnet50, inception_v4, … ('boneage info' lists them)")],
    folder: Data,
    out: Annotated[Path, typer.Option(help="the run folder")],
    settings: Settings = None,
    images: Images = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="continue the run at --out with its own settings; --set train.epochs=N: for more epochs"
        ),
    ] = False,
    no_export: Annotated[
        bool, typer.Option("--no-export", help="do not write model.onnx, which needs onnxscript")
    ] = False,
) -> None:
    """Train a network on films with known bone ages."""
    config = resumed(recipe, settings, out) if resume else configured(recipe, settings)
    from ..training.train import train

    run = train(config, folder, out, images=images, resume=resume, export=not no_export)
    if run and run["validation_mae"] is not None:
        error, n = run["validation_mae"], run["data"]["validation"]
        print(f"{out}: MAE {error:.2f} months on {n} validation films, which also chose the stopping point")
    elif run:
        print(f"{out}: trained, without validation films")


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="a run folder, a model file or the name of installed weights")],
    folder: Data,
    out: Annotated[Path, typer.Option(help="the folder for metrics.json, predictions.csv, plots and report.html")],
    split: Annotated[str, typer.Option(help="train, validation, calibration, test, all or auto")] = "auto",
    images: Images = None,
    sex_not_given: Annotated[bool, typer.Option("--sex-not-given", help="give the network no sex")] = False,
) -> None:
    """Evaluate a model on films with known bone ages."""
    need("matplotlib")
    from ..evaluation.evaluate import evaluate
    from ..evaluation.wording import measured
    from ..progress import progress
    from ..reading.predictor import Predictor

    predictor = Predictor.load(model)
    dataset, split = chosen(predictor, folder, images, split)
    context = {"data": dataset.root.name, "table": dataset.table.name}
    with progress(f"evaluating on {split}", len(dataset.samples), "films") as tick:
        found = evaluate(
            predictor, dataset.samples, out, split=split, sex_not_given=sex_not_given, progress=tick, context=context
        )
    print(plain(f"MAE {measured(found['mae'], 'months', 2)}, n = {found['n']}, split {split}"))
    print(f"{out / 'report.html'}. {DISCLAIMER}")
    report_failures(of_table(dataset, found["failures"]), len(dataset.samples), dataset.remarks)


@app.command()
def compare(
    results: Annotated[list[Path], typer.Argument(help="evaluation folders, or a predictions.csv of any program")],
    out: Annotated[Path, typer.Option("--out", help="the folder for comparison.json, plots and report.html")],
) -> None:
    """Compare models by paired differences on the films that all of them have read."""
    need("matplotlib")
    from ..evaluation.compare import compare, verdicts

    print(plain("\n".join(verdicts(compare(results, out)))))
    print(f"{out / 'report.html'}. {DISCLAIMER}")


@app.command()
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
    from ..evaluation.robustness import robustness
    from ..progress import progress
    from ..reading.predictor import Predictor

    predictor = Predictor.load(model)
    dataset, split = chosen(predictor, folder, images, split)
    films = dataset.samples[:: max(1, len(dataset.samples) // limit)][:limit] if limit else dataset.samples
    with progress(f"robustness on {split}", len(films), "films") as advance:
        found = robustness(predictor, films, out, split=split, progress=advance)
    worst = max(found["changes"], key=lambda row: row["mae_change"]["value"])
    name = f"{worst['kind']} {worst['strength']}".strip()
    print(
        f"{found['n']} films; the largest increase of the MAE is by {name}: {worst['mae_change']['value']:+.2f} months"
    )
    print(f"{out / 'report.html'}. {DISCLAIMER}")
    report_failures(of_table(dataset, found["failures"]), len(films), dataset.remarks)


@app.command()
def card(
    model: Annotated[str, typer.Argument(help="a run folder, a model file or the name of installed weights")],
    evaluation: Annotated[Path, typer.Option(help="the folder of its evaluation")],
    out: Annotated[Path, typer.Option(help="the folder for NAME.md and NAME.json")],
    unknown: Annotated[Path | None, typer.Option(help="the folder of its evaluation with --sex-not-given")] = None,
    robustness: Annotated[
        Path | None, typer.Option("--robustness", help="the folder that boneage robustness wrote")
    ] = None,
) -> None:
    """Write a model card from a model's evaluation."""
    from ..evaluation.model_card import card, load, write
    from ..reading.predictor import Predictor

    others = (
        load(unknown, "metrics.json") if unknown else None,
        load(robustness, "robustness.json") if robustness else None,
    )
    values = card(Predictor.load(model), load(evaluation, "metrics.json"), *others)
    print(" and ".join(map(str, write(values, out))))


@app.command()
def predict(
    sources: Sources,
    model: Model = "default",
    sex: SexOfAll = None,
    as_json: Annotated[bool, typer.Option("--json", help="print a line of JSON for each film")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="OUT", help="write a table of readings")] = None,
    images: Images = None,
    hand: HandAskedFor = None,
    force: Annotated[bool, typer.Option("--force", help="give an age to refused films too, marked as forced")] = False,
    heatmap: Annotated[
        Path | None, typer.Option(help="draw occlusion maps: a PNG, or a folder for several films")
    ] = None,
) -> None:
    """Read the bone age of films. A quality check refuses films that do not show a whole hand.

    Of a picture of two hands each is read.

    It exits with 0 if every film has an age, with 3 if a film was refused, and with 2 if one could not be read.
    """
    from ..progress import progress
    from ..reading.batch import read_and_explain
    from ..reading.predictor import Predictor
    from .render import closing, drawing, show, writing

    films, notes = asked_for(sources, sex, images)
    predictor = Predictor.load(model)
    draw, outcomes = drawing(heatmap, predictor, films, as_text=not as_json), []
    quiet = len(films) == 1 or not csv
    with writing(csv, sources, films) as write, progress("reading", len(films), "films", quiet=quiet) as advance:
        side = hand and hand.code
        found = read_and_explain(predictor, films, hand=side, force=force, heatmaps=bool(heatmap), progress=advance)
        for film, result, explanation in announced(notes, found):
            write(film, result)
            show(result, as_json=as_json, as_text=not csv)
            draw(film, result, explanation)
            outcomes.append(result)
    if not as_json and not (csv and is_standard_output(csv)):
        print(closing(predictor))
    report_outcomes(outcomes, len(films), notes.after)


@app.command()
def neighbours(
    film: Annotated[Path, typer.Argument(metavar="FILE", help="a film")],
    gallery: Annotated[Path, typer.Option(help="a data folder: films with known bone ages, and their table")],
    model: Model = "default",
    k: Annotated[int, typer.Option("--k", min=1, help="how many films")] = 6,
    out: Annotated[Path | None, typer.Option(help="draw them into a .png or .html file")] = None,
    images: Images = None,
) -> None:
    """Find the films of a data folder that are most like a film, with their known bone ages."""
    from ..evaluation.neighbours import check_place, neighbours, open_gallery, write
    from ..images.read import read
    from ..progress import progress
    from ..reading.predictor import Predictor
    from .render import neighbours_text

    if out:
        check_place(out, film, gallery)
    predictor, radiograph = Predictor.load(model), read(film)
    with progress("reading the gallery", 0, "films") as advance:
        known = open_gallery(predictor, gallery, images, advance)
    found = neighbours(predictor, radiograph, known, k)
    print(neighbours_text(radiograph, found, known))
    if out:
        print(f"{write(out, radiograph, found, predictor)} written")
    print(predictor.signature)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="the address to listen on; others than this computer's need a token")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free")] = 8000,
    model: Model = "default",
    record: Annotated[str | None, typer.Option(metavar="FILE|URL", help="keep readings; default: no")] = None,
    record_key: Annotated[Path | None, typer.Option(help="key of the patients' hashes; default: FILE.key")] = None,
    keep_films: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="with --record: keep the films too, pixels only; default: no"),
    ] = None,
    token_file: Annotated[Path | None, typer.Option(help="what callers must send; made if it is not there")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="a certificate, PEM")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="its key, PEM")] = None,
    root_path: Annotated[str, typer.Option(metavar="PATH", help="what a proxy puts before every address")] = "",
    plain_http: Annotated[bool, typer.Option("--plain-http", help="beyond this computer without TLS")] = False,
) -> None:
    """Open the reading room: a page and a service on this computer."""
    from ..clinic.film_store import FilmStore
    from ..clinic.record import Record
    from ..reading.occlusion import over_film
    from ..reading.predictor import Predictor
    from .web.access import token_for
    from .web.app import create_app
    from .web.server import serve

    token = token_for(host, token_file, encrypted=bool(tls_cert and tls_key), plain=plain_http)
    films = FilmStore.open(keep_films, recorded=bool(record)) if keep_films else None
    opened = Record.open(record, record_key) if record else None
    predictor = Predictor.load(model, threads=1)
    web = create_app(
        predictor, record=opened, films=films, explain=partial(over_film, predictor), token=token, root_path=root_path
    )
    serve(web, host, port, tls_cert=tls_cert, tls_key=tls_key)


@app.command()
def export(
    runs: Annotated[list[Path], typer.Argument(help="a run folder; several become an ensemble, whose mean is read")],
    out: Annotated[Path, typer.Option(help="a file ending in .onnx")],
    quantise: Annotated[str, typer.Option(help="the weights' format: float32, float16 or int8")] = "float32",
    name: Annotated[
        str, typer.Option(help="the model's name in readings; default: the name of the first run folder")
    ] = "",
    views: Annotated[
        int, typer.Option(min=0, help="test-time augmentation: views to average over; 0: as configured in the run")
    ] = 0,
) -> None:
    """Write a trained network, or an ensemble of several, as one self-contained ONNX file."""
    from ..training.export import export

    print(f"{export(runs, out, quantise=quantise, name=name, views=views)} written")


@app.command()
def calibrate(
    model: Annotated[Path, typer.Argument(help="a model file")],
    folder: Data,
    out: Annotated[Path, typer.Option(help="a file ending in .onnx; may be MODEL itself")],
    split: Annotated[str, typer.Option(help="train, validation, calibration, test, all or auto")] = "calibration",
    out_of_fold: Annotated[
        Path | None, typer.Option(help="a table of training films, each read by networks that were not trained on it")
    ] = None,
    images: Images = None,
) -> None:
    """Calibrate a model's prediction intervals on films that it was not trained on."""
    from ..progress import progress
    from ..reading.predictor import Predictor
    from ..training.calibrate import calibrate

    dataset, split = chosen(Predictor.load(model), folder, images, split)
    with progress(f"calibrating on {split}", 2 * len(dataset.samples), "films") as tick:
        found = calibrate(model, dataset.samples, out, split=split, out_of_fold=out_of_fold, progress=tick)
    print(f"{out}: intervals from {found['n']['known']} films of split {split}")
    say(dataset.remarks)


@app.command()
def info(model: Annotated[str | None, typer.Argument(help="a model; default: list what is installed")] = None) -> None:
    """Describe a model, or list weights, recipes and settings."""
    from ..reading.predictor import Predictor
    from .render import installation

    print(json.dumps(Predictor.load(model).about, indent=2) if model else "\n".join(installation()))


def main() -> None:
    """Run the program. A user's mistake gives one sentence on standard error and exit code 2."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may be in any encoding
    with mistakes_told():
        app(prog_name="boneage")


if __name__ == "__main__":
    main()
