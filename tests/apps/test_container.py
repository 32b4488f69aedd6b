"""The run from folder to folder: every orchestrator's contract, and as a container's user without any rights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from clinical_films import HEADER, film, noise_pixels, opened, tells_patient
from command import contents
from confined import USER, confined
from hands import hand, predictor
from refusals import closed_folder

from boneage.apps import container
from boneage.apps.container import NOTIFICATION, PAIRS, contract, run, task_of
from boneage.clinic.documents.bundle import KINDS
from boneage.errors import BadConfig


def folders(
    root: Path, *films: bytes, names: tuple[str, ...] = ("1.2.3#1.2.4.dcm", "1.2.3#1.2.5.dcm")
) -> tuple[Path, Path]:
    """A folder of films and an empty one."""
    for name in ("in", "out"):
        (root / name).mkdir(parents=True)
    for name, data in zip(names, films, strict=False):
        (root / "in" / name).write_bytes(data)
    return root / "in", root / "out"


def loaded(name: str) -> Any:
    assert name == "default"
    return predictor()


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0])
def test_variables_say_where_films_are(pair: tuple[str, str, str], tmp_path: Path) -> None:
    source, target = folders(tmp_path)
    found = contract({pair[1]: str(source), pair[2]: str(target)})
    assert (found.name, found.folders) == (pair[0], ((source, target),))


def test_xnat_mounts_and_kaapana_has_batches(tmp_path: Path) -> None:
    source, target = folders(tmp_path)
    assert contract({}, (source, target)).name == "XNAT"
    for batch in ("a", "b"):
        (tmp_path / "work" / "batch" / batch / "get").mkdir(parents=True)
    (tmp_path / "work" / "batch" / "empty").mkdir()
    variables = {"WORKFLOW_DIR": str(tmp_path / "work"), "OPERATOR_IN_DIR": "get", "OPERATOR_OUT_DIR": "bone"}
    found = contract(variables)
    assert found.name == "Kaapana"
    batches = tmp_path / "work" / "batch"
    assert found.folders == tuple((batches / name / "get", batches / name / "bone") for name in ("a", "b"))
    assert contract(variables | {"BATCHES_INPUT_DIR": str(batches)}).folders == found.folders


def test_without_a_contract_one_sentence_says_what_is_missing(tmp_path: Path) -> None:
    nowhere = (tmp_path / "x", tmp_path / "y")
    with pytest.raises(BadConfig, match="MERCURE_IN_DIR"):
        contract({"MERCURE_IN_DIR": "/in"}, nowhere)
    with pytest.raises(BadConfig, match="is no folder"):
        contract({"OPERATOR_OUT_DIR": "x", "WORKFLOW_DIR": str(tmp_path / "none")}, nowhere)


def test_each_film_gets_its_documents_by_their_uids_and_the_run_a_notification(tmp_path: Path) -> None:
    source, target = folders(tmp_path, film(), film(noise_pixels(), SOPInstanceUID="1.2.5"))
    outcome = run(container.Contract("mercure", ((source, target),)), loaded)
    assert (len(outcome.readings), outcome.failures) == (2, [])
    written = contents(target)
    objects = {name: opened(data) for name, data in written.items() if name.endswith(".dcm")}
    assert len(objects) == 2 * len(KINDS)
    for name, one in objects.items():
        assert name == f"{one.SeriesInstanceUID}#{one.SOPInstanceUID}.dcm"
        assert one.StudyInstanceUID == HEADER["StudyInstanceUID"]
    result = json.loads(written["result.json"])
    text = result[NOTIFICATION]["text"]
    assert "1.2.3#1.2.4.dcm: Bone age " in text
    assert "1.2.3#1.2.5.dcm: No bone age: the film was refused (not_a_hand)" in text
    assert "Research use only" in text
    assert "weights" in result["model"]
    assert not tells_patient(json.dumps(result))
    assert len([name for name in written if name.endswith(".reading.json")]) == 2


def test_the_task_sets_sex_age_and_documents(tmp_path: Path) -> None:
    source, target = folders(tmp_path, film())
    settings = {"sex": "M", "chronological_age_months": 100, "documents": ["capture"]}
    (source / "task.json").write_text(json.dumps({"process": {"settings": settings}}))
    outcome = run(container.Contract("mercure", ((source, target),)), loaded)
    (reading,) = outcome.readings
    assert (reading["sex"], reading["chronological_age_months"]) == ("male", 100)
    assert [opened(data).Modality for name, data in contents(target).items() if name.endswith(".dcm")] == ["OT"]


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        '{"process": {"settings": {"colour": 1}}}',
        '{"process": {"settings": {"documents": ["docx"]}}}',
        '{"process": {"settings": {"sex": "v"}}}',
        "[]",
        '{"process": {"settings": {"documents": 3}}}',
    ],
)
def test_settings_that_are_none_are_told(text: str, tmp_path: Path) -> None:
    (tmp_path / "task.json").write_text(text)
    with pytest.raises(BadConfig, match=r"task\.json: its process\.settings may have"):
        task_of(tmp_path)


def test_steps_in_a_list_and_no_settings_are_fine(tmp_path: Path) -> None:
    (tmp_path / "task.json").write_text('{"process": [{}, {"settings": {"model": "other"}}]}')
    assert task_of(tmp_path).model == "other"
    (tmp_path / "task.json").write_text("{}")
    assert task_of(tmp_path) == container.Task()


def test_what_is_no_film_stops_no_other_and_a_picture_gets_what_is_possible(tmp_path: Path) -> None:
    names = ("a.dcm", "b.dcm", "c.png")
    source, target = folders(tmp_path, b"no film", film(), hand(), names=names)
    outcome = run(container.Contract("XNAT", ((source, target),)), loaded)
    assert [one.id for one in outcome.failures] == ["a.dcm"]
    assert len(outcome.readings) == 2
    assert "looks like text" in outcome.text
    assert {"c.png.bone-age.pdf", "c.png.observation.json", "c.png.reading.json"} <= contents(target).keys()


def test_an_empty_folder_says_so(tmp_path: Path) -> None:
    source, target = folders(tmp_path)
    assert "no films" in run(container.Contract("XNAT", ((source, target),)), loaded).text


@pytest.mark.slow
def test_it_runs_as_any_user_without_rights_with_a_read_only_root_and_no_network(tmp_path: Path) -> None:
    source, target = folders(tmp_path, *(film(SOPInstanceUID=f"1.2.{n}") for n in range(2)))
    ended = confined(source, target)
    assert ended.returncode == 0, ended.stderr
    assert len([name for name in contents(target) if name.endswith(".dcm")]) == 2 * len(KINDS)
    assert {path.stat().st_uid for path in target.iterdir()} == {USER}


def test_what_cannot_be_listed_is_a_failure_and_what_is_passed_over_is_counted(tmp_path: Path) -> None:
    source, target = folders(tmp_path, b"a,b", film(), names=("a.csv", "b.dcm"))
    (source / "c.xml").write_text("<x/>")
    (source / "task.json").write_text("{}")
    outcome = run(container.Contract("mercure", ((source, target),)), loaded)
    assert "2 files were passed over: 1 .csv, 1 .xml" in outcome.text
    assert len(outcome.readings) == 1
    missing = run(container.Contract("mercure", ((tmp_path / "none", target),)), loaded)
    assert "none cannot be listed: No such file" in missing.text
    with closed_folder() as closed:
        results = closed.parent / "results"
        below, itself = (
            run(container.Contract("mercure", ((place, results),)), loaded) for place in (closed.parent, closed)
        )
    for outcome in (below, itself):
        assert [one.reason for one in outcome.failures] == [f"{closed} cannot be listed: Permission denied"]


def test_pictures_of_one_name_in_several_folders_or_formats_do_not_replace_each_other(tmp_path: Path) -> None:
    source, target = folders(tmp_path, hand(), names=("a.png",))
    (source / "b").mkdir()
    (source / "b" / "a.png").write_bytes(hand())
    (source / "a.jpg").write_bytes(hand())
    outcome = run(container.Contract("XNAT", ((source, target),)), loaded)
    written = contents(target)
    for name in ("a.png", "a.jpg", "b/a.png"):
        assert f"{name}.bone-age.pdf" in written
        assert json.loads(written[f"{name}.reading.json"])["file"] == name
    assert len(outcome.readings) == 3
