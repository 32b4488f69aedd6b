"""One run folder, or several, as one ONNX file with its preparation, its origin and its own hash."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..config import Config, override
from ..errors import BadConfig, BadModel
from ..files import replacing, sha256_json
from ..model_file import FORMAT, METADATA, configuration, seal
from ..models.ensemble import Ensemble, Single
from ..models.head import Network
from ..run_folder import MODEL
from ..types import DISCLAIMER
from . import checkpoint
from .losses import output
from .quantise import quantise_weights

OPSET = 18


def export(
    runs: Path | Sequence[Path], out: Path, *, quantise: str = "float32", name: str = "", views: int = 0
) -> Path:
    """Write the best weights of a run folder as an ONNX file; those of several as one network, their ensemble.

    Args:
        runs: the run folders. The first one's expected error and quick prediction are the ensemble's.
        out: a file ending in ``.onnx``.
        quantise: how the weights are stored: ``float32``, ``float16`` or ``int8``.
        name: what the model is called; by default as the first folder.
        views: how many views a reading is averaged over (test-time augmentation); 0: as the run's configuration says.

    Returns:
        ``out``.

    Raises:
        BadModel: a folder is no run folder, or damaged.
        BadConfig: the runs cannot be combined, or an argument is not one of those above.
        CannotWrite: the file cannot be written.
    """
    folders = [runs] if isinstance(runs, Path) else list(runs)
    if out.suffix != ".onnx":
        raise BadConfig(f"{out} should end in .onnx: that is the format exported")
    with replacing(out) as temporary:  # entered first, so that a place that cannot be written is refused at once
        temporary.write_bytes(model_bytes(folders, quantise=quantise, name=name, views=views))
    return out


def write_model(run: Path) -> None:
    """Export a run folder's weights into the folder itself, as the ``model.onnx`` that `boneage.Predictor` loads.

    Where a package is missing that this needs, such as onnxscript, it prints to standard error how to do it later: the
    weights are there, and a training that took hours has not failed.
    """
    try:
        export(run, run / MODEL)
    except ModuleNotFoundError as error:
        how = f"where boneage[train] is installed: boneage export {run} --out {run / MODEL}"
        print(f"boneage: {run} has no {MODEL} yet, as {error.name} is not installed; {how}", file=sys.stderr)


def model_bytes(runs: Sequence[Path], *, quantise: str = "float32", name: str = "", views: int = 0) -> bytes:
    """The content of the file that `export` writes; the same arguments and errors."""
    reader, run = combined(runs)
    if views:
        run["config"] = override(Config.from_dict(run["config"]), [f"model.views={views}"]).to_dict()
    shape = Config.from_dict(run["config"]).prepare.shape
    # Examples only: the numbers of films stay open. Two and three differ, so that they stay open separately.
    inputs = {"films": torch.zeros(2, *shape, dtype=torch.uint8), "sex": torch.zeros(2, 2)}
    if isinstance(reader, Ensemble):
        inputs |= {"quick_films": torch.zeros(3, *shape, dtype=torch.uint8), "quick_sex": torch.zeros(3, 2)}
    model = graph(reader, inputs, reader.outputs, quantise=quantise)
    return described(model, run, name or runs[0].name, quantise)


def described(model: Any, run: dict[str, Any], name: str, quantise: str) -> bytes:
    """The content of a model file of an ONNX model: with its description of itself, and its hash.

    Args:
        model: as from `graph`.
        run: the content of ``run.json``.
        name: what the model is called.
        quantise: how its weights are stored.
    """
    import onnx

    kept = ("config", "schedule", "data", "start", "members", "weights_sha256", "validation_mae", "epoch", "versions")
    about = {"format": FORMAT, "name": name, "quantise": quantise, "disclaimer": DISCLAIMER}
    about |= {key: run[key] for key in kept if key in run}
    onnx.helper.set_model_props(model, {METADATA: json.dumps(about)})
    return seal(model)


def with_facts(data: bytes, **facts: Any) -> bytes:
    """The content of a model file with more entries in its description, under a new hash."""
    import onnx

    model = onnx.load_model_from_string(data)
    about = next(entry for entry in model.metadata_props if entry.key == METADATA)
    about.value = json.dumps(json.loads(about.value) | facts)
    return seal(model)


def combined(runs: Sequence[Path]) -> tuple[Single | Ensemble, dict[str, Any]]:
    """The trained network of a run folder, or the ensemble of several, and the content of ``run.json`` for it."""
    return load(runs[0]) if len(runs) == 1 else _ensemble(runs)


def load(folder: Path) -> tuple[Single, dict[str, Any]]:
    """The trained network of a run folder, in evaluation mode, and the content of its ``run.json``."""
    weights, run = checkpoint.load_weights(folder)
    config = configuration(run, folder)
    meaning = output(config.train, run["output"]["centre"], run["output"]["scale"])
    network = Network(_not_pretrained(config).model, config.prepare, meaning.outputs)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise BadModel(f"{folder} does not fit this program: its weights are of another network") from error
    return Single(network.eval(), meaning.months).eval(), run


def _ensemble(folders: Sequence[Path]) -> tuple[Ensemble, dict[str, Any]]:
    """The networks of several run folders as one, and what ``run.json`` would say of it.

    That is the content of the run with the largest films, with ``members`` for the networks it consists of. If some
    networks see the hand and others its joints, a film is prepared as both, side by side (``prepare.beside``).
    """
    loaded = [load(folder) for folder in folders]
    runs = [run for _, run in loaded]
    specs = [Config.from_dict(run["config"]).prepare for run in runs]
    largest = runs[int(np.argmax([spec.size for spec in specs]))]
    for folder, run in zip(folders, runs, strict=True):
        if _preparation(run) != _preparation(largest):
            raise BadConfig(f"{folder} prepares films otherwise than the other runs: they cannot be read as one")
        if run["data"]["sha256"] != largest["data"]["sha256"]:
            raise BadConfig(f"{folder} was trained on another split than the other runs: they cannot be read as one")
    sees_both = len({spec.joints for spec in specs}) == 2
    if sees_both:
        settings = ["prepare.joints=true", "prepare.beside=true"]
        largest = largest | {"config": override(Config.from_dict(largest["config"]), settings).to_dict()}
    side = largest["config"]["prepare"]["size"]
    members = [
        {"recipe": run["config"]["recipe"], "weights_sha256": run["weights_sha256"], "size": spec.size}
        for run, spec in zip(runs, specs, strict=True)
    ]
    own = {"members": members, "weights_sha256": sha256_json(members), "validation_mae": None, "epoch": None}
    squares = [(side if sees_both and spec.joints else 0, spec.size) for spec in specs]  # first column and side
    return Ensemble([reader for reader, _ in loaded], squares).eval(), largest | own


def _preparation(run: dict[str, Any]) -> dict[str, Any]:
    """The settings of preparation that the members of an ensemble must share.

    The others concern one network each: it scales the pixels to its size, and normalises them itself.
    """
    shared = ("fit", "hand", "low", "high", "headroom")
    return {name: value for name, value in run["config"]["prepare"].items() if name in shared}


def _not_pretrained(config: Config) -> Config:
    """The same network without loading the weights that its training began with."""
    return Config.from_dict(config.to_dict() | {"model": config.to_dict()["model"] | {"pretrained": "none"}})


def graph(network: nn.Module, inputs: dict[str, Tensor], outputs: list[str], *, quantise: str) -> Any:
    """The ONNX model of a network.

    Args:
        network: in evaluation mode.
        inputs: an example of each input by name. The first dimension stays open in the model; inputs whose examples
            have the same first dimension must agree in it.
        outputs: the outputs' names.
        quantise: see `boneage.training.quantise`.
    """
    import onnx

    batches = {count: torch.export.Dim(f"batch{count}") for count in {len(example) for example in inputs.values()}}
    with _quiet():
        program = torch.onnx.export(
            network,
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=tuple({0: batches[len(example)]} for example in inputs.values()),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = onnx.load_model_from_string(program.model_proto.SerializeToString())
    _remove_notes(model.graph)
    quantise_weights(model, quantise)
    return model


def _remove_notes(graph: Any) -> None:
    """Remove what the exporter notes for every node: which line of which file it comes from, a fortieth of the size;
    and the shapes in between, which ONNX Runtime finds by itself."""
    del graph.value_info[:]
    for part in (graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter: it warns about its own dependencies, and about missing ones that no network here needs."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
