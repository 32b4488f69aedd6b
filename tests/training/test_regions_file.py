"""The model file of ages by region: the same numbers as the network's, and ranges from films it has not seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from regional import SIZE, regional_run, tiny_regions

from boneage.data.dataset import open_folder
from boneage.errors import BadModel, BadTable
from boneage.hand.bone_regions import questions
from boneage.model_file import verified
from boneage.models.head import encode
from boneage.models.regional import RegionalNetwork
from boneage.reading import regional_tables
from boneage.reading.regional import Regional
from boneage.training import checkpoint
from boneage.training.export import with_facts
from boneage.training.losses import output
from boneage.training.regions import predict
from boneage.training.regions_file import answers, calibrated, model_bytes
from boneage.types import Sex

SEXES = [Sex.FEMALE, Sex.MALE, Sex.UNKNOWN, Sex.MALE]


def test_the_file_gives_what_the_network_gives(bare_regions: Path, tmp_path: Path) -> None:
    config = tiny_regions()
    meaning = output(config.train, 0.0, 1.0)
    network = RegionalNetwork(config.model, config.prepare, meaning.outputs, SIZE)
    weights, about = checkpoint.load_weights(bare_regions.with_name("run"))
    network.load_state_dict(weights)
    films = np.random.default_rng(0).integers(0, 256, (4, SIZE, SIZE)).astype(np.uint8)
    months, errors = predict(network, meaning, torch.from_numpy(films), encode(SEXES))
    reader = Regional.load(bare_regions, threads=1)
    found = reader.predict(films, SEXES)
    np.testing.assert_allclose(found[0], months, atol=1e-2)
    np.testing.assert_allclose(found[1], errors, rtol=1e-3)
    one = reader.predict(films[:1], SEXES[:1])
    np.testing.assert_allclose(one[0], months[:1], atol=1e-2)
    assert (reader.name, reader.weights_sha256) == ("regions", about["weights_sha256"])
    assert reader.about["disclaimer"].startswith("Research use only")
    assert regional_run(tmp_path / "again").is_dir()


def test_ranges_come_from_the_films_and_leave_the_weights_alone(
    bare_regions: Path, films: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(regional_tables, "RARE", 0.05)
    samples = list(open_folder(films).samples)
    data = calibrated(bare_regions.read_bytes(), samples, split="all")
    model = tmp_path / "model.onnx"
    model.write_bytes(data)
    reader = Regional.load(model, threads=1)
    assert reader.tables is not None
    assert (reader.about["regions"]["split"], reader.about["regions"]["n"]) == ("all", len(samples))
    months, expected, known = answers(reader, samples)
    inside = []
    for row, film in enumerate(known):
        half = reader.tables.half_widths(float(months[row, 0]), expected[row], film.sex)
        inside.append(np.abs(months[row] - float(film.months or 0)) <= half)
    assert np.all(np.mean(inside, axis=0) > regional_tables.LEVEL - 0.1)
    assert months.shape == (len(samples), len(questions()))
    assert verified(model) == data
    assert with_facts(data, regions=reader.about["regions"]) == data
    assert json.dumps(reader.about["regions"])


def test_too_few_films_are_refused(bare_regions: Path, films: Path) -> None:
    with pytest.raises(BadTable, match="split 'few': 60 films are too few"):
        calibrated(bare_regions.read_bytes(), open_folder(films).samples, split="few")


def test_films_that_say_nothing_are_refused(bare_regions: Path, films: Path, tmp_path: Path) -> None:
    film, text = open_folder(films).samples[0], tmp_path / "film.png"
    text.write_text("no film")
    with pytest.raises(BadTable, match="split 'all' has no film of known age and sex"):
        calibrated(bare_regions.read_bytes(), [replace(film, sex=Sex.UNKNOWN)], split="all")
    with pytest.raises(BadTable, match="not one of 1 films can be read"):
        calibrated(bare_regions.read_bytes(), [replace(film, path=text)], split="all")


def test_another_run_makes_no_such_file(tiny_run: Path) -> None:
    with pytest.raises(BadModel, match=r"tiny is no run of boneage\.training\.regions"):
        model_bytes(tiny_run)
