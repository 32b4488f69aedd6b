"""Films are counted by age and by anything else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from places import DOCS, RSNA

from boneage.config import DataConfig
from boneage.data.census import census, strata_table
from boneage.data.dataset import Dataset, Sample, open_folder
from boneage.data.split import divide
from boneage.types import Sex


def film(name: str, months: float | None, sex: Sex = Sex.MALE) -> Sample:
    return Sample(name, None, months, sex, name, None)


def test_census() -> None:
    samples = [film("a", 23.5), film("b", 24), film("c", 0, Sex.FEMALE), film("d", None)]
    assert census(samples, lambda sample: sample.sex.value) == {
        "0 to 23": {"male": 1, "female": 1},
        "24 to 47": {"male": 1},
    }


def test_a_table_of_the_parts() -> None:
    films = [replace(film("a", 30), split="train"), replace(film("b", 50, Sex.FEMALE), split="validation")]
    assert strata_table(Dataset(Path(), Path("table.csv"), tuple(films))) == [
        "| months | train, female | train, male | validation, female | validation, male |",
        "| --- | --- | --- | --- | --- |",
        "| 24 to 47 | 0 | 1 | 0 | 0 |",
        "| 48 to 71 | 0 | 0 | 1 | 0 |",
        "| all | 0 | 1 | 1 | 0 |",
    ]


@pytest.mark.real
@pytest.mark.skipif(not RSNA.is_dir(), reason="the real films are not here")
def test_the_docs_table_is_of_the_committed_split() -> None:
    table = "\n".join(strata_table(divide(open_folder(RSNA), DataConfig())))
    assert table in (DOCS / "data.md").read_text()
