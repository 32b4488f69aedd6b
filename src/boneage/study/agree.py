"""Agreement of readers and programs who rated the same films: numbers, plots and a page, in one folder.

boneage agree TABLE --out OUT
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from .. import result_folder
from ..evaluation.metrics import BANDS
from ..files import json_bytes, sha256, text_bytes
from ..types import DISCLAIMER
from . import agree_page, agree_plots, agree_table, bland_altman, consensus, icc, interchange, krippendorff, variance
from .consensus import Consensus
from .deviation import INTERVAL, deviations
from .ratings import Ratings, read_ratings
from .resampling import RESAMPLES

MARKER = "agreement.json"
TABLES = ("agreement.csv", "consensus.csv")
FILES = (MARKER, "report.html", *TABLES, *agree_plots.NAMES)


def agree(
    table: Path,
    out: Path,
    *,
    programs: Collection[str] = (),
    readers: Collection[str] = (),
    by: Collection[str] = (),
    margin: float = interchange.MARGIN,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Measure the agreement in a table of ratings; write the folder ``out`` and return the content of its JSON.

    Args:
        table, programs, readers, by: as `boneage.study.ratings.read_ratings` takes them.
        out: a folder that is new, empty or holds an earlier report, which is replaced.
        margin: of the interchangeability test, months.
        resamples: of the films, for intervals that have no formula.

    Raises:
        BadTable: for a table that is none of ratings.
        CannotWrite: if ``out`` holds anything else.
    """
    result_folder.check(out, FILES, MARKER)
    ratings = read_ratings(table, programs=programs, readers=readers, by=by)
    agreed = agreed_months(ratings)
    found = measure(ratings, agreed, margin=margin, resamples=resamples) | {
        "table": table.name,
        "table_sha256": sha256(table.read_bytes()),
        "remarks": list(ratings.remarks),
        "interval": INTERVAL,
        "resamples": resamples,
        "version": version("boneage"),
        "disclaimer": DISCLAIMER,
    }
    pictures = agree_plots.draw(ratings, agreed.months, found)
    files = {
        MARKER: json_bytes(found),
        "report.html": text_bytes(agree_page.page(found, pictures)),
        TABLES[0]: agree_table.measures_csv(found).encode(),
        TABLES[1]: agree_table.consensus_csv(ratings, agreed).encode(),
        **pictures,
    }
    result_folder.write(out, files)
    return found


def agreed_months(ratings: Ratings) -> Consensus:
    """The RSNA consensus of the people, or of all where there are not two."""
    return consensus.rsna(ratings.matrix(ratings.judges))


def measure(
    ratings: Ratings, agreed: Consensus, *, margin: float = interchange.MARGIN, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """All numbers of a table of ratings as JSON values; ``agreed`` is the readers' consensus."""
    judges, values = ratings.judges, ratings.matrix(ratings.judges)
    return {
        "n": len(ratings),
        "readers": list(ratings.people),
        "programs": sorted(ratings.programs),
        "ratings": {name: int(np.isfinite(ratings.column(name)).sum()) for name in ratings.readers},
        "judges": list(judges),
        "reliability": reliability(values, resamples),
        "consensus": _weights(judges, agreed),
        "against_consensus": {name: compared(agreed.months, ratings.column(name)) for name in ratings.readers},
        "against_others": _against_others(ratings, judges),
        "pairs": [_pair(ratings, *pair) for pair in combinations(ratings.readers, 2)],
        "within": {name: bland_altman.within(ratings.repeated(name)) for name in ratings.readers},
        "repeated": list(_repeated(ratings)),
        "interchangeability": _interchangeability(ratings, margin, resamples),
        "groups": _groups(ratings, agreed, values, resamples),
    }


def reliability(values: np.ndarray, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Intraclass correlations and Krippendorff's alpha of ratings [films, readers], NaN for gaps."""
    complete = values[np.isfinite(values).all(axis=1)]
    rated = np.isfinite(values).any(axis=1).sum()
    if len(complete) == rated >= 2 and values.shape[1] > 1:
        found, method = icc.of_complete(complete), icc.COMPLETE
    else:
        found, method = variance.of_incomplete(values), variance.METHOD
    alpha = krippendorff.alpha(values, resamples)
    return {"films": int(rated), "method": method, "icc": icc.named(found), "alpha": alpha}


def compared(reference: np.ndarray, ratings: np.ndarray) -> dict[str, Any] | None:
    """Ratings [n] against a reference [n], NaN for gaps: bias, MAD, RMSE, limits of agreement and proportional bias.

    None without a film that both have.
    """
    both = np.isfinite(reference) & np.isfinite(ratings)
    if not both.any():
        return None
    first, second = reference[both], ratings[both]
    slope = bland_altman.proportional_bias(first, second)
    return deviations(second - first) | {"limits": bland_altman.limits(second - first), "proportional_bias": slope}


def _weights(judges: Collection[str], agreed: Consensus) -> dict[str, dict[str, float | None]]:
    """How the consensus was made: of each reader the bias and MAD against the mean of all, and the weight.

    Bias and MAD are None of a reader whose films nobody else rated.
    """
    parts = zip(judges, agreed.biases, agreed.mads, agreed.weights, strict=True)
    return {
        name: {"bias": _or_none(bias), "mad": _or_none(mad), "weight": float(weight)}
        for name, bias, mad, weight in parts
    }


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _against_others(ratings: Ratings, judges: Collection[str]) -> dict[str, Any]:
    """Each reader against the mean of the other judges, which he has no part in."""
    found = {}
    for name in ratings.readers:
        others = ratings.matrix(other for other in judges if other != name)
        found[name] = compared(consensus.mean_of_rated(others), ratings.column(name))
    return found


def _pair(ratings: Ratings, a: str, b: str) -> dict[str, Any]:
    return {"a": a, "b": b, "found": compared(ratings.column(a), ratings.column(b))}


def _repeated(ratings: Ratings) -> Iterator[dict[str, Any]]:
    """Limits of agreement of each pair of which one rated films several times."""
    if ratings.repeats.shape[2] < 2:
        return
    several = {name: ratings.repeated(name) for name in ratings.readers}
    for a, b in combinations(ratings.readers, 2):
        both = [row for row in range(len(ratings)) if len(several[a][row]) and len(several[b][row])]
        found = bland_altman.repeated_limits([several[a][row] for row in both], [several[b][row] for row in both])
        if found:
            yield {"a": a, "b": b, **found}


def _interchangeability(ratings: Ratings, margin: float, resamples: int) -> dict[str, Any]:
    if len(ratings.people) < 2:
        return {}
    readers = ratings.matrix(ratings.people)
    return {
        name: interchange.interchangeability(ratings.column(name), readers, margin, resamples)
        for name in sorted(ratings.programs)
    }


def _groups(ratings: Ratings, agreed: Consensus, values: np.ndarray, resamples: int) -> dict[str, Any]:
    """By sex, age band and the groups of the table: reliability, and everyone against the consensus of all films."""
    found: dict[str, dict[str, Any]] = {}
    for kind, name, rows in members(ratings, agreed.months):
        found.setdefault(kind, {})[name] = {
            "n": int(rows.sum()),
            "reliability": reliability(values[rows], resamples),
            "against_consensus": {
                reader: compared(agreed.months[rows], ratings.column(reader)[rows]) for reader in ratings.readers
            },
        }
    return found


def members(ratings: Ratings, ages: np.ndarray) -> Iterator[tuple[str, str, np.ndarray]]:
    """Each kind of group with the name of each group and which films [n] belong to it; empty cells are ``not known``.

    Args:
        ratings: the films.
        ages: by which they are put into age bands, [n], months.
    """
    columns: Mapping[str, Collection[str]] = dict(ratings.groups)
    if ratings.sexes:
        columns = {"sex": [sex.value for sex in ratings.sexes], **columns}
    for kind, cells in columns.items():
        words = np.array([cell or "not known" for cell in cells])
        yield from ((kind, str(name), words == name) for name in np.unique(words))
    for name, (low, high) in BANDS.items():
        rows = (ages >= low) & (ages < high)
        if rows.any():
            yield "age", name, rows
