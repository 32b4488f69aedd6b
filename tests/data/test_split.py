"""The split: disjoint, of the sizes asked for, in proportion, whole patients, the same from the same seed."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boneage.config import DataConfig
from boneage.data import split
from boneage.data.dataset import Dataset, Sample
from boneage.data.split import assign, choose, divide, fingerprint, read_split, sizes, split_of, write_split
from boneage.errors import BadConfig, BadTable, CannotWrite
from boneage.types import Sex

SEXES = (Sex.FEMALE, Sex.MALE)


def film(name: str, months: float | None = 100.0, sex: Sex = Sex.MALE, patient: str = "", part: str | None = None):
    return Sample(name, None, months, sex, patient or name, part)


def drawn(n: int, seed: int = 0) -> list[Sample]:
    rng = random.Random(seed)
    return [film(str(number), rng.randrange(240), rng.choice(SEXES)) for number in range(n)]


def dataset(samples: Sequence[Sample], root: Path = Path("nowhere")) -> Dataset:
    return Dataset(root, root / "table.csv", tuple(samples))


many = st.lists(
    st.tuples(st.integers(0, 239), st.sampled_from(SEXES), st.integers(0, 30), st.integers(0, 30)), max_size=60
).map(lambda rows: [film(str(n), m, s, f"p{p}") for n, (m, s, p, _) in enumerate(rows)])


@settings(deadline=None)
@given(samples=many, seed=st.integers(0, 9), counts=st.tuples(st.integers(0, 20), st.integers(0, 20)), data=st.data())
def test_parts_are_whole_small_enough_and_reproducible(
    samples: list[Sample], seed: int, counts: tuple[int, int], data: st.DataObject
) -> None:
    wanted = {"validation": counts[0], "calibration": counts[1]}
    groups = {s.id: data.draw(st.integers(0, 9)) for s in samples if data.draw(st.booleans())}
    parts = assign(samples, groups, wanted, seed)
    assert parts.keys() == {sample.id for sample in samples}
    assert set(parts.values()) <= {"train", *wanted}
    for part, count in wanted.items():
        assert Counter(parts.values())[part] <= count
    for keys in ({s.id: s.patient for s in samples}, groups):
        assert len({(key, parts[name]) for name, key in keys.items()}) == len(set(keys.values()))
    shuffled = data.draw(st.permutations(samples))
    assert assign(shuffled, groups, wanted, seed) == parts


@given(n=st.integers(0, 300), wanted=st.tuples(st.integers(0, 120), st.integers(0, 120)), seed=st.integers(0, 9))
def test_single_films_meet_the_counts_exactly(n: int, wanted: tuple[int, int], seed: int) -> None:
    found = Counter(assign(drawn(n), {}, {"validation": wanted[0], "calibration": wanted[1]}, seed).values())
    validation = min(n, wanted[0])
    assert found["validation"] == validation
    assert found["calibration"] == min(n - validation, wanted[1])


def test_singles_fill_up_what_patients_leave_short() -> None:
    samples = [film(str(n), patient=f"p{n // 3}") for n in range(90)] + [film(f"single{n}", 20) for n in range(30)]
    assert Counter(assign(samples, {}, {"validation": 20}, 0).values()) == {"validation": 20, "train": 100}


def test_every_age_and_sex_is_in_proportion() -> None:
    samples = drawn(2000)
    parts = assign(samples, {}, {"validation": 400}, 0)
    strata = Counter((s.sex, s.months // 12) for s in samples if s.months is not None)
    taken = Counter((s.sex, s.months // 12) for s in samples if s.months is not None and parts[s.id] == "validation")
    assert all(abs(taken[stratum] - count / 5) < 1 for stratum, count in strata.items())


def test_seeds_differ_and_new_films_leave_the_order_of_the_others() -> None:
    samples = [film(str(n)) for n in range(200)]
    first = assign(samples, {}, {"validation": 50}, 0)
    assert first != assign(samples, {}, {"validation": 50}, 1)
    more = assign([*samples, *(film(f"new{n}") for n in range(20))], {}, {"validation": 50}, 0)
    kept = {name for name in first if more[name] == "validation"}
    assert kept < {name for name in first if first[name] == "validation"}


def test_films_joined_through_others_stay_together() -> None:
    samples = [film("a", patient="x"), film("b", patient="x"), film("c"), film("d"), *drawn(40)]
    parts = assign(samples, {"b": 1, "c": 1, "d": 2, "elsewhere": 2}, {"validation": 20}, 3)
    assert parts["a"] == parts["b"] == parts["c"]


@pytest.mark.parametrize(("n", "expected"), [(0, (0, 0)), (4, (0, 0)), (5, (1, 0)), (20, (2, 1)), (11901, (1190, 595))])
def test_sizes(n: int, expected: tuple[int, int]) -> None:
    found = sizes(n, DataConfig())
    assert (found["validation"], found["calibration"]) == expected


def test_fractions_must_leave_films_to_train_on() -> None:
    with pytest.raises(BadConfig, match="should sum to below 1"):
        sizes(100, DataConfig(validation=0.6, calibration=0.4))
    with pytest.raises(BadConfig, match="should sum to below 1"):
        sizes(100, DataConfig(validation=-0.1))


@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.sampled_from(("train", "test"))))
@settings(deadline=None)
def test_a_split_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, parts: dict[str, str]) -> None:
    names = {name: part for name, part in parts.items() if name == name.strip() and not set(name) & set("\r\n\0")}
    path = tmp_path_factory.mktemp("split") / "split.csv"
    write_split(path, names)
    assert read_split(path) == names
    assert [file.name for file in path.parent.iterdir()] == ["split.csv"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,part\n1,train\n", "should have the columns id and split"),
        ("id,split\n1,train\n1,test\n", "line 3: the id '1' is there twice"),
        ("id,split\n1,both\n", "line 2: unknown split 'both'"),
    ],
)
def test_what_is_wrong_with_a_split_is_said(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises(BadTable, match=words):
        read_split(tmp_path / "split.csv")


def test_a_split_stored_with_decimals_and_ids_like_formulas(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    path.write_text("id,split\n1377.0,train\n7.0,val\n")
    assert read_split(path) == {"1377": "train", "7": "validation"}
    write_split(path, {"=1+1": "train"})
    assert path.read_text() == "id,split\n'=1+1,train\n"
    assert read_split(path) == {"=1+1": "train"}


def test_a_split_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite, match=r"split\.csv cannot be written"):
        write_split(tmp_path / "file" / "split.csv", {"1": "train"})


def test_the_table_splits_before_all_else(tmp_path: Path) -> None:
    write_split(tmp_path / "split.csv", {"a": "validation"})
    samples = [film("a", part="test"), film("b"), film("c", months=None, part="test")]
    assert split_of(dataset(samples, tmp_path), DataConfig()) == {"a": "test"}


def test_the_folder_splits_before_the_project(tmp_path: Path) -> None:
    ours = list(read_split(split.RSNA))[:3]
    write_split(tmp_path / "split.csv", {ours[0]: "validation", ours[1]: "train", "elsewhere": "test"})
    found = split_of(dataset([film(name) for name in ours], tmp_path), DataConfig())
    assert found == {ours[0]: "validation", ours[1]: "train"}


def test_films_of_the_rsna_set_have_the_projects_split(tmp_path: Path) -> None:
    ours = read_split(split.RSNA)
    some = [film(name) for name in list(ours)[::100]]
    assert split_of(dataset(some, tmp_path), DataConfig(seed=5)) == {s.id: ours[s.id] for s in some}
    more = [film(f"x{n}") for n in range(len(some) - 1)]
    found = split_of(dataset([*some, *more], tmp_path), DataConfig())
    assert found == {s.id: ours[s.id] for s in some} | {s.id: "train" for s in more}


def test_a_few_films_of_the_rsna_set_among_others_are_not_taken_for_new_ones(tmp_path: Path) -> None:
    """Of a network trained on RSNA films, they may be what it was trained on."""
    some = [film(name) for name in list(read_split(split.RSNA))[::1000]]
    others = [film(f"x{n}") for n in range(100)]
    mixed = dataset([*some, *others], tmp_path)
    with pytest.raises(BadConfig, match=rf"table.csv has {len(some)} ids of RSNA films, such as .*: --split all if"):
        choose(mixed, DataConfig(), "auto")
    assert len(choose(mixed, DataConfig(), "all")[0].samples) == len(mixed.samples)
    assert choose(dataset(others, tmp_path), DataConfig(), "auto")[1] == "all"
    mostly, part = choose(dataset([*some, *others[:5]], tmp_path), DataConfig(), "auto")
    assert part == "validation"
    assert {s.id for s in mostly.samples} <= {s.id for s in some}


def test_otherwise_the_seed_splits_and_equal_files_stay_together(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"one film")
    samples = [replace(film(f"f{n}"), path=tmp_path / "1.png") for n in range(30)] + [film(f"g{n}") for n in range(30)]
    found = split_of(dataset(samples, tmp_path), DataConfig(validation=0.4, seed=1))
    assert {found[f"f{n}"] for n in range(30)} == {"train"}
    assert Counter(found.values())["validation"] == 24
    assert found == split_of(dataset(samples[::-1], tmp_path), DataConfig(validation=0.4, seed=1))


def test_films_to_evaluate_on(tmp_path: Path) -> None:
    loose = dataset([*drawn(20), film("unlabelled", None)], tmp_path)
    config = DataConfig()
    trained_here = fingerprint(divide(loose, config))
    assert [(len(found.samples), part) for found, part in (choose(loose, config, "auto"),)] == [(20, "all")]
    found, part = choose(loose, config, "auto", {"sha256": trained_here, "folder": tmp_path.name})
    assert (len(found.samples), part) == (2, "validation")
    assert {s.split for s in choose(loose, config, "cal")[0].samples} == {"calibration"}
    with pytest.raises(BadTable, match="no labelled film in the split 'test'"):
        choose(loose, config, "test")
    for word in ("tests", "", "na"):
        with pytest.raises(BadConfig, match="split"):
            choose(loose, config, word)


def test_a_folder_changed_since_the_training_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    films = drawn(20)
    trained_on = {"sha256": fingerprint(divide(dataset(films, tmp_path), DataConfig())), "folder": tmp_path.name}
    changed = dataset(films[1:], tmp_path)
    with pytest.raises(BadConfig, match="not the same any more"):
        choose(changed, DataConfig(), "auto", trained_on)
    assert choose(changed, DataConfig(), "all", trained_on)[1] == "all"
    assert choose(changed, DataConfig(), "auto", trained_on | {"folder": "another"})[1] == "all"


def test_a_fingerprint_changes_with_labels_and_parts() -> None:
    samples = drawn(10)
    first = fingerprint(dataset(samples))
    assert first == fingerprint(dataset(samples))
    for change in ({"months": 1.0}, {"split": "test"}, {"sex": Sex.UNKNOWN}):
        assert fingerprint(dataset([replace(samples[0], **change), *samples[1:]])) != first


def test_the_committed_split() -> None:
    """Its bytes are fixed: results of different days are about the same films."""
    assert hashlib.md5(split.RSNA.read_bytes()).hexdigest() == "71d81cb37c57dcb66f7ee53ef38d9db9"
    assert Counter(read_split(split.RSNA).values()) == {"train": 10301, "validation": 1000, "calibration": 600}
