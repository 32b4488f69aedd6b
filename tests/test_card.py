"""A card says what was measured, of these weights and no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("matplotlib")

from boneage.apps.cli import app
from boneage.card import card, load, markdown
from boneage.dataset import open_folder
from boneage.errors import BadTable
from boneage.evaluate import evaluate
from boneage.predictor import Predictor
from boneage.stress import CHANGES, stress


@pytest.fixture(scope="module")
def measured(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped default on twenty synthetic films: evaluated, without the sex too, and stressed."""
    out, predictor, samples = tmp_path_factory.mktemp("card"), Predictor.load(), open_folder(films).samples[:20]
    evaluate(predictor, samples, out / "known", split="all")
    evaluate(predictor, samples, out / "unknown", split="all", withhold_sex=True)
    stress(predictor, samples[:4], out / "stress", split="all", changes=CHANGES[:2])
    return out


def test_the_card_has_the_numbers_of_the_verbs(measured: Path, tmp_path: Path) -> None:
    words = ["card", "default", "--evaluation", measured / "known", "--unknown", measured / "unknown"]
    words += ["--stress", measured / "stress", "--out", tmp_path]
    ran = CliRunner().invoke(app, list(map(str, words)))
    assert ran.exit_code == 0, ran.output
    values, text = json.loads((tmp_path / "default.json").read_text()), (tmp_path / "default.md").read_text()
    known, unknown = (load(measured / name, "metrics.json") for name in ("known", "unknown"))
    assert values["evaluation"]["mae"] == known["mae"]
    assert values["sex_unknown"]["mae"] == unknown["mae"] != known["mae"]
    assert (known["sex_withheld"], unknown["sex_withheld"]) == (False, True)
    assert unknown["by_sex"].keys() == known["by_sex"].keys() == values["evaluation"]["by_age_and_sex"].keys()
    for number in (known["mae"]["value"], unknown["mae"]["value"]):
        assert f"{number:.2f}" in text
    assert f"{known['limits_of_agreement']['upper']['value']:.1f}" in text
    for said in ("Research use only", "Not for.", "Licence.", "rotation -90", Predictor.load().weights_sha256):
        assert said in text


def test_numbers_of_other_weights_are_refused(measured: Path) -> None:
    found = load(measured / "known", "metrics.json")
    other = found | {"weights_sha256": "0" * 64}
    with pytest.raises(BadTable, match="the evaluation is of weights 000000000000"):
        card(Predictor.load(), other)
    with pytest.raises(BadTable, match="the unknown is of weights"):
        card(Predictor.load(), found, other)
    assert "is not known" not in markdown(card(Predictor.load(), found))


def test_what_is_no_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text("[]")
    for path in (tmp_path, tmp_path / "metrics.json", tmp_path / "absent"):
        with pytest.raises(BadTable, match=r"is no metrics\.json of a model"):
            load(path, "metrics.json")
