"""The losses: known values, units, extremes, starts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from torch import Tensor

from boneage.config import TrainConfig
from boneage.errors import BadConfig
from boneage.training.losses import BINS, LOSSES, Output, expected_error_loss, output, sex_loss

CENTRE, SCALE = 127.0, 41.0
MONTHS = st.floats(0, 240, width=32)


def of(name: str, **settings: float) -> Output:
    return output(TrainConfig(loss=name, **settings), CENTRE, SCALE)


def raw_for(name: str, months: Tensor) -> Tensor:
    """The head's numbers that mean these months; for a distribution, all of it on one whole month."""
    if name == "distribution":
        return 40 * torch.nn.functional.one_hot(months.long(), BINS).float()
    return (torch.log1p(months) if name == "msle" else (months - CENTRE) / SCALE)[:, None]


@pytest.mark.parametrize("name", LOSSES)
def test_months_undo_what_the_head_was_asked_for(name: str) -> None:
    months = torch.tensor([0.0, 1.0, 100.0, 228.0])
    raw = raw_for(name, months)
    assert raw.shape[1] == of(name).outputs
    torch.testing.assert_close(of(name).months(raw), months, atol=1e-3, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "predicted", "label", "expected"),
    [
        ("msle", 11.0, 23.0, math.log(2) ** 2),
        ("mse", 127.0 + 82, 127.0, 4.0),
        ("mae", 127.0 - 82, 127.0, 2.0),
        ("huber", 127.0 + 2, 127.0, 2**2 / (2 * 4) / SCALE),
        ("huber", 127.0 + 10, 127.0, (10 - 2) / SCALE),
    ],
)
def test_known_values(name: str, predicted: float, label: float, expected: float) -> None:
    raw = raw_for(name, torch.tensor([predicted]))
    loss = of(name, huber_beta=4.0).loss(raw, torch.tensor([label]))
    assert loss.shape == ()
    assert loss.item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", ["msle", "mse", "mae", "huber"])
def test_loss_is_the_mean_over_the_batch_and_zero_at_the_label(name: str) -> None:
    labels = torch.tensor([3.0, 60.0, 200.0])
    raw = raw_for(name, torch.tensor([6.0, 50.0, 210.0]))
    each = [of(name).loss(raw[i : i + 1], labels[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(of(name).loss(raw, labels), torch.stack(each).mean())
    assert of(name).loss(raw_for(name, labels), labels).item() == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", ["mse", "mae", "huber"])
def test_gradients_are_of_the_order_of_one(name: str) -> None:
    raw = torch.tensor([[1.0]], requires_grad=True)
    of(name).loss(raw, torch.tensor([CENTRE])).backward()
    assert raw.grad is not None
    assert 0.5 <= raw.grad.item() <= 2


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("value", [-1e4, -30.0, 0.0, 30.0, 1e4])
def test_loss_and_gradients_stay_finite(name: str, value: float) -> None:
    raw = torch.zeros(3, of(name).outputs)
    raw[:, 0] = value
    raw.requires_grad_()
    loss = of(name).loss(raw, torch.tensor([0.0, 120.0, 240.0]))
    loss.backward()
    assert torch.isfinite(loss)
    assert raw.grad is not None
    assert torch.isfinite(raw.grad).all()


@given(st.floats(-1e6, 80, width=32))
def test_msle_never_falls_below_minus_one(raw: float) -> None:
    assert of("msle").months(torch.tensor([[raw]])).item() >= -1


@settings(deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 1e4))
def test_distribution_stays_within_its_months(seed: int, expected_error: float) -> None:
    raw = expected_error * torch.randn(8, BINS, generator=torch.Generator().manual_seed(seed))
    months = of("distribution").months(raw)
    assert months.min() >= 0
    assert months.max() <= 240 + 1e-3


@settings(deadline=None)
@given(st.floats(30, 210, width=32))
def test_a_perfect_distribution_says_the_label_and_costs_nothing(label: float) -> None:
    labels = torch.tensor([label])
    reader = of("distribution")
    raw = reader.target(labels).clamp_min(1e-30).log()
    assert reader.months(raw).item() == pytest.approx(label, abs=0.05)
    assert reader.loss(raw, labels).item() == pytest.approx(0, abs=0.01)


@settings(deadline=None)
@given(MONTHS, st.floats(0.5, 20))
def test_targets_are_distributions_around_the_label(label: float, sigma: float) -> None:
    target = of("distribution", label_sigma=sigma).target(torch.tensor([label]))
    assert target.sum().item() == pytest.approx(1, abs=1e-5)
    assert abs(target.argmax().item() - label) <= 0.5 + 1e-3


def test_a_target_has_the_standard_deviation_asked_for() -> None:
    target = of("distribution", label_sigma=6.5).target(torch.tensor([120.0]))[0]
    variance = (target * (torch.arange(BINS) - 120.0) ** 2).sum()
    assert variance.sqrt().item() == pytest.approx(6.5, abs=0.01)


def test_distribution_is_learnt_by_descent() -> None:
    labels = torch.tensor([15.0, 60.0, 144.0, 225.0])
    raw = torch.zeros(4, BINS, requires_grad=True)
    optimizer = torch.optim.Adam([raw], 0.1)
    for _ in range(100):
        optimizer.zero_grad()
        of("distribution").loss(raw, labels).backward()
        optimizer.step()
    assert (of("distribution").months(raw) - labels).abs().max() < 1


@pytest.mark.parametrize(("name", "best"), [("mse", "mean"), ("mae", "median"), ("huber", "median")])
def test_bias_starts_at_the_best_constant(name: str, best: str) -> None:
    labels = torch.tensor([12.0, 100.0, 110.0])
    months = of(name).months(of(name).bias(labels)[None])
    assert months.item() == pytest.approx(getattr(labels, best)().item(), rel=1e-5)


def test_bias_of_the_logarithm_and_of_the_distribution() -> None:
    labels = torch.tensor([11.0, 23.0, 47.0])
    assert of("msle").months(of("msle").bias(labels)[None]).item() == pytest.approx(23, rel=1e-4)
    bias = of("distribution").bias(labels + 50)
    assert bias.shape == (BINS,)
    assert of("distribution").months(bias[None]).item() == pytest.approx(77, abs=0.1)


@pytest.mark.parametrize("name", LOSSES)
def test_all_in_float32_under_autocast(name: str) -> None:
    raw = torch.randn(4, of(name).outputs, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([1.0, 77.7, 133.3, 228.0], dtype=torch.float64)
    loss, months = of(name).loss(raw, labels), of(name).months(raw)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(of(name).loss(raw, labels), loss)
        assert torch.equal(of(name).months(raw), months)
    assert loss.dtype == months.dtype == of(name).months(raw.bfloat16()).dtype == torch.float32
    assert of(name).bias(labels).dtype == torch.float32


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "rmse"}, "unknown train.loss 'rmse'; known: msle, mse, mae, huber, distribution"),
        ({"loss": "huber", "huber_beta": 0.0}, r"train.huber_beta must be above zero months, found 0.0"),
        ({"loss": "distribution", "label_sigma": -1.0}, r"train.label_sigma must be above zero months, found -1.0"),
    ],
)
def test_settings_that_cannot_work(settings: dict[str, object], message: str) -> None:
    with pytest.raises(BadConfig, match=message):
        output(TrainConfig(**settings), CENTRE, SCALE)


@pytest.mark.parametrize("name", ["mse", "mae", "huber"])
@pytest.mark.parametrize("scale", [0.0, float("nan")])
def test_equal_labels_cannot_be_standardised(name: str, scale: float) -> None:
    with pytest.raises(BadConfig, match=r"standard deviation of .*: they must not be equal"):
        output(TrainConfig(loss=name), CENTRE, scale)


def test_the_loss_of_the_sex_counts_the_films_whose_sex_is_known() -> None:
    male = torch.tensor([2.0, -2.0, 9.0])
    sex = torch.tensor([[0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])
    wanted = (math.log1p(math.exp(-2)) + math.log1p(math.exp(2))) / 2
    assert sex_loss(male, sex).item() == pytest.approx(wanted, rel=1e-5)
    assert sex_loss(male[2:], sex[2:]).item() == 0


def test_the_expected_error_of_the_least_loss_is_the_mean_error() -> None:
    errors = torch.tensor([-2.0, 4.0, 9.0])
    expected_error = torch.tensor(5.0).log().expand(3).clone().requires_grad_()
    expected_error_loss(expected_error, errors).backward()
    assert expected_error.grad is not None
    assert expected_error.grad.sum().item() == pytest.approx(0, abs=1e-6)


def test_the_loss_of_the_expected_error_leaves_the_age_alone() -> None:
    errors = torch.ones(3, requires_grad=True)
    expected_error_loss(torch.zeros(3, requires_grad=True), errors).backward()
    assert errors.grad is None
