"""The project's own split is made again, bit for bit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from places import RSNA

from boneage.data import rsna_split, split
from boneage.data.dataset import open_folder
from boneage.data.split import assign, read_split, write_split


def test_a_split_is_made_from_a_folder(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rsna_split, "SIZES", {"validation": 10, "calibration": 5})
    made = rsna_split.write_rsna_split(films, tmp_path / "made.csv")
    assert read_split(tmp_path / "made.csv") == {sample.id: sample.split for sample in made.samples}
    assert Counter(sample.split for sample in made.samples) == {"train": 45, "validation": 10, "calibration": 5}


@pytest.mark.real
@pytest.mark.skipif(not RSNA.is_dir(), reason="the real films are not here")
def test_the_committed_split_is_of_the_real_films_and_made_as_said(tmp_path: Path) -> None:
    samples = open_folder(RSNA).samples
    parts = assign(samples, {}, rsna_split.SIZES, rsna_split.SEED)
    assert parts == read_split(split.RSNA)
    write_split(tmp_path / "again.csv", parts)
    assert (tmp_path / "again.csv").read_bytes() == split.RSNA.read_bytes()
