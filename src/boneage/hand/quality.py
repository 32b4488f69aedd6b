"""What speaks for and against reading a film, before an age is given: evidence, then flags with a code and a sentence.

The evidence is the locator's. Landmarks on anything but a hand lie where no hand has them: brought to the template by
the best affine map, they stay many times as far from it as on films. No classifier has to know what a non-hand is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ..config import PrepareConfig
from ..types import Flag, Radiograph, Severity, Sex
from . import landmarks
from .landmarks import LANDMARKS, PALM
from .locate import MISFIT, SEEN, Hand, fitted, locator
from .prepare import Findings, analyse, known, render

SIDE = 160  # pixels: the upright hand on which exposure and sharpness are judged
SPEC = PrepareConfig(size=SIDE, hand=True, channels=1)

# Every threshold, and how it was chosen. "Films": 700 of the training part, drawn at random; "cut" and "blurred": 40 of
# them so changed. "Non-hands": 432 drawings, photographs, noises and texts; besides, 80 hands without bones. What is
# said of other films and of other families of non-hands is measured by benchmarks/gate.py.
LEAST_SEEN = 0.4  # mean probability of the landmarks; films 0.51 to 1.00; cut by a third of their fingers 0.38 to 0.97
FLAT = (
    5.0  # grey levels of detail in the palm; 0.7 % of films have less, but all of 25 hands without bones that are whole
)
ODD = 0.035  # misfit: a hand both flatter and odder shows no bones; no film is both, most hands without bones are
MOSTLY_SEEN = 0.6  # mean probability; one film lies below; of hands cut by a third of the film 78 % do
BELOW_WRIST = 0.06  # of the frame's side: the growth plates of radius and ulna; within all films but the cut ones
MANY = 3  # parts outside the picture, the wrist among them; one film
SMALL, TINY = 60.0, 30.0  # pixels from wrist to fingertip: a half and a quarter of the 0.5th percentile of films (120)
TURNED = 30.0  # degrees; 99 % of films are turned by less
FAINT = 0.05  # of the full range, black to bright bone; the faintest film has 0.07
CLIPPED = 0.02  # share of the palm at an end of the full range; 0 on every film
BLUNT = 0.25  # fine over middle detail; the bluntest film has 0.256; blurred by 4 of 299 pixels: 0.13 to 0.21
NOISY = 0.05  # noise over contrast; 2,200 films at most 0.020; from 0.06 on ages move by more than 8 months
BLOCKY = 0.03  # edges of JPEG blocks over contrast; 2,200 films at most 0.024; from 0.03 on ages move as far
METAL = 4  # pixels of the largest white spot on the fingers; of 4,000 films one has 4, 99.9 % at most 1
WHITE, FINGER = 252, 9  # grey level; pixels, the width of a finger
ROOM = 0.55  # of the film: a hand in a larger frame leaves no room for another
SCALE = {  # months: the first and the 98th percentile of the training labels
    Sex.FEMALE: (24.0, 186.0),
    Sex.MALE: (24.0, 204.0),
    Sex.UNKNOWN: (24.0, 186.0),
}

CODES = (
    *("not_a_hand", "hand_cut_off", "several_hands", "mirrored", "rotated", "laterality_contradicts", "inverted"),
    *("low_contrast", "too_dark", "too_bright", "blurred", "noisy", "too_small", "metal"),
    *("hand_not_found", "as_read", "sex_unknown", "sex_not_used", "sex_contradicts_file", "end_of_scale"),
)
_WRIST = LANDMARKS.index("wrist")
_IMMERKAER = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


@dataclass(frozen=True)
class Evidence:
    """What was measured on one film.

    ``seen``: the mean probability that a landmark is in the picture. ``misfit``: the mean distance of the landmarks
    from where a hand has them, of the frame's side. ``detail``: how much of 255 grey levels the bones make of the
    palm. ``missing``: the parts outside the picture, by name. ``length``: of the hand in pixels. ``turned``:
    degrees, clockwise from upright. ``mirrored``: the thumb points to the left. ``contrast``: from black to bright
    bone, of the full range. ``dark``, ``bright``: the palm's shares at the ends of the range. ``sharpness``: fine
    over middle detail. ``noise``, ``blocks``: see `_degradation`. ``metal``: pixels of the largest white spot on the
    fingers. ``hands``: how many were made out, 0 to 2.
    """

    seen: float
    misfit: float
    detail: float
    missing: tuple[str, ...]
    length: float
    turned: float
    mirrored: bool
    inverted: bool
    contrast: float
    dark: float
    bright: float
    sharpness: float
    noise: float
    blocks: float
    metal: int
    hands: int

    @property
    def is_hand(self) -> bool:
        """Whether this is the radiograph of a hand, as far as the landmarks tell."""
        return _is_hand(self.seen, self.misfit) and (self.detail > FLAT or self.misfit < ODD)


def examine(film: Radiograph, found: Findings | None = None) -> Evidence:
    """The evidence of a film; ``found``: what `analyse` saw there, if it looked for the hand."""
    found = found if found and found.hand else analyse(film.pixels, SPEC)
    hand = found.hand
    assert hand is not None, "it was looked for"
    misfit, frame = fitted(hand)
    top, bottom, left, right = found.box
    sides = np.array([(right - left) * film.pixels.shape[1], (bottom - top) * film.pixels.shape[0]])
    dark, bright = _clipped(film, found)
    seen, square = float(hand.seen.mean()), render(film, found, SPEC)
    detail, sharpness = _detailed(square)
    noise, blocks = _degradation(film, found)
    return Evidence(
        seen=seen,
        misfit=misfit,
        detail=detail,
        missing=_missing(hand, frame),
        length=landmarks.length(hand.points * sides),
        turned=landmarks.rotation(hand.frame),
        mirrored=landmarks.is_mirrored(hand.frame),
        inverted=found.inverted,
        contrast=found.white - found.black,
        dark=dark,
        bright=bright,
        sharpness=sharpness,
        noise=noise,
        blocks=blocks,
        metal=_white(square, hand) if hand.is_certain else 0,
        hands=2 if _shows_two(film.pixels, hand) else int(_is_hand(seen, misfit)),
    )


def of_film(evidence: Evidence, *, is_brought: bool, was_inverted: bool, laterality: str | None) -> list[Flag]:
    """The flags of the film itself.

    ``is_brought``: the hand was brought upright before it is read; ``was_inverted``: the film was read inverted.
    ``laterality``: ``L``, ``R`` or None, as the file says.
    """
    if not evidence.is_hand:
        sentence = "no radiograph of one hand was recognised"
        return [_refuse("not_a_hand", sentence), *_several(evidence)]
    return [
        *_parts(evidence),
        *_several(evidence),
        *_pose(evidence, is_brought, laterality),
        *_exposure(evidence, was_inverted),
        *_detail(evidence),
    ]


def of_file(notes: Sequence[str]) -> list[Flag]:
    """A flag for each thing to know of how the file was read."""
    return [_note("as_read", note) for note in notes]


def of_sex(sex: Sex, told: Sex, *, is_used: bool) -> list[Flag]:
    """The flags of the sex that was used; ``told``: what the file says; ``is_used``: by the model."""
    flags = []
    if is_used and sex is Sex.UNKNOWN:
        flags.append(_warn("sex_unknown", "the sex is unknown: the reading is less sure"))
    if not is_used:
        flags.append(_note("sex_not_used", "this model does not take the sex"))
    if Sex.UNKNOWN not in (told, sex) and told is not sex:
        flags.append(_warn("sex_contradicts_file", f"the sex given is {sex}, the file says {told}"))
    return flags


def of_age(months: float, sex: Sex) -> list[Flag]:
    """The flag of a reading at the very end of the scale."""
    low, high = SCALE[sex]
    if low < months < high:
        return []
    end = "few films so young" if months <= low else "growth may be complete, and it cannot tell by how long"
    return [_warn("end_of_scale", f"the reading is at the end of the scale: {end}")]


def not_found() -> Flag:
    """For a model that reads upright hands and did not get one."""
    return _warn("hand_not_found", "no whole hand was found, the film was read as it is: do not trust this reading")


def _parts(evidence: Evidence) -> list[Flag]:
    if not evidence.missing:
        return []
    if evidence.seen < MOSTLY_SEEN or ("wrist" in evidence.missing and len(evidence.missing) >= MANY):
        return [_refuse("hand_cut_off", "most of the hand is outside the picture")]
    return [_warn("hand_cut_off", f"outside the picture: {', '.join(evidence.missing)}")]


def _several(evidence: Evidence) -> list[Flag]:
    return [_note("several_hands", "the picture seems to show more than one hand")] if evidence.hands > 1 else []


def _pose(evidence: Evidence, is_brought: bool, laterality: str | None) -> list[Flag]:
    """Chirality in the picture is not anatomy: a palm that faces the other way, or a flipped film, looks the same."""
    flags = []
    state, severity = ("and was put right", Severity.NOTE) if is_brought else ("and is read so", Severity.WARN)
    if evidence.mirrored:
        flags.append(Flag("mirrored", severity, f"the thumb points to the left, {state}"))
    if abs(evidence.turned) > TURNED:
        way = "clockwise" if evidence.turned > 0 else "anticlockwise"
        sentence = f"the hand is turned {abs(evidence.turned):.0f}\N{DEGREE SIGN} {way} {state}"
        flags.append(Flag("rotated", severity, sentence))
    if laterality and (laterality == "R") != evidence.mirrored:
        side, other = ("right", "left") if laterality == "R" else ("left", "right")
        shown = f"the file says {side} hand, the picture looks like a {other} one seen from its back"
        flags.append(_warn("laterality_contradicts", f"{shown}: flipped, palm up, or the wrong side named"))
    return flags


def _exposure(evidence: Evidence, was_inverted: bool) -> list[Flag]:
    flags = []
    if was_inverted:
        flags.append(_note("inverted", "the film is inverted and was put right"))
    if evidence.inverted != was_inverted:
        flags.append(_warn("inverted", "the polarity of the film is doubtful: bone may have been read as dark"))
    if evidence.contrast < FAINT:
        flags.append(_warn("low_contrast", f"bone has only {evidence.contrast:.1%} of the grey range"))
    if evidence.dark > CLIPPED:
        flags.append(_warn("too_dark", f"{evidence.dark:.0%} of the palm is black"))
    if evidence.bright > CLIPPED:
        flags.append(_warn("too_bright", f"{evidence.bright:.0%} of the palm is white"))
    return flags


def _detail(evidence: Evidence) -> list[Flag]:
    if evidence.length < TINY:
        return [_refuse("too_small", f"the hand is {evidence.length:.0f} pixels long, too few to read")]
    flags = []
    if evidence.length < SMALL:
        flags.append(_warn("too_small", f"the hand is only {evidence.length:.0f} pixels long"))
    if evidence.sharpness < BLUNT:
        flags.append(_warn("blurred", "the picture is blurred: joints may look closed"))
    if evidence.noise > NOISY:
        flags.append(_warn("noisy", f"noise is {evidence.noise:.0%} of the contrast of bone: do not trust the age"))
    if evidence.blocks > BLOCKY:
        flags.append(_warn("noisy", "compression has left blocks in place of bone: do not trust the age"))
    if evidence.metal >= METAL:
        flags.append(_note("metal", "something as bright as metal lies on a finger, such as a ring or a pin"))
    return flags


def _is_hand(seen: float, misfit: float) -> bool:
    return seen >= LEAST_SEEN and misfit <= MISFIT


def _shows_two(pixels: np.ndarray, hand: Hand) -> bool:
    """Whether each half of the film holds a hand of its own; looked for where there is room."""
    if hand.area > ROOM and _is_hand(float(hand.seen.mean()), fitted(hand)[0]):
        return False
    height, width = pixels.shape
    halves = (pixels[:, : width // 2], pixels[:, width // 2 :])
    if height > width:
        halves = (pixels[: height // 2], pixels[height // 2 :])
    return min(pixels.shape) > 1 and all(_holds_hand(np.ascontiguousarray(half)) for half in halves)


def _holds_hand(pixels: np.ndarray) -> bool:
    hand = analyse(pixels, SPEC).hand
    return bool(hand and hand.is_certain and fitted(hand)[0] <= MISFIT)


def _missing(hand: Hand, frame: np.ndarray) -> tuple[str, ...]:
    """The names of the parts that are not in the picture: fingers, and the wrist with the growth plates below it."""
    unseen = {name.rstrip("1234").replace("_", " ") for name, p in zip(LANDMARKS, hand.seen, strict=True) if p < SEEN}
    plates = landmarks.apply(frame, locator().template[[_WRIST]] + [0, BELOW_WRIST])
    if (plates < -0.01).any() or (plates > 1.01).any():
        unseen.add("wrist")
    return tuple(sorted(unseen))


def _clipped(film: Radiograph, found: Findings) -> tuple[float, float]:
    """The palm's shares at the lower and upper end of the full range."""
    whole = render(film, replace(found, black=0.0, white=1.0), SPEC)
    palm = _hull(PALM)
    return float((whole[palm] <= 1).mean()), float((whole[palm] >= 254).mean())


def _detailed(square: np.ndarray) -> tuple[float, float]:
    """The detail of 3 to 10 pixels within the palm of an upright square, in grey levels; and within the hand the detail
    of 1 to 3 pixels over it."""
    film, hand = square.astype(np.float32), _hull(range(len(LANDMARKS)))
    palm = cv2.erode(_hull(PALM).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    soft, softer = cv2.GaussianBlur(film, (0, 0), 1.2), cv2.GaussianBlur(film, (0, 0), 4.0)
    middle = soft - softer
    return float(middle[palm].std()), float((film - soft)[hand].std() / max(float(middle[hand].std()), 1e-6))


def _degradation(film: Radiograph, found: Findings) -> tuple[float, float]:
    """The noise's standard deviation (Immerkær, CVIU 64, 1996, the median in place of the mean), and by how much more
    neighbours differ across the edges of blocks of eight pixels than elsewhere: within the hand, of the range from
    black to bright bone."""
    assert found.hand is not None
    pixels = known(film, found)
    height, width = pixels.shape
    inside = landmarks.hull(found.hand.points * [width, height], (height, width))
    contrast = max(found.white - found.black, 1e-6)
    rough = np.abs(cv2.filter2D(pixels, -1, _IMMERKAER))[inside > 0]
    edges = [_edges(*both) for both in ((pixels, inside), (pixels.T, inside.T))]
    noise = float(np.median(rough)) / (6 * 0.6745) if rough.size else 0.0
    return noise / contrast, float(np.sqrt(edges[0] * edges[1])) / contrast


def _edges(pixels: np.ndarray, inside: np.ndarray) -> float:
    """By how much neighbours in a row differ more at one of eight columns than at the others, wherever blocks begin."""
    counted = inside[:, 1:]
    steps, count = (np.abs(np.diff(pixels, axis=1)) * counted).sum(0), counted.sum(0, dtype=np.float64)
    means = [steps[first::8].sum() / max(count[first::8].sum(), 1.0) for first in range(8)]
    return float(max(means) - np.median(means))


def _white(square: np.ndarray, hand: Hand) -> int:
    """The largest white spot on the fingers of an upright square, in pixels."""
    points = (landmarks.apply(landmarks.invert(hand.frame), hand.points) * SIDE).round().astype(np.int32)
    fingers = np.zeros((SIDE, SIDE), np.uint8)
    for first in range(1, len(LANDMARKS), 4):
        cv2.polylines(fingers, [points[first : first + 4]], False, 1, FINGER)
    spots = cv2.connectedComponentsWithStats(fingers * (square >= WHITE).astype(np.uint8))[2]
    return int(spots[1:, cv2.CC_STAT_AREA].max(initial=0))


def _hull(which: list[int] | range) -> np.ndarray:
    """The convex hull of some of the template's landmarks as bool [SIDE, SIDE]."""
    return landmarks.hull(locator().template[list(which)] * SIDE, (SIDE, SIDE)) > 0


def _note(code: str, sentence: str) -> Flag:
    return Flag(code, Severity.NOTE, sentence)


def _warn(code: str, sentence: str) -> Flag:
    return Flag(code, Severity.WARN, sentence)


def _refuse(code: str, sentence: str) -> Flag:
    return Flag(code, Severity.REFUSE, sentence)
