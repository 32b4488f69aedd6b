"""Keyed hashes of patients' ids, and the file of their key."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from boneage.clinic.pseudonyms import Pseudonyms
from boneage.errors import BadConfig, CannotWrite

PATIENT = "MRN-4711"


def test_hashes_depend_on_the_key() -> None:
    one, other = Pseudonyms(b"1" * 32), Pseudonyms(b"2" * 32)
    assert one.of(PATIENT) == one.of(f" {PATIENT} ") != other.of(PATIENT)
    assert one.of("  ") is None
    assert Pseudonyms.of_this_run().of(PATIENT) != Pseudonyms.of_this_run().of(PATIENT)


def test_a_key_is_made_once_and_used_again(tmp_path: Path) -> None:
    first, second = (Pseudonyms.from_file(tmp_path / "key").of(PATIENT) for _ in range(2))
    assert first == second
    assert len(str(first)) == 64


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX")
def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    Pseudonyms.from_file(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(BadConfig, match="others than its owner"):
        Pseudonyms.from_file(tmp_path / "key")


@pytest.mark.parametrize("text", ["abcd", "not hexadecimal", ""])
def test_what_is_no_key_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(text)
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(BadConfig, match="holds no key"):
        Pseudonyms.from_file(tmp_path / "key")


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CannotWrite, match="cannot be written"):
        Pseudonyms.from_file(tmp_path / "nowhere" / "key")
