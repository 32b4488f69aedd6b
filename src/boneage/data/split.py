"""Divide films into those that train, validate and calibrate, in proportion by age and sex; patients stay together."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..config import DataConfig
from ..errors import BadConfig, BadTable
from ..files import sha256_json, write_bytes
from ..table import harmless, records_of, whole_numbers
from . import duplicates
from .dataset import SPLITS, Dataset, Sample, split_name

SPLIT_TABLE = "split.csv"
RSNA = Path(__file__).parent / "splits" / "rsna.csv"
BAND = 12.0  # months: the width of an age band
FEWEST = 5  # films: below, all train

Stratum = tuple[str, int]
Unit = tuple[Sample, ...]


def split_of(dataset: Dataset, config: DataConfig, groups: Mapping[str, int] | None = None) -> dict[str, str]:
    """The split of every labelled film, by id; films without one are left out.

    It comes from the first of these that there is: the table's column ``split``; ``split.csv`` beside the table; the
    RSNA split in this package, if most labelled ids are in it (the others train); `assign`.

    Args:
        dataset: the films.
        config: the fractions and the seed for `assign`.
        groups: films that `assign` keeps together (see `boneage.data.duplicates.groups`); by default those whose files
            are equal byte for byte.

    Raises:
        BadTable: if ``split.csv`` is wrong.
        BadConfig: if the fractions are.
    """
    films = [sample for sample in dataset.samples if sample.months is not None]
    if any(sample.split for sample in films):
        return {sample.id: sample.split for sample in films if sample.split}
    source = split_source(dataset)
    if source is not None:
        parts = dict.fromkeys((film.id for film in films), "train") if source is RSNA else {}
        parts |= _rsna() if source is RSNA else read_split(source)
        return {sample.id: parts[sample.id] for sample in films if sample.id in parts}
    return assign(films, duplicates.exact(films) if groups is None else groups, sizes(len(films), config), config.seed)


def split_source(dataset: Dataset) -> Path | None:
    """The file that divides this dataset: ``split.csv`` beside its table, the RSNA split in this package, or None."""
    own = dataset.root / SPLIT_TABLE
    if own.is_file():
        return own
    labelled = {sample.id for sample in dataset.samples if sample.months is not None}
    return RSNA if 2 * len(_ours(labelled)) > len(labelled) else None


def _ours(ids: Iterable[str]) -> set[str]:
    """The ids that are in the RSNA split."""
    return _rsna().keys() & ids


@cache
def _rsna() -> Mapping[str, str]:
    """The RSNA split, read once: every folder of films is asked whether it is in it."""
    return MappingProxyType(read_split(RSNA))


def divide(dataset: Dataset, config: DataConfig, groups: Mapping[str, int] | None = None) -> Dataset:
    """The dataset with every film's ``split`` as `split_of` has it, None for films in no part."""
    parts = split_of(dataset, config, groups)
    return replace(dataset, samples=tuple(replace(s, split=parts.get(s.id)) for s in dataset.samples))


def choose(
    dataset: Dataset, config: DataConfig, part: str, trained_on: Mapping[str, Any] | None = None
) -> tuple[Dataset, str]:
    """The films to evaluate on, and the name of their part.

    Args:
        dataset: the films.
        config: for `divide`.
        part: a split, ``all`` for all labelled films, or ``auto``: validation films where the folder or this package
            defines a split or the model was trained on this folder, else all, as the model has seen none of them.
        trained_on: the record of a run's data (see `boneage.training.tensors.load`).

    Raises:
        BadConfig: for a word that is no split; for ``auto`` where some of the films may have been trained on: the
            folder has the name of the one trained on but has changed, or a few of its ids are those of RSNA films.
        BadTable: if no film is left.
    """
    divided = divide(dataset, config)
    if part == "auto":
        part = _automatic(dataset, divided, trained_on or {})
    elif part != "all":
        part = _named(part)
    labelled = tuple(sample for sample in divided.samples if sample.months is not None)
    chosen = labelled if part == "all" else tuple(s for s in labelled if s.split == part)
    if not chosen:
        raise BadTable(f"{dataset.table} has no labelled film in the split {part!r}")
    return replace(divided, samples=chosen), part


def _automatic(dataset: Dataset, divided: Dataset, trained_on: Mapping[str, Any]) -> str:
    defined = any(sample.split for sample in dataset.samples) or split_source(dataset) is not None
    if defined or fingerprint(divided) == trained_on.get("sha256"):
        return "validation"
    if dataset.root.name == trained_on.get("folder"):
        raise BadConfig(
            f"{dataset.root} has the name of the folder that the model was trained on and is not the same any more: "
            "--split all if its films are new to the model, else keep the split in a column or in split.csv"
        )
    if ours := _ours(sample.id for sample in divided.samples if sample.split):
        raise BadConfig(
            f"{dataset.table} has {len(ours)} ids of RSNA films, such as {min(ours)}, among others: --split all if its "
            "films are new to the model, else keep the split in a column or in split.csv"
        )
    return "all"


def _named(word: str) -> str:
    try:
        name = split_name(word)
    except ValueError as error:
        raise BadConfig(str(error)) from None
    if name is None:
        raise BadConfig(f"no split is named {word!r}: expected {', '.join(SPLITS)}")
    return name


def fingerprint(dataset: Dataset) -> str:
    """A hash of a divided dataset's ids, labels, sexes and parts: runs of the same hash had the same data."""
    return sha256_json({s.id: [s.months, s.sex.value, s.split] for s in dataset.samples})


def sizes(films: int, config: DataConfig) -> dict[str, int]:
    """How many of so many films validate and calibrate: the configured fractions, and from `FEWEST` on at least one
    validates. Raises BadConfig for fractions that leave no film to train."""
    fractions = (config.validation, config.calibration)
    if min(fractions) < 0 or sum(fractions) >= 1:
        raise BadConfig(f"data.validation {fractions[0]} and data.calibration {fractions[1]} should sum to below 1")
    if films < FEWEST:
        return {"validation": 0, "calibration": 0}
    validation = max(1, round(films * config.validation)) if config.validation else 0
    return {"validation": validation, "calibration": min(round(films * config.calibration), films - validation - 1)}


def assign(
    samples: Iterable[Sample], groups: Mapping[str, int], counts: Mapping[str, int], seed: int
) -> dict[str, str]:
    """Choose each film's part: ``counts`` films for each named part, the rest ``train``.

    Every part has its share of each age band of 12 months and each sex. Films of one patient or group stay together, so
    a part may get fewer films than its count if no patient of few enough films is left. The choice depends on the seed
    and the ids alone, through SHA-256, so it is the same with every version of every library.

    Args:
        samples: the films.
        groups: a number for films that belong together, by id.
        counts: the size of each part but ``train``.
        seed: for another choice.

    Returns:
        The part by id.
    """
    films = list(samples)
    strata = _strata(_units(films, groups), seed)
    parts = {sample.id: "train" for sample in films}
    for part, count in counts.items():
        for unit in _draw(strata, count):
            parts |= {sample.id: part for sample in unit}
    return parts


def read_split(path: Path) -> dict[str, str]:
    """The parts by id of a table with the columns ``id`` and ``split``; empty cells are left out. Raises BadTable."""
    header, films = records_of(path)
    if not {"id", "split"} <= set(header):
        raise BadTable(f"{path} should have the columns id and split, found {', '.join(header)!r}")
    parts: dict[str, str | None] = {}
    names = whole_numbers([row["id"] for _, row in films])
    for name, (line, row) in zip(names, films, strict=True):
        if name in parts:
            raise BadTable(f"{path}, line {line}: the id {name!r} is there twice")
        try:
            parts[name] = split_name(row["split"])
        except ValueError as error:
            raise BadTable(f"{path}, line {line}: {error}") from None
    return {name: part for name, part in parts.items() if part}


def write_split(path: Path, parts: Mapping[str, str]) -> None:
    """Write a table for `read_split` in the mapping's order. Raises CannotWrite."""
    text = io.StringIO()
    rows = ((harmless(name), part) for name, part in parts.items())
    csv.writer(text, lineterminator="\n").writerows([("id", "split"), *rows])
    write_bytes(path, text.getvalue().encode())


def _units(films: Sequence[Sample], groups: Mapping[str, int]) -> list[Unit]:
    """Films that must stay together, joined by patient or group, directly or through others."""
    joined = duplicates.Joined(sample.id for sample in films)
    joined.join_equal({sample.id: sample.patient for sample in films})
    joined.join_equal(groups)
    units: dict[str, list[Sample]] = defaultdict(list)
    for sample in films:
        units[joined.root(sample.id)].append(sample)
    return [tuple(unit) for unit in units.values()]


def _strata(units: Iterable[Unit], seed: int) -> dict[Stratum, list[Unit]]:
    """Units by the sex and age band of their first film (by id), each stratum in the order of drawing."""
    strata: dict[Stratum, list[tuple[bytes, Unit]]] = defaultdict(list)
    for unit in units:
        first = min(unit, key=lambda sample: sample.id)
        rank = hashlib.sha256(f"{seed}:{first.id}".encode()).digest()
        strata[first.sex.value, int((first.months or 0.0) // BAND)].append((rank, unit))
    return {name: [unit for _, unit in sorted(strata[name], key=lambda pair: pair[0])] for name in sorted(strata)}


def _draw(strata: dict[Stratum, list[Unit]], count: int) -> list[Unit]:
    """Take units of ``count`` films in all out of the strata, in proportion.

    A stratum gives less than its share where its next units are too large; a second pass takes what is short from any.
    """
    shares = _shares({name: sum(map(len, units)) for name, units in strata.items()}, count)
    taken = [unit for name, units in strata.items() for unit in _take(units, shares[name])]
    short = count - sum(map(len, taken))
    for units in strata.values():
        more = _take(units, short)
        short -= sum(map(len, more))
        taken += more
    return taken


def _take(units: list[Unit], count: int) -> list[Unit]:
    """Remove from ``units``, from the front, those that fit into ``count`` films, and return them."""
    taken: list[Unit] = []
    left: list[Unit] = []
    for unit in units:
        fits = len(unit) <= count
        count -= len(unit) if fits else 0
        (taken if fits else left).append(unit)
    units[:] = left
    return taken


def _shares(available: Mapping[Stratum, int], count: int) -> dict[Stratum, int]:
    """``count`` divided in proportion to ``available``, in whole numbers: the largest remainders are rounded up."""
    total = sum(available.values())
    if not total:
        return Counter()
    count = min(count, total)
    shares = {name: count * number // total for name, number in available.items()}
    by_remainder = sorted(available, key=lambda name: (-(count * available[name] % total), name))
    for name in by_remainder[: count - sum(shares.values())]:
        shares[name] += 1
    return Counter(shares)
