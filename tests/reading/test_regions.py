"""The regions lie on the joints that they are named after."""

from __future__ import annotations

import numpy as np
import pytest

from boneage.hand.landmarks import LANDMARKS
from boneage.hand.locate import locator
from boneage.reading.regions import ELSEWHERE, REGIONS, regions, shares


def test_regions_lie_on_their_joints() -> None:
    points = locator().template
    of = regions(points, 200)
    expected = {
        **{f"{finger}_finger1": "MCP" for finger in ("middle", "ring", "pinky")},
        **{f"{finger}_finger2": "PIP" for finger in ("middle", "ring", "pinky")},
        **{f"{finger}_finger3": "DIP" for finger in ("middle", "ring", "pinky")},
        **{"forefinger1": "MCP", "thumb2": "MCP", "thumb3": "PIP", "thumb1": "carpals"},
    }
    for name, region in expected.items():
        x, y = (points[LANDMARKS.index(name)] * 200).astype(int)
        assert REGIONS[of[y, x]] == region, name
    x, y = points[0]
    assert REGIONS[of[round(200 * (y - 0.09)), round(200 * x)]] == "carpals"
    assert REGIONS[of[round(200 * (y + 0.06)), round(200 * x)]] == "radius and ulna"
    assert of[2, 2] == -1


def test_shares_are_of_the_whole_and_follow_the_hand() -> None:
    points = locator().template
    heat = np.zeros((200, 200), np.float32)
    heat[regions(points, 200) == REGIONS.index("PIP")] = 2.0
    assert shares(heat, points)["PIP"] == pytest.approx(1)
    turned = np.stack([1 - points[:, 1], points[:, 0]], axis=1)  # a quarter turn, clockwise
    assert shares(np.ascontiguousarray(np.rot90(heat, -1)), turned)["PIP"] > 0.95
    even = shares(np.ones((200, 200), np.float32), points)
    assert sum(even.values()) == pytest.approx(1)
    assert set(even) == {*REGIONS, ELSEWHERE}
    assert all(0.01 < even[name] < 0.3 for name in REGIONS)
