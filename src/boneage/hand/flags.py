"""What to say of a film and of its reading: each flag has a code, a severity and one sentence.

The film was measured by `boneage.hand.quality`; its flags are raised here, by thresholds. A new flag about the quality
of films is a measure in `Evidence`, a threshold and a function here, and its code in `CODES`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..types import Flag, Severity, Sex
from .quality import Evidence

# How every threshold was chosen: see `boneage.hand.quality`.
MOSTLY_SEEN = 0.6  # mean probability; one film lies below; of hands cut by a third of the film 78 % do
MANY = 3  # parts outside the picture, the wrist among them; one film
SMALL, TINY = 60.0, 30.0  # pixels from wrist to fingertip: a half and a quarter of the 0.5th percentile of films (120)
TURNED = 30.0  # degrees; 99 % of films are turned by less
FAINT = 0.05  # of the full range, black to bright bone; the faintest film has 0.07
CLIPPED = 0.02  # share of the palm at an end of the full range; 0 on every film
BLUNT = 0.25  # fine over middle detail; the bluntest film has 0.256; blurred by 4 of 299 pixels: 0.13 to 0.21
NOISY = 0.05  # noise over contrast; 2,200 films at most 0.020; from 0.06 on ages move by more than 8 months
BLOCKY = 0.03  # edges of JPEG blocks over contrast; 2,200 films at most 0.024; from 0.03 on ages move as far
METAL = 4  # pixels of the largest white spot on the fingers; of 4,000 films one has 4, 99.9 % at most 1
SCALE = {  # months: the first and the 98th percentile of the training labels
    Sex.FEMALE: (24.0, 186.0),
    Sex.MALE: (24.0, 204.0),
    Sex.UNKNOWN: (24.0, 186.0),
}

CODES = (
    *("not_a_hand", "hand_cut_off", "several_hands", "mirrored", "rotated", "laterality_contradicts", "inverted"),
    *("low_contrast", "too_dark", "too_bright", "blurred", "noisy", "too_small", "metal"),
    *("hand_not_found", "as_read", "sex_unknown", "sex_not_used", "sex_contradicts_file", "end_of_scale"),
    "site_calibration",
)


def of_film(evidence: Evidence, *, is_brought: bool, was_inverted: bool, laterality: str | None) -> list[Flag]:
    """The flags of the film itself.

    Args:
        evidence: what was measured.
        is_brought: whether the hand is brought upright before it is read.
        was_inverted: whether the film is inverted before it is read.
        laterality: ``L`` or ``R`` where the file says so, else None.
    """
    if not evidence.is_hand:
        sentence = "no radiograph of one hand was recognised"
        return [Flag.refuse("not_a_hand", sentence), *_several(evidence)]
    return [
        *_parts(evidence),
        *_several(evidence),
        *_pose(evidence, is_brought, laterality),
        *_exposure(evidence, was_inverted),
        *_detail(evidence),
    ]


def of_file(notes: Sequence[str]) -> list[Flag]:
    """A flag for each note of the file reader (`boneage.types.Radiograph.notes`)."""
    return [Flag.note("as_read", note) for note in notes]


def of_sex(sex: Sex, in_file: Sex, *, is_used: bool) -> list[Flag]:
    """The flags of the sex that a film is read with: the one in the file may differ, the model may not use it."""
    flags = []
    if is_used and sex is Sex.UNKNOWN:
        flags.append(Flag.warn("sex_unknown", "the sex is unknown: the reading is less sure"))
    if not is_used:
        flags.append(Flag.note("sex_not_used", "this model does not take the sex"))
    if Sex.UNKNOWN not in (in_file, sex) and in_file is not sex:
        flags.append(Flag.warn("sex_contradicts_file", f"the sex given is {sex}, the file says {in_file}"))
    return flags


def of_age(months: float, sex: Sex) -> list[Flag]:
    """The flag of a bone age in months below or above nearly all training labels of that sex."""
    low, high = SCALE[sex]
    if low < months < high:
        return []
    end = "few films so young" if months <= low else "growth may be complete, and it cannot tell by how long"
    return [Flag.warn("end_of_scale", f"the reading is at the end of the scale: {end}")]


def of_site(signature: str) -> Flag:
    """The flag of a reading by a site's calibration; ``signature`` names it."""
    return Flag.note("site_calibration", f"read with the {signature}")


def one_of_two(part: str, *, mirrored: bool) -> Flag:
    """The flag of a hand that was cut out of a picture of two: ``part``, its place there, ``mirrored``, its thumb's."""
    side = "right" if mirrored else "left"
    shown = f"this is its {part} part, a {side} hand if seen from its back"
    return Flag.warn("several_hands", f"the picture shows two hands: {shown}")


def hand_not_found() -> Flag:
    """The flag of a film that was read whole although the model reads hands cut out and brought upright."""
    return Flag.warn("hand_not_found", "no whole hand was found, the film was read as it is: do not trust this reading")


def _parts(evidence: Evidence) -> list[Flag]:
    if not evidence.missing:
        return []
    if evidence.seen < MOSTLY_SEEN or ("wrist" in evidence.missing and len(evidence.missing) >= MANY):
        return [Flag.refuse("hand_cut_off", "most of the hand is outside the picture")]
    return [Flag.warn("hand_cut_off", f"outside the picture: {', '.join(evidence.missing)}")]


def _several(evidence: Evidence) -> list[Flag]:
    if evidence.hands < 2:
        return []
    return [Flag.refuse("several_hands", "the picture shows two hands, and one age cannot be that of both")]


def _pose(evidence: Evidence, is_brought: bool, laterality: str | None) -> list[Flag]:
    """Mirrored, turned, or on the other side than the file says.

    A picture cannot tell which hand it shows: a right hand, a left hand with the palm up and a flipped film look alike.
    """
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
        flags.append(Flag.warn("laterality_contradicts", f"{shown}: flipped, palm up, or the wrong side named"))
    return flags


def _exposure(evidence: Evidence, was_inverted: bool) -> list[Flag]:
    flags = []
    if was_inverted:
        flags.append(Flag.note("inverted", "the film is inverted and was put right"))
    if evidence.inverted != was_inverted:
        flags.append(Flag.warn("inverted", "the polarity of the film is doubtful: bone may have been read as dark"))
    if evidence.contrast < FAINT:
        flags.append(Flag.warn("low_contrast", f"bone has only {evidence.contrast:.1%} of the grey range"))
    if evidence.dark > CLIPPED:
        flags.append(Flag.warn("too_dark", f"{evidence.dark:.0%} of the palm is black"))
    if evidence.bright > CLIPPED:
        flags.append(Flag.warn("too_bright", f"{evidence.bright:.0%} of the palm is white"))
    return flags


def _detail(evidence: Evidence) -> list[Flag]:
    if evidence.length < TINY:
        return [Flag.refuse("too_small", f"the hand is {evidence.length:.0f} pixels long, too few to read")]
    flags = []
    if evidence.length < SMALL:
        flags.append(Flag.warn("too_small", f"the hand is only {evidence.length:.0f} pixels long"))
    if evidence.sharpness < BLUNT:
        flags.append(Flag.warn("blurred", "the picture is blurred: joints may look closed"))
    if evidence.noise > NOISY:
        flags.append(Flag.warn("noisy", f"noise is {evidence.noise:.0%} of the contrast of bone: do not trust the age"))
    if evidence.blocks > BLOCKY:
        flags.append(Flag.warn("noisy", "compression has left blocks in place of bone: do not trust the age"))
    if evidence.metal >= METAL:
        flags.append(Flag.note("metal", "something as bright as metal lies on a finger, such as a ring or a pin"))
    return flags
