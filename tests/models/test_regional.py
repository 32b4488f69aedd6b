"""The network that sees one piece at a time: what is hidden has no part in its answer."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from regional import SIZE, settled, tiny_regions

from boneage.hand.bone_regions import PIECES, REGIONS, WHOLE, WRIST_PIECES, first_row, masks, question, questions
from boneage.hand.joints import TILES
from boneage.models.head import encode
from boneage.models.regional import FINE, Answers, RegionalNetwork, RegionalReader, _cut
from boneage.types import Sex

CELL = SIZE // 4
ASKED = torch.from_numpy(questions()).float()
SEX = encode([Sex.FEMALE, Sex.MALE, Sex.UNKNOWN])


@pytest.fixture(scope="module")
def network() -> RegionalNetwork:
    torch.manual_seed(1)
    config = tiny_regions()
    return settled(RegionalNetwork(config.model, config.prepare, 5, SIZE))


def montages(seed: int = 0) -> torch.Tensor:
    """Blocks of grey: noise from pixel to pixel would have the same features everywhere."""
    coarse = torch.rand(3, 1, SIZE // 8, SIZE // 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=(SIZE, SIZE), mode="bilinear")


def answers(network: RegionalNetwork, films: torch.Tensor, sex: torch.Tensor = SEX) -> Answers:
    with torch.no_grad():
        return network(films, sex, ASKED)


def without(films: torch.Tensor, region: int) -> torch.Tensor:
    """The montages with noise in all pieces that a region does not have.

    The two pixels around an outline stay: resizing mixes them with those within.
    """
    own, changed = REGIONS[region], montages(9)
    kept = np.zeros((2 * CELL, 2 * CELL), np.float32)
    for piece, mask in zip(WRIST_PIECES, masks(CELL), strict=True):
        if piece.name in own.pieces:
            kept[first_row(piece, CELL) :][:CELL] += mask
    around = torch.from_numpy(cv2.dilate(kept, np.ones((5, 5)))) > 0
    wrist = (slice(None), 0, slice(2 * CELL), slice(2 * CELL))
    changed[wrist] = torch.where(around, films[wrist], changed[wrist])
    for tile in TILES[1:]:
        if tile.middle in own.pieces:
            rows, columns = tile.part(CELL)
            changed[..., rows, columns] = films[..., rows, columns]
    return changed


def test_it_answers_every_question_of_every_hand(network: RegionalNetwork) -> None:
    found = answers(network, montages())
    assert found.age.shape == (3, len(ASKED), 5)
    assert found.expected_error.shape == found.male.shape == (3, len(ASKED))
    assert all(one.isfinite().all() for one in found)


@pytest.mark.parametrize("region", range(len(REGIONS)))
def test_what_is_hidden_has_no_part_in_the_answer(network: RegionalNetwork, region: int) -> None:
    films = montages()
    other = without(films, region)
    assert (films != other).any()
    number = question(REGIONS[region].shown)
    before, after = answers(network, films), answers(network, other)
    for one, two in zip(before, after, strict=True):
        torch.testing.assert_close(one[:, number], two[:, number], atol=1e-5, rtol=1e-5)
    assert (before.age[:, question(WHOLE)] - after.age[:, question(WHOLE)]).abs().max() > 1e-4


def test_each_piece_has_a_part_in_the_answer_for_the_whole(network: RegionalNetwork) -> None:
    films = montages()
    whole = answers(network, films).age[:, question(WHOLE)]
    for tile in TILES[1:]:
        changed = films.clone()
        rows, columns = tile.part(CELL)
        changed[..., rows, columns] = 0
        assert (answers(network, changed).age[:, question(WHOLE)] - whole).abs().max() > 1e-6, tile.middle


def test_the_weights_of_the_pieces_are_their_areas(network: RegionalNetwork) -> None:
    shares = network.shares(ASKED)
    torch.testing.assert_close(shares.sum(1), torch.ones(len(ASKED)))
    assert (shares[ASKED == 0] == 0).all()
    areas = torch.tensor([piece.area for piece in PIECES])
    torch.testing.assert_close(shares[question(WHOLE)], areas / 16)


def test_outside_its_outline_a_piece_is_as_grey_as_the_mean_within(network: RegionalNetwork) -> None:
    carpals, wrist, tiles = network.pieces(montages())
    fine = network.fine // 4
    assert fine == round(FINE * CELL)
    assert carpals.shape == (3, 1, 1, fine, 2 * fine)
    assert wrist.shape == (3, len(WRIST_PIECES) - 1, 1, CELL, 2 * CELL)
    assert tiles.shape == (3, len(PIECES) - len(WRIST_PIECES), 1, CELL, CELL)
    pieces = [(carpals[:, 0, 0], masks(fine)[0]), *zip(wrist[:, :, 0].unbind(1), masks(CELL)[1:], strict=True)]
    for films, mask in pieces:
        for piece in films.numpy():
            np.testing.assert_allclose(piece[mask == 0], piece[mask > 0].mean(), rtol=1e-5)
            assert piece[mask > 0].std() > 0.01


def test_the_pieces_of_a_montage_are_where_its_tiles_are(network: RegionalNetwork) -> None:
    films = montages()
    tiles = network.pieces(films)[2]
    for number, tile in enumerate(TILES[1:]):
        rows, columns = tile.part(CELL)
        assert torch.equal(tiles[:, number, 0], films[:, 0, rows, columns])


def test_the_carpals_are_the_same_part_of_the_wrist_but_larger(network: RegionalNetwork) -> None:
    films = montages()
    plain = _cut(films[..., : 2 * CELL, : 2 * CELL], WRIST_PIECES[:1])
    larger = network.pieces(films)[0]
    again = torch.nn.functional.interpolate(larger[:, 0], size=(CELL, 2 * CELL), mode="bilinear", antialias=True)
    assert np.corrcoef(again.flatten(), plain.flatten())[0, 1] > 0.9


def test_an_unknown_sex_is_guessed_from_what_is_shown_alone(network: RegionalNetwork) -> None:
    films, unknown = montages(), encode([Sex.UNKNOWN] * 3)
    carpals = question(REGIONS[0].shown)
    guessed = answers(network, films, unknown)
    changed = answers(network, without(films, 0), unknown)
    torch.testing.assert_close(guessed.male[:, carpals], changed.male[:, carpals], atol=1e-5, rtol=1e-5)
    assert (guessed.male[:, 0] - changed.male[:, 0]).abs().max() > 1e-5
    known = answers(network, films, encode([Sex.MALE] * 3))
    assert (known.age - guessed.age).abs().max() > 1e-6


def test_no_gradient_of_the_expected_error_reaches_the_features(network: RegionalNetwork) -> None:
    network.zero_grad()
    network(montages(), SEX, ASKED).expected_error.sum().backward()
    touched = {name.split(".")[0] for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    assert touched == {"head"}
    network.zero_grad()


def test_the_exported_network_takes_bytes_and_gives_months(network: RegionalNetwork) -> None:
    reader = RegionalReader(network, lambda raw: raw.mean(1), ASKED).eval()
    films = (montages()[:, 0] * 255).to(torch.uint8)
    with torch.no_grad():
        months, errors = reader(films, SEX)
        found = network(films.unsqueeze(1).float() / 255, SEX, ASKED)
    torch.testing.assert_close(months, found.age.mean(2))
    torch.testing.assert_close(errors, found.expected_error.exp())


def test_the_montage_is_resized_to_the_networks_size(network: RegionalNetwork) -> None:
    config, films = tiny_regions(), montages()
    smaller = RegionalNetwork(config.model, config.prepare, 5, SIZE // 2).eval()
    smaller.load_state_dict(network.state_dict())
    assert (answers(smaller, films).age - answers(network, films).age).abs().max() > 1e-6
    larger = torch.nn.functional.interpolate(films, scale_factor=2, mode="nearest")
    torch.testing.assert_close(network.pieces(larger)[2], network.pieces(films)[2], atol=0.05, rtol=0)


def test_the_backbone_may_be_any(network: RegionalNetwork) -> None:
    config = tiny_regions()
    other = RegionalNetwork(
        replace(config.model, name="efficientnet_lite0", activation="relu6"), config.prepare, 1, SIZE
    )
    assert other.features(montages()[:1]).shape == (1, len(PIECES), 1280)
