from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor

from boneage.config import ModelConfig, PrepareConfig
from boneage.models.head import SEX_FEATURES, Network, PlainHead, SexHead, encode
from boneage.types import Sex

TINY = ModelConfig(name="tiny", hidden=16)
SPEC = PrepareConfig(size=32, channels=1)
SEXES = encode([Sex.FEMALE, Sex.MALE, Sex.UNKNOWN])


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def head(**settings: float) -> SexHead:
    return SexHead(8, 1, ModelConfig(hidden=16, **{"dropout": 0.0} | settings))


def network(**settings: float) -> Network:
    return Network(ModelConfig(name="tiny", hidden=16, **{"dropout": 0.0, "sex_dropout": 0.0} | settings), SPEC, 1)


def test_sex_as_numbers() -> None:
    assert SEXES.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert encode([]).shape == (0, 2)
    assert SEXES.dtype == torch.float32


def test_the_sex_changes_the_output() -> None:
    age, male = head().eval()(torch.ones(3, 8), SEXES)
    assert len(set(age.flatten().tolist())) == 3
    assert male is None


def test_a_dropped_sex_is_an_unknown_one() -> None:
    dropping, films = network(sex_dropout=1.0), torch.rand(1, 1, 32, 32).expand(3, -1, -1, -1)
    sex_dropout = dropping.train()(films, SEXES).age
    assert torch.equal(sex_dropout, sex_dropout[2:].expand(3, 1))
    ages = dropping.eval()(films, SEXES).age
    assert len(set(ages.flatten().tolist())) == 3


def test_the_sex_of_the_configured_share_is_dropped() -> None:
    partly, seen = network(sex_dropout=0.3).train(), []
    partly.head.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[1]))
    partly(torch.zeros(4000, 1, 8, 8), encode([Sex.FEMALE]).expand(4000, 2))
    assert 0.27 < (seen[0].sum(1) == 0).float().mean() < 0.33
    partly.eval()(torch.zeros(200, 1, 8, 8), encode([Sex.FEMALE]).expand(200, 2))
    assert seen[1].sum(1).all()


def test_an_unknown_sex_is_replaced_by_the_networks_own_estimate() -> None:
    telling = head(sex_loss=0.2).eval()
    assert telling.guess is not None
    for bias, like in ((50, 1), (-50, 0)):
        telling.guess.bias.data.fill_(bias)
        age, male = telling(torch.ones(3, 8), SEXES)
        assert male is not None
        assert len(set(male.tolist())) == 1  # it does not depend on the sex told
        torch.testing.assert_close(age[2], age[like])


def test_the_ages_error_does_not_bend_the_estimate_of_the_sex() -> None:
    telling = head(sex_loss=0.2).train()
    telling(torch.ones(3, 8), SEXES[2:].expand(3, 2))[0].sum().backward()
    assert telling.guess is not None
    assert telling.guess.weight.grad is None or not telling.guess.weight.grad.any()


def test_the_spread_is_learnt_from_the_features_without_bending_them() -> None:
    telling = network(expected_error_loss=0.1).train()
    answer = telling(torch.rand(2, 1, 32, 32), SEXES[:2])
    assert answer.expected_error is not None
    assert answer.expected_error.shape == (2,)
    answer.expected_error.sum().backward()
    assert telling.expected_error is not None
    assert telling.expected_error.last.weight.grad is not None
    assert all(p.grad is None for p in telling.backbone.parameters())


def test_dropout_acts_in_training_only() -> None:
    dropping = head(dropout=0.5)
    features, female = torch.ones(50, 8), encode([Sex.FEMALE]).expand(50, 2)
    assert len(dropping.train()(features, female)[0].unique()) > 10
    assert len(dropping.eval()(features, female)[0].unique()) == 1


def test_a_head_without_sex_is_one_layer_that_ignores_it() -> None:
    plain = PlainHead(8, 2)
    assert sum(p.numel() for p in plain.parameters()) == 8 * 2 + 2
    outputs, male = plain(torch.ones(3, 8), SEXES)
    assert torch.equal(outputs, outputs[:1].expand(3, 2))
    assert male is None


def test_the_head_with_sex_has_the_units_that_were_asked_for() -> None:
    made = head()
    assert made.sex.out_features == SEX_FEATURES
    assert (made.hidden.in_features, made.hidden.out_features) == (8 + SEX_FEATURES, 16)


@pytest.mark.parametrize("sex", [True, False])
def test_the_last_bias_starts_where_it_is_told(sex: bool) -> None:
    network = Network(ModelConfig(name="tiny", sex=sex), SPEC, 3, torch.tensor([1.0, 2.0, 3.0]))
    assert network.head.last.bias.tolist() == [1, 2, 3]
    assert isinstance(network.head, SexHead if sex else PlainHead)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_backbone_sees_normalised_films_in_every_channel(channels: int) -> None:
    network = Network(TINY, PrepareConfig(size=32, channels=channels, mean=0.4, std=0.2), 1).eval()
    seen: list[Tensor] = []
    network.backbone.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    films = torch.rand(2, 1, 32, 32)
    answer = network(films, SEXES[:2])
    assert answer.age.shape == (2, 1)
    assert (answer.male, answer.expected_error) == (None, None)
    assert answer.features is not None
    assert answer.features.shape == (2, network.backbone.features)
    torch.testing.assert_close(seen[0], ((films - 0.4) / 0.2).expand(2, channels, 32, 32))


def test_normalisation_travels_with_the_weights() -> None:
    network = Network(TINY, PrepareConfig(size=32, channels=1, mean=0.4, std=0.2), 1)
    stored = network.state_dict()
    assert (stored["mean"].item(), stored["std"].item()) == pytest.approx((0.4, 0.2))


def test_ages_are_told_in_full_precision_when_the_backbone_computes_in_half() -> None:
    model = network().eval()
    with torch.autocast("cpu", torch.bfloat16):
        answer = model(torch.rand(3, 1, 32, 32), SEXES)
    assert {part.dtype for part in (answer.age, answer.features)} == {torch.float32}
    assert not torch.equal(answer.age, answer.age.bfloat16().float())
