"""A model file is whole or refused: any byte changed, any part cut off or added."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from boneage import model_file
from boneage.errors import BadModel
from boneage.files import sha256

onnx = pytest.importorskip("onnx")

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def sealed() -> bytes:
    """A small model that holds nothing but some bytes and its seal."""
    model = onnx.ModelProto(doc_string="abc" * 200)
    onnx.helper.set_model_props(model, {model_file.METADATA: json.dumps({"format": model_file.FORMAT})})
    return model_file.seal(model)


def refuse(path: Path, data: bytes, reason: str) -> None:
    path.write_bytes(data)
    with pytest.raises(BadModel, match=reason) as caught:
        model_file.verified(path)
    assert str(caught.value).startswith(str(path))


def test_a_whole_file_is_taken_as_it_is(sealed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(sealed)
    assert model_file.verified(path) == sealed


def test_the_seal_is_the_hash_of_the_file_with_the_seal_blank(sealed: bytes) -> None:
    seal = {entry.key: entry.value for entry in onnx.load_from_string(sealed).metadata_props}[model_file.SEAL]
    assert sealed.count(seal.encode()) == 1
    assert sha256(sealed.replace(seal.encode(), b"0" * 64)) == seal


@QUICK
@given(data=st.data())
def test_any_byte_changed_is_noticed(sealed: bytes, tmp_path: Path, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(sealed) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = bytearray(sealed)
    changed[place] ^= flip
    refuse(tmp_path / "model.onnx", bytes(changed), "cut short")


@QUICK
@given(share=st.floats(0, 1, exclude_max=True))
@example(share=0.0)
def test_any_length_cut_short_is_noticed(sealed: bytes, tmp_path: Path, share: float) -> None:
    refuse(tmp_path / "model.onnx", sealed[: int(share * len(sealed))], "cut short")


def test_the_last_byte_cut_off_and_one_added_are_noticed(sealed: bytes, tmp_path: Path) -> None:
    refuse(tmp_path / "short.onnx", sealed[:-1], "cut short")
    refuse(tmp_path / "long.onnx", sealed + b"\0", "altered")


def test_a_real_export_with_a_byte_changed_in_its_weights_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    data = bytearray(tiny_model.read_bytes())
    data[len(data) // 2] ^= 1
    refuse(tmp_path / "model.onnx", bytes(data), "cut short or altered")


def test_a_model_of_another_program_is_refused(tmp_path: Path) -> None:
    refuse(tmp_path / "other.onnx", onnx.ModelProto(producer_name="other").SerializeToString(), "no model exported by")


def test_a_file_that_is_not_there_or_is_a_folder_is_refused(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.onnx", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(BadModel, match=f"cannot be read: {reason}"):
            model_file.verified(path)


def test_a_later_format_is_refused_by_number(tiny_model: Path) -> None:
    model = onnx.load(tiny_model)
    onnx.helper.set_model_props(model, {model_file.METADATA: json.dumps({"format": model_file.FORMAT + 1})})
    with pytest.raises(BadModel, match=rf"m\.onnx has format {model_file.FORMAT + 1}, this version"):
        model_file.session(model.SerializeToString(), Path("m.onnx"), 1)
