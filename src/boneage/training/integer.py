"""A model file that computes in integers: twice as fast on one core, on processors with and without VNNI.

The convolutions of its trunks take bytes and weights of 8 bits; what comes before the first of them without activation,
and the heads, stay in float32. Weights, biases and ranges are chosen on training films, layer by layer: the same films
go through the network as it was and as it becomes, and each layer sees what those before it have made of them. A bias
takes up what its layer's output has lost on average (Nagel et al., arXiv:1906.04721). No label is used.

boneage quantise MODEL --data DIR --out FILE.onnx
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx.reference import ReferenceEvaluator
from torch import Tensor
from torch.nn import functional

from .. import model_file
from ..data.dataset import Sample
from ..data.pipeline import attempt, prepared
from ..errors import BadConfig, BadModel, BadTable
from ..files import replacing, sha256, sha256_json
from ..model_file import METADATA, seal
from ..progress import Advance
from ..reading.predictor import Predictor
from ..types import Failure
from .integer_graph import joined, keep, replace_trunks
from .quantise import quantise_weights
from .rounding import rounded, scales, span, within_pairs
from .trunk import Layer, Trunk, trunks_of

FILMS = 12
PLACES = 20_000  # of a feature map that a covariance is taken from
LARGEST_BIAS = 2.0**29  # in units of what it is added to, which has 32 bits
VALUES = 50_000  # of a feature map that a range is taken from


@dataclass(frozen=True)
class Whole:
    """A layer in integers: what takes the place of its float32 numbers.

    Attributes:
        weights: int8, in the shape of the layer's; None for a sum.
        steps: float32 [O], the value of one step of the weights of each output.
        bias: float32 [O].
        low, high: what the bytes 0 and 255 of its output stand for.
    """

    low: float
    high: float
    weights: np.ndarray | None = None
    steps: np.ndarray | None = None
    bias: np.ndarray | None = None

    @property
    def step(self) -> np.float32:
        """The value of one step of the output."""
        return np.float32((self.high - self.low) / 255)

    @property
    def zero(self) -> np.uint8:
        """The byte that stands for 0."""
        return np.uint8(np.clip(np.rint(-self.low / self.step), 0, 255))

    def as_bytes(self, values: Tensor) -> Tensor:
        """Values as its bytes keep them."""
        step, zero = float(self.step), float(self.zero)
        return (torch.clamp(torch.round(values / step) + zero, 0, 255) - zero) * step


def quantise(
    model: Path, samples: Sequence[Sample], out: Path, *, films: int = FILMS, progress: Advance | None = None
) -> dict[str, Any]:
    """Write a model file that reads as another does, in integers.

    Its intervals stay as they are: how well they still hold, an evaluation says.

    Args:
        model: a model file whose networks have ReLU6.
        samples: training films, of which ``films`` are drawn.
        out: the file to write.
        films: how many films the numbers are chosen on.
        progress: called after each layer.

    Returns:
        The entry ``integer`` of the file's description: the hash of the weights that it was made of, the films, and how
        many layers are in integers.

    Raises:
        BadModel: the file is damaged, or in integers already.
        BadConfig: its networks are of another kind.
        BadTable: not so many films can be read.
        CannotWrite: ``out`` cannot be written.
    """
    data = model_file.verified(model)
    predictor = Predictor(data, model)
    if "integer" in predictor.about:
        raise BadModel(f"{model} computes in integers already")
    with replacing(out) as temporary, torch.inference_mode():
        pixels, names = _films(predictor, samples, films)
        plain = onnx.load_model_from_string(model_file.folded(data))
        trunks = trunks_of(plain)
        if not trunks:
            raise BadConfig(f"{model} cannot compute in integers: only networks with ReLU6 can")
        found: dict[str, Whole] = {}
        once = [trunk for trunk in trunks if not trunk.is_quick]
        for trunk, squares in zip(once, _squares(plain, once, pixels), strict=True):
            found |= _whole(trunk, squares, progress)
        how = {
            "of": predictor.weights_sha256,
            "films": names,
            "layers": sum(one.steps is not None for one in found.values()),
        }
        temporary.write_bytes(_written(plain, trunks, found, predictor.about | {"integer": how}))
    return how


def _films(predictor: Predictor, samples: Sequence[Sample], count: int) -> tuple[np.ndarray, list[str]]:
    """Prepared films uint8 [N, H, W], and their ids."""
    pixels, names, drawn = list[np.ndarray](), list[str](), list(samples)
    random.Random(0).shuffle(drawn)
    for sample in drawn:
        if len(names) == count:
            break
        film = attempt(lambda one: prepared(one, predictor.spec), sample)
        if not isinstance(film, Failure):
            pixels.append(film.pixels)
            names.append(sample.id)
    if len(names) < count:
        raise BadTable(f"{len(names)} films can be read, of {count} that are needed")
    return np.stack(pixels), names


def _squares(plain: Any, trunks: Sequence[Trunk], films: np.ndarray) -> list[Tensor]:
    """What each trunk sees of the films, float32 [N, 1, S, S]."""
    model, names = deepcopy(plain), [trunk.input for trunk in trunks]
    keep(model, names)
    model.graph.ClearField("output")
    model.graph.output.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names)
    return [torch.from_numpy(seen) for seen in ReferenceEvaluator(model).run(names, {"films": films})]


def _whole(trunk: Trunk, films: Tensor, progress: Advance | None) -> dict[str, Whole]:
    """The layers of a trunk in integers, by their keys."""
    found, made_by = dict[str, Whole](), dict[str, str]()
    last = {name: number for number, layer in enumerate(trunk.layers) for name in layer.inputs}
    was, now = ({trunk.input: films} for _ in range(2))  # the network as it was, and as it becomes
    for number, layer in enumerate(trunk.layers):
        expected, seen = layer.of([was[name] for name in layer.inputs]), [now[name] for name in layer.inputs]
        weights = dict[str, np.ndarray]()
        if layer.is_float or layer.weights is None:
            given = layer.of(seen)
        else:
            weights = _numbers(layer, seen[0], float(found[made_by[layer.inputs[0]]].step))
            given = layer.of(seen, torch.from_numpy(_values(weights)))
            lost = (expected - given).mean((0, 2, 3))
            weights["bias"] = layer.bias + lost.numpy()
            given = given + lost[:, None, None]
        expected, given = layer.activated(expected), layer.activated(given)
        if layer.is_last_float or not layer.is_float:
            few = expected.flatten()[:: max(1, expected.numel() // VALUES)].numpy()
            low, high = span(few, is_clipped=layer.is_clipped)
            found[layer.key] = Whole(low, high, **weights)
            given = found[layer.key].as_bytes(given)
        was[layer.output], now[layer.output] = expected, given
        made_by[layer.output] = layer.key
        for name in [name for name, at in last.items() if at == number]:
            del was[name], now[name]
        if progress:
            progress()
    return found


def _numbers(layer: Layer, seen: Tensor, step: float) -> dict[str, np.ndarray]:
    """Weights and steps of a layer, by what it sees, in units of ``step``."""
    assert layer.weights is not None
    assert layer.bias is not None
    kernels = torch.from_numpy(layer.weights).flatten(1)  # [O, K]
    least = torch.from_numpy(np.maximum(np.abs(layer.bias), 1e-6) / (step * LARGEST_BIAS))
    steps = torch.maximum(scales(kernels, in_pairs=not layer.is_depthwise), least)
    covariance = _covariance(layer, seen)
    if layer.is_depthwise:
        whole = rounded(kernels[:, None], covariance, steps[:, None])[:, 0]
    else:
        whole = within_pairs(rounded(kernels[None], covariance, steps[None])[0])
    return {"weights": whole.to(torch.int8).reshape(layer.weights.shape).numpy(), "steps": steps.numpy()}


def _values(numbers: dict[str, np.ndarray]) -> np.ndarray:
    """The float32 weights for which integers stand."""
    return np.asarray(numbers["weights"] * numbers["steps"].reshape(-1, 1, 1, 1), np.float32)


def _covariance(layer: Layer, seen: Tensor) -> Tensor:
    """Of what the layer's kernels are laid on: [C, K, K] for a depthwise one, else [1, K, K]."""
    generator = torch.Generator().manual_seed(0)
    assert layer.weights is not None
    kernel, each = layer.weights.shape[2], max(1, PLACES // len(seen))
    columns = []
    for film in layer.padded(seen):
        laid = functional.unfold(film[None], kernel, stride=layer.stride)[0]
        columns.append(laid[:, torch.randperm(laid.shape[1], generator=generator)[:each]])
    values = torch.cat(columns, dim=1)
    values = values.unflatten(0, (-1, kernel * kernel)) if layer.is_depthwise else values[None]
    values = values - values.mean(2, keepdim=True)
    return values @ values.transpose(1, 2) / values.shape[2]


def _written(plain: Any, trunks: Sequence[Trunk], found: dict[str, Whole], about: dict[str, Any]) -> bytes:
    """The content of the file: the heads with their weights in 8 bits, as before, and the trunks in integers."""
    heads, new = replace_trunks(plain, trunks, found)
    quantise_weights(heads, "int8")
    model = joined(heads, new)
    stored = sorted(sha256(one.SerializeToString()) for one in model.graph.initializer)
    named = {"quantise": "integer", "weights_sha256": sha256_json([about["weights_sha256"], *stored])}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {METADATA: json.dumps(about | named)})
    return seal(model)
