"""The installed weights: this package's own, and those of packages with the entry point ``boneage.weights``."""

from __future__ import annotations

from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from ..errors import BadModel

OWN = Path(__file__).parents[1] / "weights"
DEFAULT = "default"
ELSEWHERE = {"best", "resnet50", "inception_v4", "regions"}  # of the package boneage-weights


def shipped() -> dict[str, Path]:
    """The files of all installed weights, by name."""
    folders = [OWN, *(folder for entry in entry_points(group="boneage.weights") for folder in _folders(entry.module))]
    return {path.stem: path for folder in reversed(folders) for path in sorted(folder.glob("*.onnx"))}


def find(model: str | Path) -> Path:
    """The run folder or the file of a model: of a name's weights, else of a path.

    A name goes before a folder or file that is called the same: ``./default`` is the folder. Raises BadModel, which
    says how to install weights that are not there.
    """
    name = str(model)
    own = OWN / f"{name}.onnx"
    is_own = Path(name).name == name and own.is_file()  # asked first: looking for other packages takes a while
    path = own if is_own else shipped().get(name, Path(name))
    if path.is_dir() or path.is_file():
        return path
    if name in ELSEWHERE:
        raise BadModel(
            f"the weights {model} are in the package boneage-weights, which is not installed: "
            "pip install ./packages/boneage-weights, in boneage's repository"
        )
    known = ", ".join(sorted(shipped()))
    raise BadModel(f"no trained weights: {model} is no run folder, model file or shipped name (known: {known})")


def _folders(module: str) -> list[Path]:
    """Where a module's files lie."""
    spec = find_spec(module)
    return [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
