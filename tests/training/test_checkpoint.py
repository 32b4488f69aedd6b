from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from refusals import full_disk
from safetensors.torch import save

from boneage import run_folder
from boneage.errors import BadModel, CannotWrite
from boneage.files import json_bytes, sha256, sha256_json
from boneage.run_folder import MODEL, NEXT, RUN, WEIGHTS, load_run, settle
from boneage.training import checkpoint
from boneage.training.checkpoint import LOG, STATE

TENSORS = {"a.weight": torch.arange(6.0).view(2, 3), "a.count": torch.tensor(3), "b": torch.zeros(2, 3, 4, 4)}
TENSORS["b"] = TENSORS["b"].to(memory_format=torch.channels_last)
VALUES: dict[str, Any] = {"progress": {"step": 7, "best": None}, "data": {"sha256": "0" * 64}, "words": 'a "b" ü'}
LOADS: dict[str, Callable[[Path], object]] = {
    WEIGHTS: checkpoint.load_weights,
    RUN: load_run,
    STATE: checkpoint.load_state,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run folder, for reading and for altering one file at a time."""
    folder = tmp_path_factory.mktemp("whole")
    checkpoint.save_weights(folder, TENSORS, {"config": {"name": "ü"}, "validation_mae": 7.25})
    checkpoint.save_state(folder, TENSORS, VALUES)
    return folder


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) and a[name].dtype == b[name].dtype for name in a)


def refused(folder: Path, name: str, content: bytes) -> str:
    """The sentence with which the folder is refused while the file ``name`` has another content."""
    path = folder / name
    before = path.read_bytes()
    assert content != before
    try:
        path.write_bytes(content)
        with pytest.raises(BadModel) as caught:
            LOADS[name](folder)
    finally:
        path.write_bytes(before)
    LOADS[name](folder)
    return str(caught.value)


def test_weights_and_summary_come_back(whole: Path) -> None:
    weights, run = checkpoint.load_weights(whole)
    assert same(weights, TENSORS)
    assert run["validation_mae"] == 7.25
    assert run["config"] == {"name": "ü"}
    assert len(run["weights_sha256"]) == 64


def test_state_comes_back(whole: Path) -> None:
    tensors, values = checkpoint.load_state(whole)
    assert same(tensors, TENSORS)
    assert values == VALUES


def test_only_whole_files_are_there(whole: Path) -> None:
    assert sorted(path.name for path in whole.iterdir()) == [RUN, STATE, WEIGHTS]


@pytest.mark.parametrize("name", LOADS)
@given(data=st.data())
def test_any_byte_altered_is_refused(whole: Path, name: str, data: st.DataObject) -> None:
    content = bytearray((whole / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1), label="place")
    content[place] ^= data.draw(st.integers(1, 255), label="change")
    assert str(whole / name) in refused(whole, name, bytes(content))


@pytest.mark.parametrize("name", LOADS)
@given(data=st.data())
def test_cut_short_or_lengthened_anywhere_is_refused(whole: Path, name: str, data: st.DataObject) -> None:
    content = (whole / name).read_bytes()
    place = data.draw(st.integers(0, len(content)), label="place")
    inserted = data.draw(st.sampled_from([b"\n", b" ", b"\0", b"0"]), label="inserted")
    assert "cut short or altered" in refused(whole, name, content[:place] + inserted + content[place:])
    if place < len(content):
        assert "cut short or altered" in refused(whole, name, content[:place])


@pytest.mark.parametrize(
    "content", [b"[]", b'"run"', b"null", b"{}", b'{"run_sha256": NaN}\n', b"\xff\xfe", b"[" * 99, b"[" * 100_000]
)
def test_a_run_json_that_is_none_is_refused(whole: Path, content: bytes) -> None:
    refused(whole, RUN, content)


def test_weights_of_another_run_are_refused(whole: Path, tmp_path: Path) -> None:
    checkpoint.save_weights(tmp_path, {"a": torch.ones(1)}, {})
    assert "its hash is not the one in run.json" in refused(whole, WEIGHTS, (tmp_path / WEIGHTS).read_bytes())


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize(("at", "expected"), [(1, 1.0), (2, 1.0), (3, 2.0), (4, 2.0)])
def test_weights_and_record_are_those_of_one_time_whenever_a_kill_falls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, expected: float
) -> None:
    """``at``: the file that has not got its name yet: the new weights, the record, the weights' last name, none."""
    checkpoint.save_weights(tmp_path, {"a": torch.tensor(1.0)}, {"validation_mae": 1.0})
    rename, left = os.replace, iter(range(at - 1, -1, -1))

    def replace(source: Path, target: Path) -> None:
        if next(left, 1) == 0:
            raise Died
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        try:
            checkpoint.save_weights(tmp_path, {"a": torch.tensor(2.0)}, {"validation_mae": 2.0})
        except Died:
            assert at < 4
    for _ in range(2):
        weights, record = checkpoint.load_weights(tmp_path)
        assert (weights["a"].item(), record["validation_mae"]) == (expected, expected)
        settle(tmp_path)  # as who resumes does
        assert sorted(path.name for path in tmp_path.iterdir()) == [RUN, WEIGHTS]


def test_who_reads_while_the_two_change_gets_the_newer_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint.save_weights(tmp_path, {"a": torch.tensor(1.0)}, {"validation_mae": 1.0})
    real, calls = run_folder.weights_of, list[Path]()

    def weights_of(folder: Path, run: dict[str, Any]) -> bytes:
        calls.append(folder)
        if len(calls) == 1:
            checkpoint.save_weights(tmp_path, {"a": torch.tensor(2.0)}, {"validation_mae": 2.0})
        return real(folder, run)

    monkeypatch.setattr(run_folder, "weights_of", weights_of)
    weights, record = checkpoint.load_weights(tmp_path)
    assert (weights["a"].item(), record["validation_mae"]) == (2.0, 2.0)


def test_next_weights_that_are_damaged_do_no_harm(tmp_path: Path) -> None:
    checkpoint.save_weights(tmp_path, TENSORS, {})
    (tmp_path / NEXT).write_bytes(b"half")
    assert same(checkpoint.load_weights(tmp_path)[0], TENSORS)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match=r"absent is not a run folder: it has no run\.json"):
        checkpoint.load_weights(tmp_path / "absent")
    with pytest.raises(BadModel, match=r"has nothing to resume: it has no state\.safetensors"):
        checkpoint.load_state(tmp_path)
    checkpoint.save_weights(tmp_path, TENSORS, {})
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(BadModel, match=r"weights\.safetensors cannot be read: No such file"):
        checkpoint.load_weights(tmp_path)


@pytest.mark.parametrize("state", ["[" * 100_000, "nothing"])
def test_a_state_with_a_right_hash_that_is_none_is_refused(tmp_path: Path, state: str) -> None:
    metadata = {"state": state, "sha256": "0" * 64}
    data = save({"a": torch.ones(1)}, metadata=metadata)
    (tmp_path / STATE).write_bytes(data.replace(b"0" * 64, sha256(data).encode()))
    with pytest.raises(BadModel, match=r"state\.safetensors holds no state of a run"):
        checkpoint.load_state(tmp_path)


def test_a_record_without_its_facts_is_refused(tmp_path: Path) -> None:
    run = {"config": {}}
    (tmp_path / RUN).write_bytes(json_bytes(run | {"run_sha256": sha256_json(run)}))
    (tmp_path / WEIGHTS).write_bytes(b"")
    with pytest.raises(BadModel, match=r"its hash is not the one in run\.json"):
        checkpoint.load_weights(tmp_path)


def test_a_full_disk_leaves_the_last_state_whole(tmp_path: Path) -> None:
    checkpoint.save_state(tmp_path, TENSORS, VALUES)
    with full_disk(1500), pytest.raises(CannotWrite, match=r"state\.safetensors cannot be written: File too large"):
        checkpoint.save_state(tmp_path, {"a": torch.zeros(1000)}, VALUES | {"words": ""})
    assert checkpoint.load_state(tmp_path)[1] == VALUES
    assert os.listdir(tmp_path) == [STATE]


def test_a_new_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    checkpoint.create(tmp_path / "a" / "b")
    checkpoint.create(tmp_path / "a" / "b")  # still empty
    (tmp_path / "a" / "b" / f".{STATE}.123.tmp").write_text("left half-written by a kill")
    checkpoint.create(tmp_path / "a" / "b")
    assert checkpoint.is_empty(tmp_path / "a" / "b")
    assert not checkpoint.is_empty(tmp_path / "a")
    assert not checkpoint.is_empty(tmp_path / "absent")


def test_a_folder_that_holds_anything_is_refused(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for taken in (whole, tmp_path / "file"):
        with pytest.raises(CannotWrite, match=f"{taken.name} exists already: .* --resume"):
            checkpoint.create(taken)
    with pytest.raises(CannotWrite, match="cannot be made: Not a directory"):
        checkpoint.create(tmp_path / "file" / "run")


def test_log_lines_of_a_kill_and_after_the_state_go(tmp_path: Path) -> None:
    for step in (3, 6, 9):
        checkpoint.append_log(tmp_path, {"step": step, "loss": 0.1 * step, "validation_mae": None})
    lines = (tmp_path / LOG).read_bytes().splitlines(keepends=True)
    with (tmp_path / LOG).open("a") as file:
        file.write('{"step": 12, "lo')
    assert [line["step"] for line in checkpoint.read_log(tmp_path)] == [3, 6, 9]
    checkpoint.cut_log(tmp_path, 6)
    assert (tmp_path / LOG).read_bytes() == b"".join(lines[:2])
    checkpoint.append_log(tmp_path, {"step": 9})
    assert [line["step"] for line in checkpoint.read_log(tmp_path)] == [3, 6, 9]


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"step": "3"}', "\udcff"])
def test_a_line_of_the_log_that_was_altered_is_named(tmp_path: Path, line: str) -> None:
    checkpoint.append_log(tmp_path, {"step": 3})
    with (tmp_path / LOG).open("a", errors="surrogateescape") as file:
        file.write(line + "\n")
    with pytest.raises(BadModel, match=r"log\.jsonl, line 2: altered"):
        checkpoint.cut_log(tmp_path, 3)


def test_no_log_is_an_empty_log(tmp_path: Path) -> None:
    assert checkpoint.read_log(tmp_path) == []
    with pytest.raises(CannotWrite, match=r"log\.jsonl cannot be written"):
        checkpoint.append_log(tmp_path / "absent", {"step": 1})


def test_a_real_run_folder_is_whole(tiny_run: Path) -> None:
    weights, run = checkpoint.load_weights(tiny_run)
    tensors, values = checkpoint.load_state(tiny_run)
    assert same(weights, checkpoint.unprefixed("average", tensors)) or run["step"] < values["progress"]["step"]
    assert values["config"] == json.loads(json.dumps(run["config"]))
    assert sorted(path.name for path in tiny_run.iterdir()) == [LOG, MODEL, RUN, STATE, WEIGHTS]
