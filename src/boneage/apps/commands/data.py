"""Commands that draw, check and show films: demo, phantom, data check, data sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...types import DISCLAIMER
from ..options import Data, Images, Settings, configured, need, tell


def demo(out: Annotated[Path, typer.Option(help="a new folder")] = Path("boneage-demo")) -> None:
    """Draw synthetic hands, train two small networks on them, evaluate and compare them."""
    need("matplotlib")
    from ..demo import demo

    tell(f"Open {demo(out)} in a browser. {DISCLAIMER}")


def phantom(
    out: Annotated[Path, typer.Argument(help="a new folder")],
    n: Annotated[int, typer.Option("--n", help="how many films")] = 600,
    seed: int = 1,
    size: Annotated[int, typer.Option(help="pixels on a side")] = 256,
) -> None:
    """Draw synthetic hand radiographs with known bone ages, in the layout of the RSNA data."""
    from ...data.phantom import write_folder
    from ...progress import progress

    with progress("drawing hands", n, "films") as advance:
        write_folder(out, n, seed, size=size, on_progress=lambda done, total: advance())
    tell(f"{n} synthetic films in {out}")


def check(
    folder: Path,
    out: Annotated[Path | None, typer.Option(help="write report.json and a contact sheet of conspicuous films")] = None,
    images: Images = None,
) -> None:
    """Check a data folder: its films, labels and duplicates. Exits with 1 if there are errors."""
    from ...data.check import check, lines

    report = check(folder, images=images, out=out)
    tell("\n".join(lines(report)))
    raise typer.Exit(1 if report.errors else 0)


def sheet(
    recipe: Annotated[str, typer.Argument(help="the recipe whose preparation and augmentation are shown")],
    folder: Data,
    out: Annotated[Path, typer.Option(help="a PNG file")] = Path("augmented.png"),
    settings: Settings = None,
    seed: int = 0,
) -> None:
    """Draw films as stored, as prepared for the network, and as augmented in training."""
    from ...training.augmentation_sheet import sheet

    tell(f"{sheet(configured(recipe, settings), folder, out, seed)} written")
