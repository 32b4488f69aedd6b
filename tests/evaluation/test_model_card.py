"""A card says what was measured, of these weights and no others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("matplotlib")

from boneage.apps.cli import app
from boneage.data.dataset import open_folder
from boneage.errors import BadTable
from boneage.evaluation.coverage import assessment
from boneage.evaluation.evaluate import evaluate
from boneage.evaluation.model_card import _networks, card, load, markdown
from boneage.evaluation.robustness import CHANGES, robustness
from boneage.reading.predictor import Predictor
from boneage.types import Sex


@pytest.fixture(scope="module")
def measured(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped default on eight synthetic films: evaluated with and without the sex, and for robustness."""
    out, predictor, samples = tmp_path_factory.mktemp("card"), Predictor.load(), open_folder(films).samples[:8]
    evaluate(predictor, samples, out / "known", split="all")
    evaluate(predictor, samples, out / "unknown", split="all", sex_not_given=True)
    robustness(predictor, samples[:2], out / "robustness", split="all", changes=CHANGES[:2])
    return out


def test_the_card_has_the_numbers_of_the_verbs(measured: Path, tmp_path: Path) -> None:
    words = ["card", "default", "--evaluation", measured / "known", "--unknown", measured / "unknown"]
    words += ["--robustness", measured / "robustness", "--out", tmp_path]
    ran = CliRunner().invoke(app, list(map(str, words)))
    assert ran.exit_code == 0, ran.output
    values, text = json.loads((tmp_path / "default.json").read_text()), (tmp_path / "default.md").read_text()
    known, unknown = (load(measured / name, "metrics.json") for name in ("known", "unknown"))
    assert values["evaluation"]["mae"] == known["mae"]
    assert values["sex_unknown"]["mae"] == unknown["mae"] != known["mae"]
    assert (known["sex_not_given"], unknown["sex_not_given"]) == (False, True)
    assert unknown["by_sex"].keys() == known["by_sex"].keys() == values["evaluation"]["by_age_and_sex"].keys()
    for number in (known["mae"]["value"], unknown["mae"]["value"]):
        assert f"{number:.2f}" in text
    assert f"{known['limits_of_agreement']['upper']['value']:.1f}" in text
    assert "It computes in 8 bits, chosen on 12 training films" in text
    for said in ("Research use only", "Not for.", "Licence.", "rotation -90", Predictor.load().weights_sha256):
        assert said in text
    assert "{" not in text


def test_intervals_stand_in_the_card_where_they_were_measured(measured: Path) -> None:
    found = load(measured / "known", "metrics.json")
    assert "How sure it is" not in markdown(card(Predictor.load(), found | {"intervals": None}, None))
    months = np.linspace(20, 200, 200)
    errors = np.resize([3.0, -9.0, 27.0], 200)
    sexes = [Sex.FEMALE, Sex.MALE] * 100
    judged = assessment(months + errors, months, np.full(200, 10.0), sexes, {"0.9": 2.0})
    values = card(Predictor.load(), found | {"intervals": judged})
    text = markdown(json.loads(json.dumps(values)))
    assert values["evaluation"]["intervals"] == judged
    share = judged["levels"]["0.9"]["coverage"]["all"]
    assert f"| all | 200 | 67.0 % ({100 * share['low']:.1f} to {100 * share['high']:.1f}) |" in text
    assert ", female | " in text
    assert "40.0 (90%)" in text
    assert "unproven elsewhere" in text


def test_a_mean_of_several_names_its_members() -> None:
    members = [{"recipe": name, "weights_sha256": letter * 64, "size": 48} for name, letter in (("a", "1"), ("b", "2"))]
    assert _networks({"members": members}).startswith("the mean of `a` at 48 px (111111111111), `b` at 48 px (2222")
    made = {
        "config": {"model": {"name": "tiny", "pretrained": "none"}},
        "start": members[0],
    }
    assert _networks(made) == "tiny, started from recipe `a` (weights 111111111111)"
    assert _networks(made | {"start": None}) == "tiny, start none"


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
