"""The anatomy of the synthetic hands: bones in millimetres for a bone age and a sex.

The frame is a left hand seen from behind: origin at the wrist, x towards the thumb, y towards the fingertips.
A bone is a closed outline with a marrow space inside; it is a list of points, drawn by `boneage.data.phantom`.

The ages at which centres appear and fuse are rounded, generic textbook values (in the manner of Greulich and Pyle 1959,
Garn et al. 1967, Scheuer and Black 2000); adult lengths and widths are rounded too. They serve to make films whose
label is known, never to read a real one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import cv2
import numpy as np

from ..types import Sex

POINTS = 40  # of every outline

# Tubular bones. Adult size in mm: length, width at base, waist and head. Epiphysis: which end bears it, its height
# over its width, months at which it appears (girls, boys) and at which it is fused (girls, boys).
_TUBULAR = (
    ("metacarpal 1", 47, 15.0, 8.2, 15.0, "base", 0.30, 18, 30, 168, 192),
    ("proximal 1", 34, 15.0, 7.7, 12.0, "base", 0.30, 20, 32, 172, 195),
    ("distal 1", 24, 14.0, 6.0, 10.0, "base", 0.30, 13, 19, 160, 186),
    ("metacarpal 2", 70, 16.5, 7.3, 15.0, "head", 0.50, 12, 18, 176, 198),
    ("proximal 2", 43, 15.5, 8.2, 11.5, "base", 0.30, 11, 16, 172, 195),
    ("middle 2", 25, 13.5, 6.9, 10.0, "base", 0.30, 16, 26, 174, 196),
    ("distal 2", 18, 11.0, 4.7, 8.5, "base", 0.30, 28, 40, 161, 187),
    ("metacarpal 3", 67, 14.5, 7.3, 15.0, "head", 0.50, 13, 20, 177, 199),
    ("proximal 3", 48, 15.5, 8.2, 12.0, "base", 0.30, 10, 15, 172, 195),
    ("middle 3", 29, 14.0, 7.3, 10.5, "base", 0.30, 15, 24, 174, 196),
    ("distal 3", 20, 11.5, 4.7, 8.5, "base", 0.30, 22, 32, 161, 187),
    ("metacarpal 4", 61, 12.5, 6.5, 13.5, "head", 0.50, 15, 23, 177, 199),
    ("proximal 4", 45, 14.5, 7.7, 11.5, "base", 0.30, 11, 16, 172, 195),
    ("middle 4", 28, 13.0, 6.9, 10.0, "base", 0.30, 15, 25, 174, 196),
    ("distal 4", 20, 11.0, 4.7, 8.5, "base", 0.30, 23, 33, 161, 187),
    ("metacarpal 5", 56, 13.0, 6.5, 12.5, "head", 0.50, 17, 26, 178, 200),
    ("proximal 5", 36, 13.5, 6.9, 10.0, "base", 0.30, 14, 22, 172, 195),
    ("middle 5", 20, 11.5, 6.0, 9.0, "base", 0.30, 22, 38, 174, 196),
    ("distal 5", 18, 9.5, 4.3, 7.5, "base", 0.30, 30, 43, 161, 187),
    ("radius", 230, 15.0, 13.5, 30.0, "head", 0.30, 11, 14, 195, 215),
    ("ulna", 230, 13.0, 10.5, 16.0, "head", 0.42, 67, 83, 190, 210),
)
BONES = tuple(row[0] for row in _TUBULAR)
_SIZES = np.array([row[1:5] for row in _TUBULAR])
_AT_BASE = np.array([row[5] == "base" for row in _TUBULAR])
_EPIPHYSIS_HEIGHT = np.array([row[6] for row in _TUBULAR])
_APPEAR = {Sex.FEMALE: np.array([row[7] for row in _TUBULAR]), Sex.MALE: np.array([row[8] for row in _TUBULAR])}
_FUSE = {Sex.FEMALE: np.array([row[9] for row in _TUBULAR]), Sex.MALE: np.array([row[10] for row in _TUBULAR])}
_RAYS = (slice(0, 3), slice(3, 7), slice(7, 11), slice(11, 15), slice(15, 19))  # thumb to little finger
_FOREARM = slice(19, 21)
_DISTAL = np.array([name.startswith("distal") for name in BONES])
_WEDGE = np.array([{"radius": 0.35, "ulna": -0.25}.get(name, 0.0) for name in BONES])  # thicker towards the styloid
_PLATE = np.arange(len(BONES)) % 2
_LONG = np.array([name in ("radius", "ulna") for name in BONES])

# Round bones: months at which they appear (girls, boys) and the adult outline in mm.
_ROUND: dict[str, tuple[float, float, tuple[tuple[float, float], ...]]] = {
    "capitate": (2, 3, ((-5, 35), (6, 35), (7, 29), (6, 22), (5, 15), (1, 11), (-4, 13), (-6, 20), (-6, 28))),
    "hamate": (3, 4, ((-18, 32), (-8, 34), (-7, 26), (-7, 18), (-9, 15), (-14, 21), (-19, 27))),
    "triquetrum": (22, 30, ((-10, 15), (-9, 10), (-13, 7), (-20, 11), (-21, 17), (-17, 20), (-13, 19))),
    "lunate": (31, 41, ((-8, 10), (-7, 6), (-1, 4), (5, 5), (6, 9), (4, 13), (0, 11), (-3, 12), (-6, 14))),
    "trapezium": (49, 68, ((16, 21), (22, 18), (28, 21), (29, 26), (23, 29), (17, 27))),
    "trapezoid": (51, 69, ((8, 26), (9, 20), (14, 20), (17, 23), (15, 31), (9, 32))),
    "scaphoid": (53, 66, ((7, 12), (6, 6), (12, 5), (18, 8), (21, 14), (20, 18), (15, 19), (11, 16))),
    "pisiform": (98, 125, ((-18, 5), (-14, 7), (-13, 11), (-16, 15), (-20, 15), (-22, 11), (-21, 7))),
    "sesamoid": (132, 155, ((-3, -2), (0, -3), (3, -2), (3, 2), (0, 3), (-3, 2))),  # placed at the thumb's joint
}
CARPALS = tuple(_ROUND)[:8]
_ROUND_PLATE = np.array([0, 1, 0, 1, 0, 1, 1, 1, 1])  # neighbours on different plates add up where they overlap
_ROUND_FULL = {Sex.FEMALE: 156.0, Sex.MALE: 180.0}  # months at which they have their adult shape

_GROWTH_AGES = (0, 12, 24, 48, 72, 96, 120, 144, 168, 192, 216)  # months; the fractions of the adult length follow
_GROWTH = {
    Sex.FEMALE: (0.31, 0.45, 0.53, 0.62, 0.70, 0.78, 0.85, 0.93, 0.985, 1.0, 1.0),
    Sex.MALE: (0.30, 0.43, 0.49, 0.58, 0.66, 0.73, 0.79, 0.85, 0.93, 0.985, 1.0),
}
_BASES = np.array([(27.0, 27.5), (11.0, 33.5), (0.5, 36.5), (-9.0, 35.0), (-17.5, 33.0)])  # of the metacarpals, mm
_METACARPAL_ANGLES = np.array([40.0, 11.0, 0.0, -11.0, -22.0])  # degrees from the hand's axis towards the thumb
_FINGER_ANGLES = np.array([34.0, 13.0, 1.0, -10.0, -25.0])
_FOREARM_TOPS = np.array([(8.5, 4.0), (-16.5, 2.5)])  # where radius and ulna end at the wrist, mm


@dataclass(frozen=True)
class Pieces:
    """Bones and parts of bones, in the order they are drawn.

    ``outlines`` and ``marrows``: float [pieces, POINTS, 2] in mm, the latter inside the former; ``shell`` and ``core``:
    how dense [pieces] the rim and the marrow are; ``plates``: 0 or 1 [pieces], pieces on different plates add up where
    they overlap.
    """

    outlines: np.ndarray
    marrows: np.ndarray
    shell: np.ndarray
    core: np.ndarray
    plates: np.ndarray


@dataclass(frozen=True)
class Anatomy:
    """One hand in millimetres: its ``bones``, its ``skin`` (convex polygons whose union is the soft tissue) and its
    ``joints``, float [21, 2]. ``carpals`` names those that have ossified, ``epiphyses`` counts the epiphyses that have
    (of 21), ``fused`` those that have joined their shafts."""

    bones: Pieces
    skin: list[np.ndarray]
    joints: np.ndarray
    carpals: tuple[str, ...]
    epiphyses: int
    fused: int


@dataclass(frozen=True)
class _Skeleton:
    """The tubular bones as placed: ``start`` [21, 2] and ``axis`` [21, 2] of each, ``length``, ``base``, ``waist`` and
    ``head`` [21] in mm; ``age`` in months, and those at which the epiphysis of each ``appears`` and ``fuses`` [21]."""

    start: np.ndarray
    axis: np.ndarray
    length: np.ndarray
    base: np.ndarray
    waist: np.ndarray
    head: np.ndarray
    age: float
    appears: np.ndarray
    fuses: np.ndarray


def grow(rng: np.random.Generator, months: float, sex: Sex, spread: float = 1.0) -> Anatomy:
    """A hand of this bone age; ``spread`` scales the angles between the fingers. Every length, width and centre
    varies by itself, so that no single one tells the age."""
    lengthwise = float(np.interp(months, _GROWTH_AGES, _GROWTH[sex])) * (1.0 if sex is Sex.MALE else 0.93)
    across = 0.25 + 0.75 * lengthwise
    skeleton, joints = _place(rng, months, sex, lengthwise, across, spread)
    round_bones, present = _round_bones(rng, months, sex, np.array([across, lengthwise]), skeleton)
    chub = 1.0 + 0.3 * float(np.exp(-months / 40)) + float(rng.normal(0, 0.05))
    return Anatomy(
        bones=_joined(_shafts(skeleton), _epiphyses(skeleton), _seams(skeleton), round_bones),
        skin=_skin(joints, across, chub, skeleton),
        joints=joints,
        carpals=tuple(name for name in CARPALS if name in present),
        epiphyses=int(np.sum(skeleton.appears < months)),
        fused=int(np.sum(skeleton.fuses <= months)),
    )


def _joined(*parts: Pieces) -> Pieces:
    return Pieces(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Pieces)))


def _place(
    rng: np.random.Generator, months: float, sex: Sex, lengthwise: float, across: float, spread: float
) -> tuple[_Skeleton, np.ndarray]:
    count = len(_TUBULAR)
    base, waist, head = _SIZES[:, 1:].T * across * rng.normal(1, 0.04) * rng.normal(1, 0.025, count)
    length = (_SIZES[:, 0] + 1.5) * lengthwise * rng.normal(1, 0.025, count)
    start, axis = np.zeros((count, 2)), np.zeros((count, 2))
    joints = np.zeros((21, 2))
    metacarpal = _METACARPAL_ANGLES * (0.7 + 0.3 * spread) + rng.normal(0, 1.5, 5) * (3, 1, 1, 1, 1)
    finger = _FINGER_ANGLES * (0.3 + 0.7 * spread) + rng.normal(0, 2.5, 5) * (2, 1, 1, 1, 1)
    for ray, bones in enumerate(_RAYS):
        segments = bones.stop - bones.start
        bends = np.concatenate([[metacarpal[ray]], finger[ray] + np.cumsum(rng.normal(0, 2, segments - 1))])
        axis[bones] = _direction(bends)
        ends = _BASES[ray] * (across, lengthwise) + np.cumsum(axis[bones] * length[bones, None], axis=0)
        start[bones] = ends - axis[bones] * length[bones, None]
        first = 1 + 4 * ray
        joints[first : first + 4] = ends if segments == 4 else np.vstack([start[bones][:1], ends])
    axis[_FOREARM] = _direction(rng.normal(0, 4) + rng.normal((2, -1), 0.7))
    start[_FOREARM] = _FOREARM_TOPS * (across, lengthwise) - axis[_FOREARM] * length[_FOREARM, None]
    appears = _APPEAR[sex] * rng.normal(1, 0.12, count)
    fuses = _FUSE[sex] + rng.normal(0, 5, count)
    return _Skeleton(start, axis, length, base, waist, head, months, appears, fuses), joints


def _direction(degrees: np.ndarray) -> np.ndarray:
    radians = np.radians(degrees)
    return np.stack([np.sin(radians), np.cos(radians)], axis=-1)


def _plate_gap(bones: _Skeleton) -> np.ndarray:
    """Width of the growth plates in mm: wide in infancy, narrower with the years, closed at fusion."""
    to_go = bones.fuses - bones.age
    narrow = np.minimum(bones.base / 15, 1)
    return narrow * np.clip(to_go / 30, 0, 1) * (1.1 + 1.6 * np.clip(to_go / 150, 0, 1))


def _zones(bones: _Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Thickness of the cartilage under a joint's surface and height of the whole epiphysis, ossified or not; mm."""
    cartilage = 0.6 + 0.6 * np.exp(-bones.age / 60) * np.ones_like(bones.length)
    young = 0.65 + 0.35 * min(bones.age / 96, 1.0)
    return cartilage, young * _EPIPHYSIS_HEIGHT * np.where(_AT_BASE, bones.base, bones.head)


_STEPS = (1 - np.cos(np.linspace(0, np.pi, POINTS // 2))) / 2  # along a shaft, dense at both ends


def _shafts(bones: _Skeleton) -> Pieces:
    cartilage, height = _zones(bones)
    towards_joint = cartilage + height + _plate_gap(bones)
    low = np.where(_AT_BASE, towards_joint, cartilage)
    high = bones.length - np.where(_AT_BASE, cartilage, towards_joint)
    outlines = _tube(bones, low, high, np.zeros(len(low)))
    hollow = (0.30 + 0.20 * min(bones.age / 228, 1.0)) * np.ones(len(low))
    marrows = _tube(bones, low + 0.8, high - 0.8, hollow)
    return Pieces(outlines, marrows, _density(bones), 0.62 * _density(bones), _PLATE)


def _tube(bones: _Skeleton, low: np.ndarray, high: np.ndarray, hollow: np.ndarray) -> np.ndarray:
    """Outlines [bones, POINTS, 2] between two heights: flared ends, a waist, rounded corners; ``hollow`` is the part of
    the half width that the cortex takes at the waist."""
    along = low[:, None] + (high - low)[:, None] * _STEPS
    part = (along - low[:, None]) / (high - low)[:, None]
    near = np.where(_LONG, 0.02, np.where(_AT_BASE, 0.48, 0.35))[:, None]
    far = np.where(_LONG, 0.25, np.where(_DISTAL, 0.40, np.where(_AT_BASE, 0.45, 0.38)))[:, None]
    flare_base = (bones.base - bones.waist)[:, None] * np.clip(1 - part / near, 0, 1) ** 2
    flare_head = (bones.head - bones.waist)[:, None] * np.clip(1 - (1 - part) / far, 0, 1) ** 2
    half = (bones.waist[:, None] + flare_base + flare_head) / 2
    half = half * (1 - hollow[:, None] * (1 - np.abs(2 * part - 1) ** 3) - 0.1 * (hollow[:, None] > 0))
    free = np.where(_AT_BASE, bones.head, bones.base) * np.where(_DISTAL, 0.30, np.where(_AT_BASE, 0.35, 0.15))
    grown = np.full_like(free, 0.8)  # the metaphysis: flat, with small corners
    below = _corner(along - low[:, None], np.where(_AT_BASE, grown, free))
    above = _corner(high[:, None] - along, np.where(_AT_BASE, free, grown))
    right = half * below * above
    both = np.concatenate([along, along[:, ::-1]], axis=1)
    return _to_hand(bones, np.concatenate([right, -right[:, ::-1]], axis=1), both)


def _corner(distance: np.ndarray, radius: np.ndarray) -> np.ndarray:
    inside = 1 - np.clip(distance / radius[:, None], 0, 1)
    return (1 - inside**2.5) ** 0.4


def _to_hand(bones: _Skeleton, sideways: np.ndarray, along: np.ndarray) -> np.ndarray:
    across = np.stack([bones.axis[:, 1], -bones.axis[:, 0]], axis=1)
    return bones.start[:, None] + along[..., None] * bones.axis[:, None] + sideways[..., None] * across[:, None]


_TURN = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
_COS, _SIN = np.cos(_TURN), np.sin(_TURN)
_RING = np.stack([_COS, _SIN], axis=1)


def _epiphyses(bones: _Skeleton) -> Pieces:
    """The ossified epiphyses: dots that widen, thicken, reach the width of the shaft and cap it."""
    maturity = (bones.age - bones.appears) / (bones.fuses - bones.appears)
    wide = np.interp(maturity, (0, 0.12, 0.35, 0.65, 0.88, 1), (0.2, 0.45, 0.74, 0.95, 1.1, 1.02))
    tall = np.interp(maturity, (0, 0.12, 0.35, 0.65, 1), (0.3, 0.5, 0.72, 0.92, 1.0))
    cartilage, height = _zones(bones)
    half_width = wide * np.where(_AT_BASE, bones.base, bones.head) / 2
    half_height = height * tall / 2
    cap = 0.25 * height * np.clip((maturity - 0.6) / 0.3, 0, 1)
    square = 2 + np.where(_AT_BASE | _LONG, 1.4, 0.4) * np.clip(maturity / 0.5, 0, 1)
    middle = cartilage + height - half_height
    outer = _lens(bones, half_width, half_height, middle, cap, square)
    inner = _lens(bones, half_width - 0.9, np.maximum(half_height - 0.8, 0.05), middle, cap, square)
    density = 0.85 * _density(bones)
    return _select(Pieces(outer, inner, density, 0.78 * density, _PLATE), maturity > 0)


def _seams(bones: _Skeleton) -> Pieces:
    """What joins an epiphysis to its shaft: a bar in the middle of the plate that widens, then a scar that fades."""
    closing = np.clip((bones.age - bones.fuses + 15) / 15, 0, 1)
    fading = np.clip((bones.age - bones.fuses) / 48, 0, 1)
    cartilage, height = _zones(bones)
    gap = _plate_gap(bones)
    half_width = 0.45 * closing * np.where(_AT_BASE, bones.base, bones.head)
    seam = _lens(bones, half_width, gap / 2 + 0.9, cartilage + height + gap / 2, 0 * gap, 5 + 0 * gap)
    level = _density(bones) * (1.02 - 0.37 * fading)
    return _select(Pieces(seam, seam, level, level, _PLATE), closing > 0.05)


def _density(bones: _Skeleton) -> np.ndarray:
    return 0.55 + 0.45 * np.minimum(bones.waist / 9.5, 1.3)


def _select(pieces: Pieces, there: np.ndarray) -> Pieces:
    return Pieces(*(getattr(pieces, field.name)[there] for field in fields(Pieces)))


def _lens(
    bones: _Skeleton,
    half_width: np.ndarray,
    half_height: np.ndarray,
    middle: np.ndarray,
    cap: np.ndarray,
    square: np.ndarray,
) -> np.ndarray:
    """Superellipses across the bones, ``middle`` mm from the joint on the epiphysis' side; ``cap`` bends their rims
    towards the shaft, ``square`` is their exponent."""
    power = 2 / square[:, None]
    unit = np.sign(_COS) * np.abs(_COS) ** power
    height = np.sign(_SIN) * np.abs(_SIN) ** power * half_height[:, None] * (1 + _WEDGE[:, None] * unit)
    depth = middle[:, None] + height + cap[:, None] * unit**4
    along = np.where(_AT_BASE[:, None], depth, bones.length[:, None] - depth)
    return _to_hand(bones, unit * half_width[:, None], along)


def _radii(outline: tuple[tuple[float, float], ...]) -> tuple[np.ndarray, np.ndarray]:
    """The centre [2] of an outline and its radius [POINTS] in every direction, smoothed."""
    corners = np.array(outline)
    centre = corners.mean(axis=0)
    edge = (
        np.concatenate([np.linspace(a, b, 12) for a, b in zip(corners, np.roll(corners, -1, 0), strict=True)]) - centre
    )
    turn = np.arctan2(edge[:, 1], edge[:, 0]) % (2 * np.pi)
    order = np.argsort(turn)
    radius = np.interp(_TURN, turn[order], np.hypot(*edge.T)[order], period=2 * np.pi)
    smooth = (np.roll(radius, -1) + radius + np.roll(radius, 1)) / 3
    return centre, 1.12 * smooth


_CENTRES = np.array([_radii(row[2])[0] for row in _ROUND.values()])
_RADII = np.array([_radii(row[2])[1] for row in _ROUND.values()])


def _round_bones(
    rng: np.random.Generator, months: float, sex: Sex, scale: np.ndarray, bones: _Skeleton
) -> tuple[Pieces, set[str]]:
    """Carpals and sesamoid: round dots when they appear, then larger and of their own shape."""
    count = len(_ROUND)
    mean = np.array([row[0 if sex is Sex.FEMALE else 1] for row in _ROUND.values()])
    appears = mean * rng.normal(1, 0.12, count)
    takes = np.maximum(_ROUND_FULL[sex] * rng.normal(1, 0.05, count) - appears, 24)
    maturity = np.clip((months - appears) / takes, 0, 1)
    size = (0.24 + 0.76 * maturity**0.65) * rng.normal(1, 0.03, count)
    waves = rng.normal(0, 0.03, (count, 2)) @ np.stack([_COS**2 - _SIN**2, _COS * _SIN])
    circle = _RADII.mean(axis=1, keepdims=True)
    own = np.clip(1.3 * maturity, 0, 1)[:, None]
    radius = (circle + own * (_RADII - circle)) * size[:, None] * (1 + waves)
    centre = (_CENTRES + rng.normal(0, 0.5, (count, 2))) * scale
    centre[-1] = _sesamoid(bones)
    outlines = centre[:, None] + radius[..., None] * _RING * scale
    marrows = centre[:, None] + np.maximum(radius - 1.0, 0.3 * radius)[..., None] * _RING * scale
    density = np.where(np.isin(list(_ROUND), ("pisiform", "sesamoid")), 0.5, 0.9)
    seen = months > appears
    pieces = _select(Pieces(outlines, marrows, density, 0.74 * density, _ROUND_PLATE), seen)
    return pieces, {name for name, there in zip(_ROUND, seen, strict=True) if there}


def _sesamoid(bones: _Skeleton) -> np.ndarray:
    """Beside the head of the first metacarpal, on the side of the index finger."""
    sideways, along = -0.42 * bones.head[:1, None], bones.length[:1, None] - 0.3 * bones.head[:1, None]
    return _to_hand(bones, sideways, along)[0, 0]


def _skin(joints: np.ndarray, across: float, chub: float, bones: _Skeleton) -> list[np.ndarray]:
    """Convex polygons in mm: the fingers' segments, the palm, the ball of the thumb and the forearm."""
    wide = across * chub
    radii = np.array([[16.0, 13.0, 11.5, 9.5], [12.0, 11.0, 9.6, 8.2], [12.0, 11.2, 9.8, 8.4], [11.5, 10.6, 9.3, 8.0]])
    radii = np.vstack([radii, [[11.0, 9.3, 8.2, 7.2]]]) * wide
    fingers = joints[1:].reshape(5, 4, 2)
    parts = []
    for points, radius in zip(fingers, radii, strict=True):
        parts += [_capsule(points[k], points[k + 1], radius[k], radius[k + 1]) for k in range(3)]
    webs = fingers[1:, 0] + 0.42 * (fingers[1:, 1] - fingers[1:, 0])
    wrist = np.array([(29.0, -8.0), (-29.0, -8.0)]) * across
    parts += [_hull(_circles(fingers[k : k + 2, 0], radii[k : k + 2, 0]), webs[k - 1 : k + 1]) for k in (1, 2, 3)]
    parts.append(_hull(_circles(fingers[1:, 0], radii[1:, 0]), wrist, _circles(fingers[0, :1], radii[0, :1] * 0.6)))
    parts.append(_hull(fingers[0, :2], fingers[1, :1], wrist[:1]))
    parts.append(_forearm(bones, across, chub))
    return parts


def _forearm(bones: _Skeleton, across: float, chub: float) -> np.ndarray:
    tops = (bones.start + bones.axis * bones.length[:, None])[_FOREARM].mean(axis=0)
    axis = bones.axis[_FOREARM].mean(axis=0)
    aside = np.array([axis[1], -axis[0]])
    rows = [(14, 29), (-30, 32), (-120, 42), (-230, 50)]
    right = [tops + (axis * along + aside * out * chub) * across for along, out in rows]
    left = [tops + (axis * along - aside * out * chub) * across for along, out in rows]
    return _hull(np.array(right + left))


def _circles(centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    return (centres[:, None] + radii[:, None, None] * _RING[::2]).reshape(-1, 2)


def _capsule(start: np.ndarray, end: np.ndarray, first: float, second: float) -> np.ndarray:
    return _hull(_circles(np.array([start, end]), np.array([first, second])))


def _hull(*points: np.ndarray) -> np.ndarray:
    return cv2.convexHull(np.concatenate(points).astype(np.float32))[:, 0]
