"""The tables of the agreement report."""

from __future__ import annotations

import numpy as np

from boneage.study.agree_table import COLUMNS, consensus_csv, measures_csv
from boneage.study.consensus import rsna
from boneage.study.ratings import Ratings


def test_the_consensus_of_each_film() -> None:
    values = np.array([[100.0, 110, 96], [50, 52, 48], [80, 90, 76], [np.nan] * 3])
    ratings = Ratings(("1", "=2", "3", "4"), ("a", "b", "c"), values[:, :, None])
    lines = consensus_csv(ratings, rsna(values)).splitlines()
    assert lines == ["id,consensus,readers", "1,101.60,3", "'=2,50.80,3", "3,81.60,3", "4,,0"]


def test_without_anything_measured_there_is_the_header() -> None:
    none = {"value": None, "low": None, "high": None}
    found = {"reliability": {"icc": {"ICC(A,1)": none}, "alpha": none, "films": 0}, "groups": {}}
    found |= {name: {} for name in ("against_consensus", "against_others", "interchangeability")}
    lines = measures_csv(found | {"pairs": [], "repeated": []}).splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert lines[1] == 'all,all,reliability,,,0,"ICC(A,1)",,,'
    assert len(lines) == 3
