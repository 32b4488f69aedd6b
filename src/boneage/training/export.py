"""A run folder as one ONNX file that carries its own preparation, provenance and hash: all the reader needs."""

from __future__ import annotations

import json
import logging
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
from .quantise import quantised

OPSET = 18


def export(
    runs: Path | Sequence[Path], out: Path, *, quantise: str = "float32", name: str = "", views: int = 0
) -> Path:
    """Write the best weights of a run folder as ``out``; of several, as one network that says their mean.

    ``storage``: of the weights, see `boneage.training.quantise`. ``looks``: how many a reading is averaged over; 0: as
    the run's configuration says. BadModel if a folder is damaged, BadConfig if the runs do not go together.
    """
    folders = [runs] if isinstance(runs, Path) else list(runs)
    if out.suffix != ".onnx":
        raise BadConfig(f"{out} should end in .onnx: that is the format exported")
    with replacing(out) as temporary:  # entered first: a place that takes no file shows before the work
        temporary.write_bytes(exported(folders, quantise=quantise, name=name, views=views))
    return out


def write_model(run: Path) -> None:
    """Export a run folder's weights into the folder itself, as the ``model.onnx`` that a `Predictor` loads."""
    export(run, run / MODEL)


def exported(runs: Sequence[Path], *, quantise: str = "float32", name: str = "", views: int = 0) -> bytes:
    """The bytes of the ONNX file of a run folder or several; raises as `export`."""
    reader, record = together(runs)
    if views:
        record["config"] = override(Config.from_dict(record["config"]), [f"model.views={views}"]).to_dict()
    import onnx

    shape = Config.from_dict(record["config"]).prepare.shape
    inputs = {"films": torch.zeros(2, *shape, dtype=torch.uint8), "sex": torch.zeros(2, 2)}
    if isinstance(reader, Ensemble):
        inputs |= {"quick_films": torch.zeros(3, *shape, dtype=torch.uint8), "quick_sex": torch.zeros(3, 2)}
    model = graph(reader, inputs, reader.outputs, quantise=quantise)
    onnx.helper.set_model_props(model, {METADATA: json.dumps(_metadata(record, name or runs[0].name, quantise))})
    return seal(model)


def annotated(data: bytes, **facts: Any) -> bytes:
    """The bytes of an exported file with more facts about itself, sealed anew."""
    import onnx

    model = onnx.load_model_from_string(data)
    about = next(entry for entry in model.metadata_props if entry.key == METADATA)
    about.value = json.dumps(json.loads(about.value) | facts)
    return seal(model)


def load(run: Path) -> tuple[Single, dict[str, Any]]:
    """The trained network of a run folder, ready to read, and the run record."""
    weights, record = checkpoint.load_weights(run)
    config = configuration(record, run)
    meaning = output(config.train, record["output"]["centre"], record["output"]["scale"])
    network = Network(_untrained(config).model, config.prepare, meaning.outputs)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise BadModel(f"{run} does not fit this program: {str(error).splitlines()[-1].strip()}") from error
    return Single(network.eval(), meaning.months).eval(), record


def together(runs: Sequence[Path]) -> tuple[Single | Ensemble, dict[str, Any]]:
    """The trained networks of several run folders as one, or that of a single one; and its run record."""
    return load(runs[0]) if len(runs) == 1 else _ensemble(runs)


def _ensemble(runs: Sequence[Path]) -> tuple[Ensemble, dict[str, Any]]:
    """The trained networks of several run folders as one, and its record: that of the run of the largest films, with
    ``members`` that say what it is made of. Where one sees the hand and another its joints, both are prepared."""
    loaded = [load(run) for run in runs]
    records = [record for _, record in loaded]
    specs = [Config.from_dict(record["config"]).prepare for record in records]
    leader = records[int(np.argmax([spec.size for spec in specs]))]
    for run, record in zip(runs, records, strict=True):
        if _preparation(record) != _preparation(leader):
            raise BadConfig(f"{run} prepares films otherwise than the other runs: they cannot be read as one")
        if record["data"]["sha256"] != leader["data"]["sha256"]:
            raise BadConfig(f"{run} was trained on another split than the other runs: they cannot be read as one")
    both = len({spec.joints for spec in specs}) == 2
    if both:
        views = ["prepare.joints=true", "prepare.beside=true"]
        leader = leader | {"config": override(Config.from_dict(leader["config"]), views).to_dict()}
    side = leader["config"]["prepare"]["size"]
    members = [
        {"recipe": record["config"]["recipe"], "weights_sha256": record["weights_sha256"], "size": spec.size}
        for record, spec in zip(records, specs, strict=True)
    ]
    own = {"members": members, "weights_sha256": sha256_json(members), "validation_mae": None, "epoch": None}
    sees = [(side if both and spec.joints else 0, spec.size) for spec in specs]
    return Ensemble([reader for reader, _ in loaded], sees).eval(), leader | own


def _preparation(record: dict[str, Any]) -> dict[str, Any]:
    """How a run's films are prepared, but for what is each network's own affair."""
    return {
        name: value
        for name, value in record["config"]["prepare"].items()
        if name in ("fit", "hand", "low", "high", "headroom")
    }


def _untrained(config: Config) -> Config:
    """The same network without fetching the weights it started from."""
    return Config.from_dict(config.to_dict() | {"model": config.to_dict()["model"] | {"pretrained": "none"}})


def graph(network: nn.Module, inputs: dict[str, Tensor], outputs: list[str], *, quantise: str) -> Any:
    """The ONNX model of a network in use; ``inputs``: examples by name, as many films as in use of any number, the
    same number wherever the examples have the same."""
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
    _forget_origins(model.graph)
    quantised(model, quantise)
    return model


def _forget_origins(graph: Any) -> None:
    """The exporter notes for every node which line of whose file made it: nobody's business, and a fortieth of it."""
    for part in (graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of its own dependencies, and logs what is missing of those that no network here uses."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def _metadata(record: dict[str, Any], name: str, quantise: str) -> dict[str, Any]:
    kept = ("config", "data", "start", "members", "weights_sha256", "validation_mae", "epoch", "versions")
    about = {"format": FORMAT, "name": name, "quantise": quantise, "disclaimer": DISCLAIMER}
    return about | {key: record[key] for key in kept if key in record}
