"""The Containerfile: pinned, without torch, for a user without rights, and with XNAT's label as JSON."""

from __future__ import annotations

import json
import re

from places import ROOT

TEXT = (ROOT / "Containerfile").read_text(encoding="utf-8")


def test_its_images_are_pinned_and_it_runs_as_nobody() -> None:
    images = re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)
    assert len(images) == 2
    assert all(re.fullmatch(r"docker\.io/library/python:\d+\.\d+\.\d+-slim-\w+", image) for image in images)
    assert re.search(r"^USER \d+:\d+$", TEXT, re.MULTILINE)
    assert "torch" not in TEXT.replace("without torch", "")
    assert "[dicom,archive]" in TEXT
    assert "--constraint /source/requirements.lock" in TEXT


def test_it_starts_the_contract() -> None:
    assert 'ENTRYPOINT ["boneage"]' in TEXT
    assert 'CMD ["container"]' in TEXT


def test_xnats_label_is_json_that_mounts_input_and_output() -> None:
    label = re.search(r'org\.nrg\.commands="((?:[^"\\]|\\.)*)"', TEXT)
    assert label
    (command,) = json.loads(label[1].replace('\\"', '"'))
    assert command["command-line"] == "boneage container"
    assert {mount["path"]: mount["writable"] for mount in command["mounts"]} == {"/input": False, "/output": True}
    (wrapper,) = command["xnat"]
    assert wrapper["output-handlers"][0]["accepts-command-output"] == command["outputs"][0]["name"]
