"""One hand through every edge: Python, the command line in all its forms, every container. The months are the same."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from command import done
from dicom_files import dicom, written

import boneage
from boneage.data.dataset import read_table
from boneage.data.film_paths import with_paths
from boneage.data.phantom import draw
from boneage.evaluation.evaluate import predict_all
from boneage.types import Sex


@dataclass(frozen=True)
class Hand:
    """One film of a boy in a folder: as PNG, as DICOM, inverted DICOM, and in a table; and who reads it."""

    folder: Path
    model: Path
    run: Path

    @property
    def png(self) -> Path:
        return self.folder / "png" / "hand.png"

    @property
    def dicom(self) -> Path:
        return self.folder / "dicom" / "hand.dcm"

    @property
    def negative(self) -> Path:
        return self.folder / "negative.dcm"

    @property
    def table(self) -> Path:
        return self.folder / "png" / "table.csv"


@pytest.fixture(scope="module")
def hand(tiny_model: Path, tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Hand:
    hand = Hand(tmp_path_factory.mktemp("hand"), tiny_model, tiny_run)
    pixels = draw(np.random.default_rng(11), months=120, sex=Sex.MALE, size=96).pixels
    for path in (hand.png, hand.dicom):
        path.parent.mkdir()
    cv2.imwrite(str(hand.png), pixels)
    hand.dicom.write_bytes(written(dicom(pixels, 8, PatientSex="M")))
    negative = dicom(255 - pixels, 8, PatientSex="M", PhotometricInterpretation="MONOCHROME1")
    hand.negative.write_bytes(written(negative))
    hand.table.write_text("id,male,boneage\nhand,True,120\n")
    return hand


def python(hand: Hand) -> float:
    return boneage.Predictor.load(hand.model).read(boneage.read(hand.png), Sex.MALE).bone_age_months


def python_bytes(hand: Hand) -> float:
    film = boneage.read(hand.png.read_bytes())
    return boneage.Predictor.load(str(hand.model)).read(film, Sex.MALE).bone_age_months


def python_prepared(hand: Hand) -> float:
    predictor = boneage.Predictor.load(hand.model)
    return predictor.months(boneage.prepare(boneage.read(hand.png), predictor.spec)[None], [Sex.MALE])[0]


def python_dicom(hand: Hand) -> float:
    return boneage.Predictor.load(hand.model).read(boneage.read(hand.dicom)).bone_age_months


def python_run_folder(hand: Hand) -> float:
    return boneage.Predictor.load(hand.run).read(boneage.read(hand.png), Sex.MALE).bone_age_months


def evaluation(hand: Hand) -> float:
    (sample,) = read_table(hand.table)
    sample = with_paths([sample], hand.table)[0]
    return predict_all(boneage.Predictor.load(hand.model), [sample])[0].predictions[0]


def text(hand: Hand, source: Path, *words: object) -> float:
    out = done("predict", source, "--model", hand.model, *words).out
    found = re.search(r"bone age (-?[\d.]+) months", out)
    assert found, out
    return float(found[1])


def as_json(hand: Hand, source: Path, *words: object) -> float:
    (line,) = done("predict", source, "--model", hand.model, "--json", *words).out.splitlines()
    return json.loads(line)["bone_age_months"]


def as_csv(hand: Hand, source: Path, *words: object) -> float:
    out = hand.folder / "out.csv"
    done("predict", source, "--model", hand.model, "--csv", out, *words)
    with out.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["id"], row["sex"], row["error"]) == ("hand", "male", "")
    return float(row["bone_age_months"])


MALE = ("--sex", "male")
EDGES: dict[str, Callable[[Hand], float]] = {
    "python": python,
    "python, from bytes": python_bytes,
    "python, prepared by hand": python_prepared,
    "python, DICOM": python_dicom,
    "python, run folder": python_run_folder,
    "evaluate": evaluation,
    "text": lambda hand: text(hand, hand.png, *MALE),
    "text, DICOM": lambda hand: text(hand, hand.dicom),
    "text, MONOCHROME1": lambda hand: text(hand, hand.negative),
    "json": lambda hand: as_json(hand, hand.png, *MALE),
    "json, DICOM": lambda hand: as_json(hand, hand.dicom),
    "json, MONOCHROME1": lambda hand: as_json(hand, hand.negative),
    "json, folder": lambda hand: as_json(hand, hand.png.parent, *MALE),
    "json, folder of DICOM": lambda hand: as_json(hand, hand.dicom.parent),
    "json, table": lambda hand: as_json(hand, hand.table),
    "csv": lambda hand: as_csv(hand, hand.png, *MALE),
    "csv, folder of DICOM": lambda hand: as_csv(hand, hand.dicom.parent),
    "csv, table": lambda hand: as_csv(hand, hand.table),
    "csv, table with DICOM elsewhere": lambda hand: as_csv(hand, hand.table, "--images", hand.dicom.parent),
}


@pytest.fixture(scope="module")
def expected(hand: Hand) -> float:
    return python(hand)


@pytest.mark.parametrize("edge", EDGES)
def test_the_same_hand_is_the_same_age_at_every_edge(hand: Hand, expected: float, edge: str) -> None:
    tolerance = 0.051 if edge.startswith("text") else 0.011  # text has one decimal, readings two
    assert EDGES[edge](hand) == pytest.approx(expected, abs=tolerance)


def test_the_comparison_would_notice_another_sex(hand: Hand, expected: float) -> None:
    assert abs(as_json(hand, hand.png, "--sex", "female") - expected) > 0.1
