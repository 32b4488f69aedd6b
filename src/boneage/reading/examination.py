"""What was seen of one film, found once: the reading, its flags and the heat map all use it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..config import PrepareConfig
from ..hand import flags, quality
from ..hand.locate import Hand
from ..hand.prepare import Findings, analyse, render
from ..hand.quality import Evidence
from ..types import Flag, Radiograph


@dataclass(frozen=True, eq=False)
class Examination:
    """A film, what was found and measured on it, and its prepared pixels.

    Attributes:
        radiograph: the film as read.
        spec: how its pixels are prepared.
        findings: borders, polarity, levels and, if ``spec.hand`` asks for it, the hand, by which it is prepared.
        located: the same with the hand, also for a spec that does not ask for it.
        evidence: the measures of quality.
    """

    radiograph: Radiograph
    spec: PrepareConfig
    findings: Findings
    located: Findings
    evidence: Evidence

    @cached_property
    def pixels(self) -> np.ndarray:
        """The prepared pixels, uint8 of ``spec.shape``; rendered when first asked for."""
        return render(self.radiograph, self.findings, self.spec)

    @property
    def square(self) -> np.ndarray:
        """The prepared pixels with the hand in one piece, uint8 [size, size]."""
        if self.spec.joints and not self.spec.beside:
            return render(self.radiograph, self.findings, self.spec.in_one)
        return np.ascontiguousarray(self.pixels[:, : self.spec.size])

    @property
    def hand(self) -> Hand | None:
        """The hand by which the film is cut, in fractions of the box of ``findings``; None if the film stays whole."""
        return self.findings.hand if self.findings.frame is not None else None

    @property
    def flags(self) -> list[Flag]:
        """The flags of the film and of its file; those of the sex and of the age are not among them."""
        found = flags.of_film(
            self.evidence,
            is_brought=self.hand is not None,
            was_inverted=self.findings.inverted,
            laterality=self.radiograph.laterality,
        )
        found += flags.of_file(self.radiograph.notes)
        found += self._as_one_of_two()
        return [*found, flags.hand_not_found()] if self.spec.hand and self.hand is None else found

    def _as_one_of_two(self) -> list[Flag]:
        part = self.radiograph.part
        return [flags.one_of_two(part, mirrored=self.evidence.mirrored)] if part else []


def examine(radiograph: Radiograph, spec: PrepareConfig) -> Examination:
    """Find and measure everything on a film that a reading needs, without a network that reads ages."""
    findings = analyse(radiograph.pixels, spec)
    located = findings if findings.hand else analyse(radiograph.pixels, quality.SPEC)
    return Examination(radiograph, spec, findings, located, quality.examine(radiograph, located))
