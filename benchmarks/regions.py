"""Ages by region: how near each comes to the label, how often ranges hold, and whether exchanged regions are found.

python benchmarks/regions.py --data DIR [--pairs 1000] [--out docs/results/regions.json]

All on validation films, on which the network was not trained and no range fitted; the limit of what is not informative
was chosen on calibration films, after a look at the widths of intervals on these. Films count that can be read, also
where no hand is certain. Regions are exchanged between films of one sex: a film gets the carpals, or carpals, radius
and ulna, of a film whose label is so much away. As the network sees one piece at a time, that is to exchange the
features of these pieces, which the file's own network gives.
"""

from __future__ import annotations

import argparse
import os
import platform
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import onnx
import onnx.utils

from boneage import Predictor
from boneage.config import Config
from boneage.data.cache import open_cache
from boneage.data.dataset import Sample, open_folder
from boneage.data.phantom import draw
from boneage.data.split import divide
from boneage.evaluation.coverage import auroc, calibrated_range
from boneage.evaluation.metrics import by_cell, paired, summary
from boneage.files import write_json
from boneage.hand.bone_regions import PIECES, REGIONS, WHOLE, question, questions
from boneage.hand.prepare import prepare
from boneage.images.read import read
from boneage.model_file import seal, session, verified
from boneage.progress import progress
from boneage.reading import weights
from boneage.reading.regional import Regional, ages
from boneage.reading.regional_tables import LEVEL, differences, informative
from boneage.training.regions import START
from boneage.types import Radiograph, Sex

AT_ONCE, FEATURES = 20, 1280
EXCHANGED = {"carpals": ("carpals",), "wrist": ("carpals", "radius and ulna")}  # pieces that change hands
TOLD_BY = {"carpals": "carpals", "wrist": "short_bones"}  # the region whose difference tells it
YOUNG = {Sex.FEMALE: 120.0, Sex.MALE: 144.0}  # months: below, the carpals are asked for by themselves
KEYS = [region.key for region in REGIONS]
TIMED, ROUNDS = 10, 4
AGAIN = 10  # draws of pairs


class Network:
    """The network of the model file in two halves: montages to the features of pieces, and these to the answers."""

    def __init__(self, reader: Regional, path: Path) -> None:
        self.reader = reader
        model = onnx.load_model_from_string(verified(path))
        into = {name for node in model.graph.node if node.op_type == "MatMul" for name in node.input}
        joined = [one.output[0] for one in model.graph.node if one.op_type == "Concat" and one.output[0] in into]
        features, float_ = joined[0], onnx.TensorProto.FLOAT
        known = onnx.helper.make_tensor_value_info(features, float_, ["n", len(PIECES), FEATURES])
        self.names = ["regional_months", "regional_errors", features]
        model.graph.value_info.append(known)
        head = onnx.utils.Extractor(model).extract_model([features, "sex"], self.names[:2])
        head.metadata_props.extend(model.metadata_props)
        self.head = session(seal(head), path, 2)[0]
        model.graph.output.append(known)
        self.session = session(seal(model), path, 2)[0]

    def of_pixels(self, pixels: np.ndarray, sexes: list[Sex]) -> tuple[np.ndarray, ...]:
        """Ages and expected errors [n, Q], and features [n, 15, F], of montages."""
        found = []
        with progress("regions", len(pixels), "films") as advance:
            for at in range(0, len(pixels), AT_ONCE):
                feeds = {"films": pixels[at : at + AT_ONCE], "sex": codes(sexes[at : at + AT_ONCE])}
                found.append(self.session.run(self.names, feeds))
                advance(len(feeds["films"]))
        months, expected, features = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return months.astype(float), expected.astype(float), features

    def of_features(self, features: np.ndarray, sexes: list[Sex]) -> tuple[np.ndarray, np.ndarray]:
        """Ages and expected errors [n, Q] of features [n, 15, F]."""
        months, expected = self.head.run(self.names[:2], {self.names[2]: features, "sex": codes(sexes)})
        return months.astype(float), expected.astype(float)


def codes(sexes: list[Sex]) -> np.ndarray:
    """The sexes as the network takes them, float32 [n, 2]."""
    return np.array([one.code for one in sexes], np.float32).reshape(-1, 2)


class Films:
    """Validation films: montages, labels, sexes, and what the network says of them."""

    def __init__(self, reader: Regional, network: Network, samples: list[Sample]) -> None:
        cache = open_cache(samples, reader.spec)
        self.reader, self.network, self.samples = reader, network, list(cache.samples)
        self.pixels = np.array(cache.pixels)
        self.labels = np.array([float(film.months or 0) for film in self.samples])
        self.sexes = [film.sex for film in self.samples]
        self.months, self.expected, self.features = network.of_pixels(self.pixels, self.sexes)
        again = network.of_features(self.features[:50], self.sexes[:50])[0]
        assert np.abs(again - self.months[:50]).max() < 0.1, "the head by itself gives what the file gives"

    def __len__(self) -> int:
        return len(self.samples)


def mae(labels: np.ndarray, months: np.ndarray) -> dict[str, Any]:
    """The mean absolute error with its 95 % bootstrap interval over films."""
    return {"n": len(labels), **summary(labels, months)["mae"]}


def errors(films: Films, start: np.ndarray) -> dict[str, Any]:
    """The MAE of each region alone and of the whole hand, and against the network that training began with."""
    labels, months = films.labels, films.months
    young = np.array([label < YOUNG[sex] for label, sex in zip(labels, films.sexes, strict=True)])
    whole, carpals = months[:, question(WHOLE)], months[:, question(REGIONS[0].shown)]
    return {
        "whole": mae(labels, whole),
        "start": mae(labels, start),
        "against_start": paired(labels, start, whole)["mae"],
        "alone": {region.key: mae(labels, months[:, question(region.shown)]) for region in REGIONS},
        "carpals_young": mae(labels[young], carpals[young]),
        "carpals_old": mae(labels[~young], carpals[~young]),
    }


def started(films: Films) -> np.ndarray:
    """The ages by the network that training began with, [n]: the first member's own in the file of `START`."""
    path = weights.find(START)
    model = onnx.load_model_from_string(verified(path))
    made = {name: node for node in model.graph.node for name in node.output}
    joined = made[made["months"].input[0]]  # the mean over the members that stand side by side
    first = made[joined.input[0]].input[0]
    model.graph.output.append(onnx.helper.make_tensor_value_info(first, onnx.TensorProto.FLOAT, None))
    network, found = session(seal(model), path, 2)[0], []
    with progress("its start", len(films), "films") as advance:
        for at in range(0, len(films), AT_ONCE):
            part = films.pixels[at : at + AT_ONCE]
            both = np.concatenate([np.zeros_like(part), part], axis=2)  # it does not see the hand to the left
            sex = codes(films.sexes[at : at + AT_ONCE])
            feeds = {"films": both, "sex": sex, "quick_films": both[:0], "quick_sex": sex[:0]}
            found.append(network.run([first], feeds)[0])
            advance(len(part))
    return np.concatenate(found).astype(float).ravel()


def intervals(films: Films) -> dict[str, Any]:
    """The share of labels inside each region's interval, by age and sex, and the share that is not informative."""
    half = half_widths(films)
    cells = {"all": np.ones(len(films), bool)} | by_cell(films.months[:, question(WHOLE)], films.sexes)
    found: dict[str, Any] = {}
    for region in REGIONS:
        number = question(region.shown)
        inside = np.abs(films.months[:, number] - films.labels) <= half[:, number]
        shares = {}
        for name, rows in cells.items():
            if rows.any():
                low, high = calibrated_range(int(rows.sum()), LEVEL)
                shares[name] = {"n": int(rows.sum()), "value": float(inside[rows].mean()), "low": low, "high": high}
        tells = informative(half)[:, number]
        found[region.key] = {
            "coverage": shares,
            "half_width": float(np.median(half[:, number])),
            "not_informative": {name: float(1 - tells[rows].mean()) for name, rows in cells.items() if rows.any()},
        }
    return found


def half_widths(films: Films) -> np.ndarray:
    """Half the width of each interval, [n, Q]."""
    assert films.reader.tables is not None
    rows = zip(films.months[:, question(WHOLE)], films.expected, films.sexes, strict=True)
    return np.array([films.reader.tables.half_widths(float(whole), expected, sex) for whole, expected, sex in rows])


def scores(reader: Regional, months: np.ndarray, expected: np.ndarray, sexes: list[Sex]) -> np.ndarray:
    """How far each region's difference is from its mean, in its limits: [n, 9]."""
    assert reader.tables is not None
    rows = zip(months[:, question(WHOLE)], expected, sexes, strict=True)
    of = [reader.tables.differences(float(age), errors, sex) for age, errors, sex in rows]
    mean, _, limit = (np.array(found) for found in zip(*of, strict=True))
    return (differences(months) - mean) / limit


def telling(films_reader: Regional, months: np.ndarray, expected: np.ndarray, sexes: list[Sex]) -> np.ndarray:
    """Whether each region's difference is told, bool [n, 9]: both it and its rest are informative."""
    assert films_reader.tables is not None
    rows = []
    for age, error, sex in zip(months, expected, sexes, strict=True):
        told = ages(films_reader.tables, age, error, sex)
        rows.append([one.difference_months is not None for one in told])
    return np.array(rows)


def exchanged(one: np.ndarray, other: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Features [15, F] of a film with some pieces of another's."""
    of_other = np.array([piece.name in names for piece in PIECES])
    return np.where(of_other[:, None], other, one)


def pairs(films: Films, count: int, low: float, high: float, seed: int) -> list[tuple[int, int]]:
    """Pairs of films of one sex whose labels are ``low`` to ``high`` months apart."""
    rng, found = np.random.default_rng(seed), list[tuple[int, int]]()
    while len(found) < count:
        one, other = (int(number) for number in rng.integers(0, len(films), 2))
        if films.sexes[one] is films.sexes[other] and low <= abs(films.labels[one] - films.labels[other]) < high:
            found.append((one, other))
    return found


def found_exchanged(films: Films, count: int) -> dict[str, Any]:
    """Whether exchanged regions are found, by what is exchanged and how far apart the labels are.

    Which pairs are drawn moves an AUROC by nearly 0.01: ``again`` is the mean and standard deviation of `AGAIN` others.
    """
    apart = {"24": (24.0, np.inf), "12_to_24": (12.0, 24.0)}
    cases = [(what, name, *ends) for what in EXCHANGED for name, ends in apart.items()]
    found = {}
    for number, (what, name, low, high) in enumerate(cases):
        seeds = (number, *range(100 * (number + 1), 100 * (number + 1) + AGAIN))
        first, *others = (_found_exchanged(films, what, pairs(films, count, low, high, seed=seed)) for seed in seeds)
        areas = np.array([[one["auroc"], one["auroc_told"]] for one in others])
        again = {"draws": AGAIN, "auroc": float(areas[:, 0].mean()), "auroc_told": float(areas[:, 1].mean())}
        found[f"{what}_{name}"] = first | {"again": again | {"auroc_sd": float(areas[:, 0].std(ddof=1))}}
    return found


def _found_exchanged(films: Films, what: str, chosen: list[tuple[int, int]]) -> dict[str, Any]:
    """AUROC of the difference for exchanged regions against the same films as they are: of all films, and of those
    whose difference is told, with the share that is flagged."""
    number, rows = KEYS.index(TOLD_BY[what]), np.array([one for one, _ in chosen])
    sexes = [films.sexes[one] for one in rows]
    own_and_other = [(films.features[one], films.features[other]) for one, other in chosen]
    mixed = np.stack([exchanged(one, other, EXCHANGED[what]) for one, other in own_and_other])
    months, expected = films.network.of_features(mixed, sexes)
    far = scores(films.reader, months, expected, sexes)[:, number]
    own = scores(films.reader, films.months[rows], films.expected[rows], sexes)[:, number]
    told = telling(films.reader, months, expected, sexes)[:, number]
    told_before = telling(films.reader, films.months[rows], films.expected[rows], sexes)[:, number]
    older = np.array([np.sign(films.labels[other] - films.labels[one]) for one, other in chosen])
    sign = older if what == "carpals" else -older
    return {
        "n": len(chosen),
        "auroc": _area(far, own),
        "told": int(told.sum()),
        "auroc_told": _area(far[told], own[told_before]),
        "flagged_told": float((np.abs(far[told]) > 1).mean()),
        "sign_told": float((np.sign(far[told]) == sign[told]).mean()),
    }


def _area(changed: np.ndarray, own: np.ndarray) -> float | None:
    is_changed = np.repeat([True, False], [len(changed), len(own)])
    return auroc(np.abs(np.concatenate([changed, own])), is_changed)


def false_alarms(films: Films) -> dict[str, Any]:
    """The share of whole films with a flag, for each region and for any, among films whose difference is told."""
    limits = scores(films.reader, films.months, films.expected, films.sexes)
    told = telling(films.reader, films.months, films.expected, films.sexes)
    flagged = told & (np.abs(limits) > 1)
    found = {
        key: {"n": int(told[:, i].sum()), "value": float(flagged[told[:, i], i].mean())} for i, key in enumerate(KEYS)
    }
    return found | {"any": {"n": len(films), "value": float(flagged.any(axis=1).mean())}}


def synthetic(network: Network, count: int = 300) -> dict[str, Any]:
    """Synthetic hands whose carpals, or wrist, are of another age by 24 months: the difference and its sign.

    A hand is drawn twice by the same random numbers, at two ages; the difference is held against that of the hand drawn
    at one age, as synthetic hands are not like the films whose differences are known.
    """
    drawn, by, sexes = [], [], []
    for seed in range(count):
        rng, sex = np.random.default_rng([7, seed]), (Sex.FEMALE, Sex.MALE)[seed % 2]
        age, older = float(rng.uniform(60, YOUNG[sex] - 24)), 24.0 if seed % 4 < 2 else -24.0
        drawn += [montage(network.reader, seed, months, sex) for months in (age, age + older)]
        by.append(np.sign(older))
        sexes.append(sex)
    features = network.of_pixels(np.stack(drawn), [sex for sex in sexes for _ in range(2)])[2]
    one, other, result = features[::2], features[1::2], {}
    own = network.of_features(one, sexes)[0]
    for what, names in EXCHANGED.items():
        number = KEYS.index(TOLD_BY[what])
        mixed = np.stack([exchanged(*both, names) for both in zip(one, other, strict=True)])
        changed, expected = network.of_features(mixed, sexes)
        moved = differences(changed)[:, number] - differences(own)[:, number]
        sign = np.array(by) * (1 if what == "carpals" else -1)
        result[what] = {
            "n": count,
            "sign_right": float((np.sign(moved) == sign).mean()),
            "flagged": float((np.abs(scores(network.reader, changed, expected, sexes)[:, number]) > 1).mean()),
            "moved": float(np.median(np.abs(moved))),
        }
    return result


def montage(reader: Regional, seed: int, months: float, sex: Sex) -> np.ndarray:
    """The montage of a synthetic hand."""
    hand = draw(np.random.default_rng([8, seed]), months=months, sex=sex, size=299, plain=True)
    film = Radiograph(hand.pixels / np.float32(255), "phantom", "0" * 64, "PNG")
    return prepare(film, reader.spec)


def seconds(films: Films, model: str) -> dict[str, Any]:
    """How much longer a warm reading takes with ages by region: the median of paired ratios."""
    predictor, reader, ratios, plain = Predictor.load(threads=2), Regional.load(model, threads=2), [], []
    shown = [read(film.path) for film in films.samples[:TIMED] if film.path]
    for turn in range(ROUNDS + 1):
        for film in shown:
            took = []
            for regional in (None, reader):
                began = perf_counter()
                predictor.read(film, Sex.FEMALE, regional=regional)
                took.append(perf_counter() - began)
            if turn:  # the first turn warms up
                plain.append(took[0])
                ratios.append(took[1] / took[0])
    return {"n": len(ratios), "ratio": float(np.median(ratios)), "seconds_without": float(np.median(plain))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="regions")
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--limit", type=int, default=0, help="of the films, for a first look")
    parser.add_argument("--out", type=Path, default=Path("docs/results/regions.json"))
    options = parser.parse_args()
    reader = Regional.load(options.model, threads=2)
    config = Config.from_dict(reader.about["config"])
    samples = list(divide(open_folder(options.data), config.data).of("validation").samples)
    network = Network(reader, weights.find(options.model))
    films = Films(reader, network, samples[: options.limit or None])
    found = {
        "model": reader.name,
        "weights_sha256": reader.weights_sha256,
        "epoch": reader.about.get("epoch"),
        "n": len(films),
        "questions": len(questions()),
        "intervals": intervals(films),
        "false_alarms": false_alarms(films),
        "exchanged": found_exchanged(films, options.pairs),
        "synthetic": synthetic(network),
        "time": seconds(films, options.model),
        "errors": errors(films, started(films)),
        "machine": {"cores": os.cpu_count(), "system": platform.machine()},
    }
    write_json(options.out, found)


if __name__ == "__main__":
    main()
