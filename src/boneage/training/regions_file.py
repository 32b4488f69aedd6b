"""The model file of the network of ages by region, with ranges from the calibration films.

python -m boneage.training.regions_file RUN --data DIR --out regions.onnx

RUN is a folder of ``python -m boneage.training.regions``. The calibration films serve no other purpose: the network
was not trained on them, so what they show of errors and differences holds for other films like them
(`boneage.reading.regional_tables`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ..config import Config
from ..data.cache import open_cache
from ..data.dataset import Sample, open_folder
from ..data.split import choose
from ..errors import BadModel, BadTable
from ..files import write_bytes
from ..hand.bone_regions import questions
from ..models.regional import RegionalNetwork, RegionalReader
from ..progress import progress
from ..reading.intervals import SEX_GIVEN
from ..reading.regional import NAME, Regional
from ..reading.regional_tables import fitted
from ..run_folder import load_run
from ..types import Sex
from . import checkpoint
from .distributed import ended
from .export import described, graph, with_facts
from .losses import output

AT_ONCE = 25  # films


def model_bytes(run: Path, *, quantise: str = "int8") -> bytes:
    """The content of the model file of a run folder, without ranges; BadModel if it is damaged or another run's."""
    weights, about = checkpoint.load_weights(run)
    if "schedule" not in about:
        raise BadModel(f"{run} is no run of boneage.training.regions: it has no schedule of its own")
    config = Config.from_dict(about["config"])
    meaning = output(config.train, 0.0, 1.0)
    network = RegionalNetwork(config.model, config.prepare, meaning.outputs, about["schedule"]["size"])
    network.load_state_dict(weights)
    asked = torch.from_numpy(questions()).float()
    reader = RegionalReader(network, meaning.months, asked).eval()
    size = config.prepare.size
    inputs = {"films": torch.zeros(2, size, size, dtype=torch.uint8), "sex": torch.zeros(2, 2)}
    model = graph(reader, inputs, ["regional_months", "regional_errors"], quantise=quantise)
    return described(model, about, NAME, quantise)


def answers(
    reader: Regional, samples: Sequence[Sample], *, sex_given: bool = True
) -> tuple[np.ndarray, np.ndarray, list[Sample]]:
    """Ages and expected errors float64 [n, Q] of films that can be read, and the films.

    Also of those on which no hand is certain. BadTable if no film can be read.

    Args:
        reader: the network.
        samples: films with a path.
        sex_given: whether the network is told the sex.
    """
    cache = open_cache(samples, reader.spec)
    if not cache.samples:
        raise BadTable(f"not one of {len(samples)} films can be read")
    found = []
    with progress("regions", len(cache.samples), "films") as advance:
        for at in range(0, len(cache.samples), AT_ONCE):
            films = cache.samples[at : at + AT_ONCE]
            sexes = [film.sex if sex_given else Sex.UNKNOWN for film in films]
            found.append(reader.predict(np.array(cache.pixels[at : at + AT_ONCE]), sexes))
            advance(len(films))
    months, expected = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return months, expected, list(cache.samples)


def calibrated(data: bytes, samples: Sequence[Sample], *, split: str) -> bytes:
    """A model file's content with ranges from calibration films of known age and sex; BadTable for too few of a sex."""
    known = [film for film in samples if film.path and film.months is not None and film.sex is not Sex.UNKNOWN]
    if not known:
        raise BadTable(f"split {split!r} has no film of known age and sex")
    reader, months, expected, films = Regional(data, Path(NAME)), {}, {}, known
    for given, word in SEX_GIVEN.items():
        months[word], expected[word], films = answers(reader, known, sex_given=given)
    labels = np.array([float(film.months or 0) for film in films])
    try:
        tables = fitted(months, expected, labels, [film.sex for film in films])
    except ValueError as error:
        raise BadTable(f"split {split!r}: {error}") from None
    return with_facts(data, regions={"split": split, "n": len(films), **tables.to_dict()})


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    with ended():
        data, about = model_bytes(options.run), load_run(options.run)
        config = Config.from_dict(about["config"])
        films, split = choose(open_folder(options.data), config.data, "calibration", about["data"])
        write_bytes(options.out, calibrated(data, films.samples, split=split))


if __name__ == "__main__":
    main()
