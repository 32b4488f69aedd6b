"""Commands that make a model: train, export, quantise, calibrate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...errors import BadConfig
from ..options import Data, Images, Settings, chosen, configured, resumed, say, show_folds, tell


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
    folds: Annotated[
        int,
        typer.Option(
            "--folds",
            min=0,
            metavar="N",
            help="train N networks, each without a part of the training films, and evaluate what each reads of it",
        ),
    ] = 0,
) -> None:
    """Train a network on films with known bone ages.

    Ctrl-C saves and exits with 130, SIGTERM and SIGUSR1 with 75: for a scheduler to queue it again with --resume.
    """
    config = resumed(recipe, settings, out / "fold0" if folds else out) if resume else configured(recipe, settings)
    if folds:
        if no_export:
            raise BadConfig("--no-export and --folds exclude each other: the model files read the films left out")
        show_folds(config, folder, out, count=folds, images=images, resume=resume)
        return
    from ...training.train import train

    run = train(config, folder, out, images=images, resume=resume, export=not no_export)
    if run and run["validation_mae"] is not None:
        error, n = run["validation_mae"], run["data"]["validation"]
        tell(f"{out}: MAE {error:.2f} months on {n} validation films, which also chose the stopping point")
    elif run:
        tell(f"{out}: trained, without validation films")


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
    from ...training.export import export

    tell(f"{export(runs, out, quantise=quantise, name=name, views=views)} written")


def quantise(
    model: Annotated[str, typer.Argument(help="a model file or the name of installed weights, of networks with ReLU6")],
    folder: Data,
    out: Annotated[Path, typer.Option(help="a file ending in .onnx")],
    films: Annotated[int, typer.Option(min=1, help="training films on which the numbers are chosen")] = 12,
    split: Annotated[str, typer.Option(help="train, validation, calibration, test, all or auto")] = "train",
    images: Images = None,
) -> None:
    """Write a model that computes in 8 bits, faster on processors with and without VNNI.

    Its intervals are those of MODEL: evaluate says how well they hold, and calibrate makes new ones.
    """
    from ...progress import progress
    from ...reading import weights
    from ...reading.predictor import Predictor
    from ...training.integer import quantise

    path, (dataset, split) = weights.find(model), chosen(Predictor.load(model), folder, images, split)
    with progress(f"choosing integers on {split}", 0, "layers") as tick:
        found = quantise(path, dataset.samples, out, films=films, progress=tick)
    tell(f"{out}: {found['layers']} layers in integers, chosen on {len(found['films'])} films of split {split}")


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
    from ...progress import progress
    from ...reading.predictor import Predictor
    from ...training.calibrate import calibrate

    dataset, split = chosen(Predictor.load(model), folder, images, split)
    with progress(f"calibrating on {split}", 2 * len(dataset.samples), "films") as tick:
        found = calibrate(model, dataset.samples, out, split=split, out_of_fold=out_of_fold, progress=tick)
    tell(f"{out}: intervals from {found['n']['known']} films of split {split}")
    say(dataset.remarks)
