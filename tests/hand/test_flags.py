"""Flags: what is no hand is refused, and what is odd about a hand is said, each in its own words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from odd_films import HAND, SIDE, Pixels, clouds, drawing, film, hand, noise, slope, text

from boneage import Sex
from boneage.evaluation.changes import compressed, faint, noisy, resized, rotated
from boneage.hand import flags as film_flags
from boneage.hand import quality
from boneage.hand.flags import CODES, SCALE, of_age, of_film, of_sex
from boneage.hand.landmarks import LANDMARKS
from boneage.hand.prepare import analyse
from boneage.hand.quality import examine
from boneage.types import Flag, Severity


def flags(
    pixels: Pixels, *, is_brought: bool = True, was_inverted: bool = False, side: str | None = None
) -> list[Flag]:
    evidence = examine(film(pixels))
    return of_film(evidence, is_brought=is_brought, was_inverted=was_inverted, laterality=side)


def severities(pixels: Pixels, **how: bool | str | None) -> dict[str, Severity]:
    return {flag.code: flag.severity for flag in flags(pixels, **how)}  # type: ignore[arg-type]


@pytest.mark.parametrize("family", [noise, clouds, text, drawing, slope])
def test_what_is_no_hand_is_refused(family: Callable[[np.random.Generator], Pixels]) -> None:
    for seed in range(5):
        assert severities(family(np.random.default_rng(seed))) == {"not_a_hand": Severity.REFUSE}


@pytest.mark.parametrize("pixels", [np.zeros((300, 200)), np.ones((1, 1)), np.full((2, 900), 0.5)])
def test_an_empty_picture_is_refused(pixels: Pixels) -> None:
    assert Severity.REFUSE in severities(pixels).values()


def ringed(pixels: Pixels) -> Pixels:
    """A white band across the first bone of the ring finger."""
    hand = analyse(pixels, quality.SPEC).hand
    assert hand is not None
    base, end = (hand.points[LANDMARKS.index(f"ring_finger{joint}")] * SIDE for joint in (1, 2))
    middle, along = (base + end) / 2, (end - base) / 4
    across = np.array([-along[1], along[0]])
    ends = [(middle + by * across).round().astype(int).tolist() for by in (-1, 1)]
    return cv2.line(np.array(pixels, np.float32), *ends, 1.0, 4)


PLAIN: dict[str, tuple[Callable[[Pixels], Pixels], Severity]] = {
    "mirrored": (lambda pixels: pixels[:, ::-1], Severity.NOTE),
    "rotated": (lambda pixels: rotated(pixels, 90), Severity.NOTE),
    "low_contrast": (lambda pixels: faint(pixels, 0.04), Severity.WARN),
    "blurred": (lambda pixels: cv2.GaussianBlur(pixels, (0, 0), 4), Severity.WARN),
    "noisy": (lambda pixels: noisy(faint(pixels, 0.3), 0.03), Severity.WARN),
    "too_small": (lambda pixels: resized(pixels, 62), Severity.WARN),
    "metal": (ringed, Severity.NOTE),
    "too_dark": (lambda pixels: (pixels - np.percentile(pixels, 90)).clip(0, 1), Severity.WARN),
    "too_bright": (lambda pixels: (pixels * 2.5).clip(0, 1), Severity.WARN),
    "inverted": (lambda pixels: 1 - pixels, Severity.WARN),
}


@pytest.mark.parametrize("code", PLAIN)
def test_what_is_odd_about_a_film_is_said(code: str) -> None:
    change, severity = PLAIN[code]
    assert severities(HAND) == {}
    assert severities(change(HAND)).get(code) is severity


def test_the_blocks_of_a_strong_compression_are_noise_too() -> None:
    dim = faint(HAND, 0.12)
    assert "noisy" not in severities(compressed(dim, 95))
    assert severities(compressed(dim, 20))["noisy"] is Severity.WARN


def test_a_hand_of_a_few_pixels_is_refused() -> None:
    assert severities(resized(HAND, 30)).get("too_small", Severity.REFUSE) is Severity.REFUSE


@pytest.mark.parametrize("degrees", [-150, -90, -45, 45, 90, 180])
def test_the_angle_is_told(degrees: float) -> None:
    turned = examine(film(rotated(HAND, degrees))).turned - examine(film(HAND)).turned
    assert abs((turned - degrees + 180) % 360 - 180) < 6
    (flag,) = flags(rotated(HAND, degrees))
    assert flag.code == "rotated"


def test_a_pose_that_nothing_puts_right_is_a_warning() -> None:
    for code in ("mirrored", "rotated"):
        assert severities(PLAIN[code][0](HAND), is_brought=False)[code] is Severity.WARN


def test_a_film_that_was_read_inverted_is_noted() -> None:
    (flag,) = flags(1 - HAND, was_inverted=True)
    assert (flag.code, flag.severity) == ("inverted", Severity.NOTE)
    (flag,) = flags(HAND, was_inverted=True)[1:]
    assert "doubtful" in flag.sentence


def test_parts_outside_the_picture_are_named() -> None:
    (flag,) = flags(HAND[: round(0.75 * SIDE)])
    assert (flag.code, flag.severity) == ("hand_cut_off", Severity.WARN)
    assert "wrist" in flag.sentence
    (flag,) = flags(HAND[round(0.2 * SIDE) :])
    assert (flag.code, flag.severity) == ("hand_cut_off", Severity.WARN)
    assert "middle finger" in flag.sentence
    assert "wrist" not in flag.sentence


def test_half_a_hand_is_refused() -> None:
    assert Severity.REFUSE in severities(HAND[round(0.5 * SIDE) :]).values()


def test_two_hands_are_never_read_as_one() -> None:
    pair = np.concatenate([HAND, hand(2)[:, ::-1]], axis=1)
    assert severities(pair)["several_hands"] is Severity.REFUSE
    assert severities(pair.T)["several_hands"] is Severity.REFUSE


@pytest.mark.parametrize(
    ("side", "mirrored", "expected"),
    [("L", False, 0), ("R", False, 1), ("L", True, 1), ("R", True, 0), (None, True, 0)],
)
def test_the_side_in_the_file_against_the_picture(side: str | None, mirrored: bool, expected: int) -> None:
    found = flags(HAND[:, ::-1] if mirrored else HAND, side=side)
    said = [flag for flag in found if flag.code == "laterality_contradicts"]
    assert len(said) == expected
    assert all("flipped, palm up, or the wrong side named" in flag.sentence for flag in said)


def test_the_ends_of_the_scale() -> None:
    for sex, (low, high) in SCALE.items():
        assert [of_age(months, sex) for months in (low + 1, high - 1)] == [[], []]
        for months in (low, high, 400.0, -5.0):
            (flag,) = of_age(months, sex)
            assert (flag.code, flag.severity) == ("end_of_scale", Severity.WARN)


def test_every_code_is_known() -> None:
    source = Path(film_flags.__file__).read_text()
    assert all(f'("{code}", ' in source or f'"{code}"' in source for code in CODES)
    raised = [*of_sex(Sex.UNKNOWN, Sex.MALE, is_used=True), *of_sex(Sex.MALE, Sex.FEMALE, is_used=False)]
    raised += [film_flags.hand_not_found(), *of_age(0, Sex.MALE)]
    assert {flag.code for flag in raised} <= set(CODES)
    assert {flag.code for flag in raised if flag.code.startswith("sex")} == {
        *("sex_unknown", "sex_not_used", "sex_contradicts_file")
    }
