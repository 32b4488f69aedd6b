"""How many films there are of each age, by sex, by part of the split or by anything else that a sample says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable

from .dataset import SPLITS, Dataset, Sample

WIDTH = 24.0  # months: of an age band


def census(samples: Iterable[Sample], column: Callable[[Sample], str], width: float = WIDTH) -> dict[str, Counter[str]]:
    """Count labelled films by age and one thing more.

    Args:
        samples: the films.
        column: what a film is counted under, such as its sex.
        width: months of an age band.

    Returns:
        For each band that has films, by its name (``24 to 47``), the counts.
    """
    bands: dict[int, Counter[str]] = defaultdict(Counter)
    for sample in samples:
        if sample.months is not None:
            bands[int(sample.months // width)][column(sample)] += 1
    return {f"{band * width:g} to {(band + 1) * width - 1:g}": bands[band] for band in sorted(bands)}


def strata_table(dataset: Dataset) -> list[str]:
    """The lines of a Markdown table: how many films of each age and sex are in each part of a divided dataset."""
    parts = [part for part in SPLITS if dataset.of(part).samples]
    sexes = sorted({sample.sex.value for sample in dataset.samples})
    columns = [f"{part}, {sex}" for part in parts for sex in sexes]
    bands = census(dataset.samples, lambda sample: f"{sample.split}, {sample.sex.value}")
    rows = [[band, *(str(counts[column]) for column in columns)] for band, counts in bands.items()]
    total = sum(bands.values(), Counter())
    rows.append(["all", *(str(total[column]) for column in columns)])
    return [f"| {' | '.join(cells)} |" for cells in (["months", *columns], ["---"] * (len(columns) + 1), *rows)]
