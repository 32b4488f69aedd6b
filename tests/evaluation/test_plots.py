from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from boneage.evaluation import drawing, plots
from boneage.evaluation.predictions import Predictions
from boneage.types import Sex

NAMES = ["A: quick", "B: $\\frac{1}{$", "_hidden", "\u4eba\u9aa8\x07", "E: " + "long" * 30]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(drawing, "DPI", 100)


def table(n: int = 60, name: str = "A: quick", seed: int = 0, sexes=(Sex.FEMALE, Sex.MALE, Sex.UNKNOWN)) -> Predictions:
    generator = np.random.default_rng(seed)
    labels = generator.uniform(5, 225, n).round()
    cycle = tuple(sexes[number % len(sexes)] for number in range(n))
    ids = tuple(f"film {number}" for number in range(n))
    return Predictions(name, ids, cycle, labels, labels + generator.normal(0, 8, n))


def picture(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def has(pixels: np.ndarray, colour: str, tolerance: int = 40) -> bool:
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return bool((np.abs(pixels - wanted).max(-1) < tolerance).sum() > 20)


def drawings(tables: list[Predictions]) -> dict[str, bytes]:
    return {
        "scatter": plots.scatter(tables),
        "bland_altman": plots.bland_altman(tables),
        "residuals": plots.residuals(tables[0]),
        "overlaid": plots.residuals_overlaid(tables),
        "histogram": plots.histogram(tables[0]),
        "sureness": plots.sureness(tables[0], np.abs(tables[0].labels) / 8 + 3, 0.9),
        "errors": plots.errors_against([(tables[0], other) for other in tables]),
    }


@pytest.mark.parametrize("n", [1, 40])
def test_any_number_of_films_can_be_drawn(n):
    for name, png in drawings([table(n)]).items():
        assert picture(png).std() > 5, name


def test_odd_names_and_many_models_can_be_drawn():
    for name, png in drawings([table(30, each, at) for at, each in enumerate(NAMES)]).items():
        assert picture(png).std() > 5, name


def test_wild_predictions_can_be_drawn():
    wild = table(5)
    wild = Predictions(wild.name, wild.ids, wild.sexes, wild.labels * 0, np.array([-300.0, 0, 0, 900, 5]))
    for name, png in drawings([wild]).items():
        assert picture(png).std() > 5, name


@pytest.mark.parametrize("draw", [lambda t: plots.scatter([t]), plots.residuals, plots.histogram])
def test_each_sex_has_its_colour(draw):
    (orange, _), (blue, _) = drawing.SEXES[Sex.FEMALE], drawing.SEXES[Sex.MALE]
    girls = picture(draw(table(9, sexes=(Sex.FEMALE,))))
    assert has(girls, orange, 70)
    assert not has(girls, blue, 70)
    assert has(picture(draw(table(9, sexes=(Sex.MALE,)))), blue, 70)


def test_the_same_numbers_give_the_same_picture():
    assert plots.scatter([table()]) == plots.scatter([table()])


def test_panels_lie_in_rows_of_at_most_three():
    sizes = {n: picture(plots.scatter([table(5)] * n)).shape for n in (2, 3, 4, 5)}
    assert sizes[3][1] == 1.5 * sizes[2][1]
    assert sizes[4] == (2 * sizes[2][0], sizes[2][1], 3)
    assert sizes[5] == (2 * sizes[3][0], sizes[3][1], 3)


def test_running_numbers_by_hand():
    labels = np.repeat([60.0, 120.0], 11)
    errors = np.concatenate([np.arange(-5.0, 6), np.full(11, 7.0)])
    run = plots.running(Predictions("m", tuple(map(str, range(22))), (Sex.MALE,) * 22, labels, labels + errors))
    at_60, at_120 = (np.flatnonzero(run.ages == age)[0] for age in (60, 120))
    assert (run.median[at_60], run.low[at_60], run.high[at_60]) == pytest.approx((0, -4, 4))
    assert run.absolute[at_60] == pytest.approx(30 / 11)
    assert (run.median[at_120], run.absolute[at_120]) == pytest.approx((7, 7))
    assert not ((run.ages > 70) & (run.ages < 110)).any()


def test_running_needs_enough_films():
    assert len(plots.running(table(9)).ages) == 0


def test_the_sheet_of_worst_cases_shows_the_films():
    film = np.tile(np.linspace(0, 255, 64, dtype=np.uint8), (64, 1))
    cases = [plots.Case(f"$x$ <{n}>", Sex.MALE, 100, 100 + n, film) for n in range(5)]
    sheet = picture(plots.worst(cases))
    assert sheet.max() > 240
    assert sheet[0, 0].tolist() == [16, 16, 16]
    assert sheet.shape[0] == 2 * picture(plots.worst(cases[:4])).shape[0]


def test_an_empty_sheet_is_a_picture_too():
    assert picture(plots.worst([])).max() == 16


def test_matplotlib_is_loaded_only_for_drawing_and_pyplot_never():
    code = (
        "import sys, boneage.evaluation.compare\n"
        "import boneage.evaluation.plots as p\n"
        "assert 'matplotlib' not in sys.modules\n"
        "p.worst([]); assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=300)


def test_settings_of_a_notebook_are_left_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    plots.histogram(table(5))
    assert dict(matplotlib.rcParams) == before


def test_falling_errors_show_every_curve_and_its_interval():
    films = np.array([[300, 17.0, 16.0, 18.0], [1000, 12.0, 11.4, 12.6], [10301, 7.5, 7.2, 7.9]])
    epochs = np.array([[1, 20.0], [2, 15.0]])
    for curves, logarithmic in ([("from scratch", films), ("ImageNet", films * 0.9)], True), ([("one", epochs)], False):
        pixels = picture(plots.falling(curves, "training films", logarithmic=logarithmic))
        shown = [has(pixels, colour) for colour, _ in drawing.MODELS[:2]]
        assert shown == [True, len(curves) == 2]
