"""A reading as the service's answers describe it: with what was seen on its film, and compared with the reference."""

from __future__ import annotations

import base64

import numpy as np

from .. import types
from ..hand import doubts, several
from ..hand.bone_regions import REGIONS
from ..reading.examination import Examination
from ..reading.occlusion import Layers
from ..reading.occlusion import Region as HeatRegion
from ..reading.regional import Regional
from ..types import Radiograph, Reading
from .answers import FilmFacts, Flag, HandAnswer, Region, RegionalAges, Window, comparison

FACTS = ("file", "bone_age_months", "sex", "sex_source", "model", "weights_sha256", "image_sha256", "version")


def described(
    reading: Reading,
    seen: Examination,
    film: Radiograph,
    stated_age: float | None = None,
    patient: str | None = None,
    layers: Layers | None = None,
    regional: Regional | None = None,
) -> HandAnswer:
    """The answer for one hand.

    Args:
        reading: its reading.
        seen: what was seen of it.
        film: its film, the whole picture where that shows two hands.
        stated_age: the chronological age in months, if the request gives it; by default that of the file.
        patient: the keyed hash of the patient's id.
        layers: the heat map, if one was asked for.
        regional: what told the reading's ages by region, if they were asked for.
    """
    age, width = (film.chronological_age, film.chronological_age_width) if stated_age is None else (stated_age, None)
    values = reading.to_dict()
    return HandAnswer(
        **{name: values[name] for name in (*FACTS, "part", "intervals", "disclaimer")},
        flags=[_flag(flag, seen) for flag in reading.flags],
        chronological_age_months=age,
        chronological_age_half_width_months=width,
        age_source="given" if stated_age is not None else "absent" if age is None else "dicom",
        reference=comparison(reading.bone_age_months, age, reading.sex, width),
        film=_facts(film),
        window=_window(seen),
        hand=None if reading.part is None else "right" if seen.evidence.mirrored else "left",
        place=_place(seen.radiograph, film),
        patient=patient,
        heatmap=None if layers is None else "data:image/png;base64," + base64.b64encode(layers.heat).decode(),
        regions=None if layers is None else [_region(region) for region in layers.regions],
        regional_ages=_regional(reading, seen, regional),
    )


def _facts(film: Radiograph) -> FilmFacts:
    height, width = film.pixels.shape
    return FilmFacts(format=film.format, width=width, height=height, laterality=film.laterality)


def _window(seen: Examination) -> Window:
    """Black and white as the film has them, before an inversion."""
    ends = seen.findings.black, seen.findings.white
    black, white = (round(1 - end if seen.findings.inverted else end, 4) for end in ends)
    return Window(black=black, white=white)


def _place(part: Radiograph, film: Radiograph) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a part in fractions of its film."""
    height, width = (round(part.pixels.shape[axis] / film.pixels.shape[axis], 6) for axis in (0, 1))
    left = 1 - width if part.part == several.NAMES[1][1] else 0.0
    top = 1 - height if part.part == several.NAMES[0][1] else 0.0
    return left, top, left + width, top + height


def _flag(flag: types.Flag, seen: Examination) -> Flag:
    where = doubts.place(flag.code, seen.located, seen.evidence)
    lines = None if where is None else [_rounded(line) for line in where]
    return Flag(code=flag.code, severity=flag.severity, sentence=flag.sentence, where=lines)


def _rounded(line: np.ndarray) -> list[tuple[float, float]]:
    return [(round(x, 4), round(y, 4)) for x, y in line.tolist()]


def _regional(reading: Reading, seen: Examination, regional: Regional | None) -> RegionalAges | None:
    found = reading.regional_ages
    if found is None or regional is None:
        return None
    lines = {key: [_rounded(line)] for key, line in regional.outlines(seen).items()}
    named = {region.key: region.name for region in REGIONS}
    ages = [age.to_dict() | {"name": named[age.region], "outlines": lines.get(age.region, [])} for age in found.ages]
    return RegionalAges(**found.to_dict() | {"ages": ages, "meaning": regional.meaning})


def _region(region: HeatRegion) -> Region:
    lines = [_rounded(line) for line in region.outlines]
    return Region(name=region.name, share=round(region.share, 4), outlines=lines)
