"""Films and labels of a data folder as tensors."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tiny import tiny_config

from boneage.training.tensors import TrainingData, load

CPU = torch.device("cpu")


def test_loads_each_split_with_its_own_labels(tiny_data: TrainingData, films: Path) -> None:
    table = dict(line.split(",", 1) for line in (films / "boneage-training-dataset.csv").read_text().splitlines()[1:])
    for part in (tiny_data.train, tiny_data.validation):
        words = [f"{months:.0f},{bool(sex[1])}" for months, sex in zip(part.months, part.sex, strict=True)]
        assert words == [table[name] for name in part.ids]
        assert part.pixels.dtype == torch.uint8
        assert part.pixels.shape == (len(part), 48, 48)
    assert not set(tiny_data.train.ids) & set(tiny_data.validation.ids)


def test_what_the_tables_columns_were_taken_for_is_said_before_training(tiny_data: TrainingData) -> None:
    assert tiny_data.remarks[0].endswith(": ids from 'id', bone ages in months from 'boneage', sexes from 'male'")


def test_a_limit_draws_training_films_only(tiny_data: TrainingData, films: Path) -> None:
    some = load(tiny_config("data.limit=20"), films, CPU)
    assert len(some.train) == 20
    assert set(some.train.ids) < set(tiny_data.train.ids)
    assert some.validation.ids == tiny_data.validation.ids
    assert load(tiny_config("data.limit=20", "data.seed=0"), films, CPU).train.ids == some.train.ids


def test_a_film_that_cannot_be_read_is_left_out(own_films: Path, tiny_data: TrainingData) -> None:
    lost = tiny_data.train.ids[3]
    (own_films / "images" / f"{lost}.png").write_text("no film")
    found = load(tiny_config(), own_films, CPU)
    keep = [row for row in range(51) if row != 3]
    assert found.train.ids == tuple(tiny_data.train.ids[row] for row in keep)
    assert torch.equal(found.train.pixels, tiny_data.train.pixels[keep])
    assert list(found.left_out) == [lost]
    assert f"{lost}.png" in found.left_out[lost]
    said = found.remarks[-2:]
    assert f".csv, film {lost}: cannot read " in said[0]
    assert said[1] == "1 films left out"


def test_a_native_aspect_is_restored_where_it_is_known(own_films: Path, tiny_data: TrainingData) -> None:
    name = tiny_data.train.ids[5]
    (own_films / "original_sizes.csv").write_text(f"id,width,height\n{name},1500,2000\n")
    native = load(tiny_config("data.aspect=native", "prepare.fit=pad"), own_films, CPU).train
    stored = load(tiny_config("prepare.fit=pad"), own_films, CPU).train
    assert [i for i in range(51) if not torch.equal(native.pixels[i], stored.pixels[i])] == [5]
