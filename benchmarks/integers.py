"""What a network in integers reads otherwise than the same in float32: film by film, with the sex given and without.

python benchmarks/integers.py MODEL FAST --data DIR --out docs/results/integers.json

Differences are FAST less MODEL, in months; intervals are 95 % bootstrap over films. Each film is prepared once, and its
features are computed once for both sexes: the heads, which are the only part that knows the sex, are run apart.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from copy import deepcopy
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from boneage import model_file
from boneage.config import Config
from boneage.data.dataset import Sample, open_folder
from boneage.data.pipeline import each_film, prepared
from boneage.data.split import choose
from boneage.evaluation import metrics
from boneage.evaluation.coverage import assessment
from boneage.files import write_json
from boneage.progress import progress
from boneage.reading import weights
from boneage.reading.intervals import SEX_GIVEN, blended
from boneage.reading.predictor import Predictor
from boneage.types import Failure, Sex

COST = 5  # the work on a film, in preparations of one


class Read(NamedTuple):
    """One film as two models read it: months and expected errors [model, sex given or not], before blending."""

    sex: Sex
    answers: np.ndarray


@cache
def networks(model: Path) -> tuple[Predictor, Any]:
    """A model on one core, and its heads alone."""
    import onnx
    import onnxruntime

    from boneage.training.integer_graph import keep

    predictor = Predictor.load(model, threads=1)
    heads = onnx.load_model_from_string(model_file.verified(model))
    means = next(node for node in heads.graph.node if "features" in node.output).input
    outputs = [one for one in heads.graph.output if one.name in ("months", "expected_error")]
    keep(heads, [one.name for one in outputs], given=means)
    sex = [one for one in heads.graph.input if one.name == "sex"]
    sizes = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in means]
    for field, rest in ((heads.graph.input, [*sex, *sizes]), (heads.graph.output, outputs)):
        kept = deepcopy(rest)
        del field[:]
        field.extend(kept)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return predictor, onnxruntime.InferenceSession(heads.SerializeToString(), options)


def read_by_both(sample: Sample, models: tuple[Path, Path]) -> Read:
    """A film by two models."""
    film = prepared(sample, networks(models[0])[0].spec)
    answers = []
    for predictor, heads in map(networks, models):
        names = [one.name for one in heads.get_inputs() if one.name != "sex"]
        features = np.split(predictor.features(film.pixels[None]), len(names), axis=1)
        feeds = {name: np.repeat(part, 2, axis=0) for name, part in zip(names, features, strict=True)}
        codes = np.array([film.sex.code, Sex.UNKNOWN.code], np.float32)
        answers.append(heads.run(["months", "expected_error"], feeds | {"sex": codes}))
    return Read(film.sex, np.array(answers, np.float64))


def compared(labels: np.ndarray, months: np.ndarray, expected: np.ndarray) -> dict[str, Any]:
    """Two models' errors, and how far their months and expected errors [2, N] are apart."""
    shift, errors = months[1] - months[0], np.abs(months - labels)
    return {
        "mae": errors.mean(axis=1).round(4).tolist(),
        "mae_change": metrics.paired(labels, months[0], months[1])["mae"],
        "shift": {
            "mean": float(shift.mean()),
            "mean_absolute": float(np.abs(shift).mean()),
            "p99": float(np.percentile(np.abs(shift), 99)),
            "largest": float(np.abs(shift).max()),
        },
        "expected_error_shift": {
            "mean": float((expected[1] - expected[0]).mean()),
            "p99": float(np.percentile(np.abs(expected[1] - expected[0]), 99)),
        },
    }


def covered(models: Sequence[Predictor], *columns: np.ndarray, sexes: Sequence[Sex], given: str) -> dict[str, Any]:
    """How well the intervals of both hold, by cell, and the cells that leave the range of calibrated intervals."""
    labels, months, expected = columns
    found: dict[str, Any] = {}
    for name, predictor, own, errors in zip(("model", "fast"), models, months, expected, strict=True):
        levels = assessment(labels, own, errors, sexes, predictor.factors[given])["levels"]
        cells = {level: of["coverage"] for level, of in levels.items()}
        out = [f"{level}, {cell}" for level in cells for cell, of in cells[level].items() if not _is_within(of)]
        found[name] = {"coverage": {level: of["all"]["value"] for level, of in cells.items()}, "cells_out": out}
        found["cells"] = sum(map(len, cells.values()))
    return found


def _is_within(share: dict[str, float]) -> bool:
    return share["low"] <= share["value"] <= share["high"]


def film_by_film(
    samples: Sequence[Sample], paths: tuple[Path, Path], models: Sequence[Predictor], split: str, workers: int | None
) -> dict[str, Any]:
    """How far two models are apart, with the sex given and without, and how well the intervals of both hold."""
    read: list[tuple[Sample, Read]] = []
    with progress("reading by both", len(samples), "films") as tick:
        each = each_film(partial(read_by_both, models=paths), samples, cost=COST, workers=workers)
        for sample, film in zip(samples, each, strict=True):
            if not isinstance(film, Failure):
                read.append((sample, film))
            tick()
    labels, sexes = np.array([sample.months for sample, _ in read]), [film.sex for _, film in read]
    answers = np.array([film.answers for _, film in read])  # [film, model, months or error, sex given or not]
    found: dict[str, Any] = {"split": split, "n": len(read), "weights": [one.weights_sha256[:12] for one in models]}
    for column, given in enumerate(SEX_GIVEN.values()):
        own = sexes if given == "known" else [Sex.UNKNOWN] * len(read)
        months, expected = answers[:, :, 0, column].T, answers[:, :, 1, column].T
        usual = [one.about["intervals"]["usual"] for one in models]
        expected = np.stack([blended(e, m, own, u) for e, m, u in zip(expected, months, usual, strict=True)])
        found[given] = compared(labels, months, expected)
        found[given]["intervals"] = covered(models, labels, months, expected, sexes=sexes, given=given)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("fast")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="validation")
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--workers", type=int, help="processes; default: one for each core")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    paths = weights.find(options.model), weights.find(options.fast)
    models = [Predictor.load(path, threads=1) for path in paths]
    about = models[0].about
    films, split = choose(
        open_folder(options.data), Config.from_dict(about["config"]).data, options.split, about["data"]
    )
    samples = [sample for sample in films.samples if sample.months is not None][: options.limit or None]
    found = film_by_film(samples, paths, models, split, options.workers)
    print(json.dumps(found, indent=2))
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    import integers  # by its name, as processes that share the work import it

    integers.main()
