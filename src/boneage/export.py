"""A run folder as one ONNX file that carries its own preparation, provenance and hash: all the reader needs."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from . import checkpoint
from .config import Config, override
from .errors import BadConfig, BadModel
from .exported import FORMAT, METADATA, configuration, seal
from .files import replacing
from .losses import output
from .models.head import Network, Reader
from .types import DISCLAIMER

OPSET = 18


def export(run: str | Path, out: str | Path, *, half: bool = False, name: str = "", looks: int = 0) -> Path:
    """Write the best weights of a run folder as ``out``; ``half`` stores them in 16 bits (computed in 32).

    ``looks``: how many a reading is averaged over; 0: as the run's configuration says.
    """
    out = Path(out)
    if out.suffix != ".onnx":
        raise BadConfig(f"{out} should end in .onnx: that is the format exported")
    with replacing(out) as temporary:  # entered first: a place that takes no file shows before the work
        temporary.write_bytes(exported(Path(run), half=half, name=name, looks=looks))
    return out


def exported(run: Path, *, half: bool = False, name: str = "", looks: int = 0) -> bytes:
    """The bytes of the ONNX file of a run folder; BadModel if the folder is damaged."""
    reader, record = load(run)
    if looks:
        record["config"] = override(Config.from_dict(record["config"]), [f"model.looks={looks}"]).to_dict()
    import onnx

    size = record["config"]["prepare"]["size"]
    inputs = {"films": torch.zeros(2, size, size, dtype=torch.uint8), "sex": torch.zeros(2, 2)}
    told = ["months", *(["spread"] if reader.network.spread else []), "features"]
    model = graph(reader, inputs, told, half=half)
    onnx.helper.set_model_props(model, {METADATA: json.dumps(_metadata(record, name or run.name, half))})
    return seal(model)


def annotated(data: bytes, **facts: Any) -> bytes:
    """The bytes of an exported file with more facts about itself, sealed anew."""
    import onnx

    model = onnx.load_model_from_string(data)
    about = next(entry for entry in model.metadata_props if entry.key == METADATA)
    about.value = json.dumps(json.loads(about.value) | facts)
    return seal(model)


def load(run: Path) -> tuple[Reader, dict[str, Any]]:
    """The trained network of a run folder, ready to read, and the run record."""
    weights, record = checkpoint.load_weights(run)
    config = configuration(record, run)
    meaning = output(config.train, record["output"]["centre"], record["output"]["scale"])
    network = Network(_untrained(config).model, config.prepare, meaning.outputs)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise BadModel(f"{run} does not fit this program: {str(error).splitlines()[-1].strip()}") from error
    return Reader(network.eval(), meaning.months, config.model.mirror).eval(), record


def _untrained(config: Config) -> Config:
    """The same network without fetching the weights it started from."""
    return Config.from_dict(config.to_dict() | {"model": config.to_dict()["model"] | {"pretrained": "none"}})


def graph(network: nn.Module, inputs: dict[str, Tensor], outputs: list[str], *, half: bool) -> Any:
    """The ONNX model of a network in use; ``inputs``: examples by name, two films each, of any number in use."""
    import onnx

    batch = torch.export.Dim("batch")
    with _quiet():
        program = torch.onnx.export(
            network,
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes=tuple({0: batch} for _ in inputs),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    model = onnx.load_model_from_string(program.model_proto.SerializeToString())
    _forget_origins(model.graph)
    if half:
        _halve(model)
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


def _halve(model: Any) -> None:
    """Store every larger float32 initialiser as float16 behind a cast, which the runtime folds when it loads."""
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for initializer in model.graph.initializer:
        values = numpy_helper.to_array(initializer)
        if values.dtype != np.float32 or values.size < 64:
            continue
        name = initializer.name
        initializer.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _metadata(record: dict[str, Any], name: str, half: bool) -> dict[str, Any]:
    kept = ("config", "data", "weights_sha256", "validation_mae", "epoch", "versions")
    storage = "float16" if half else "float32"
    return {"format": FORMAT, "name": name, "storage": storage, "disclaimer": DISCLAIMER} | {k: record[k] for k in kept}
