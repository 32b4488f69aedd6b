"""Ages by region: what the carpals say, and what the fingers say, beside the age of the whole hand.

A network of its own (`boneage.models.regional`) is asked for each region and for its rest. No film has labels by
region: a region's age is what the whole hand's label would be, judged by the region alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import model_file
from ..config import PrepareConfig
from ..errors import BadModel
from ..hand.bone_regions import REGIONS, WHOLE, outlines, question
from ..hand.landmarks import Points
from ..hand.prepare import render
from ..types import Interval, RegionalAge, RegionalAges, Sex
from . import weights
from .examination import Examination, examine
from .regional_tables import LEVEL, OWN, REST, Tables, informative

NAME = "regions"
MEANING = (
    "A region's age is what the label of the whole hand would be, judged by the region alone: no film has labels by "
    "region. Usual are the differences of 99 in 100 films like the training films."
)
NO_HAND = "no hand is certain on this film, so no region can be cut out of it"


class Regional:
    """The network that tells ages by region, run by ONNX Runtime.

    Attributes:
        path: of the model file.
        name: of the model.
        weights_sha256: of the trained weights.
        spec: how its montages are prepared.
        about: the file's description of the model.
    """

    def __init__(self, data: bytes, path: Path, threads: int = 0) -> None:
        self._session, self.about = model_file.session(data, path, threads)
        self.path = path
        self.spec: PrepareConfig = model_file.configuration(self.about, path).prepare
        self.name: str = self.about["name"]
        self.weights_sha256: str = self.about["weights_sha256"]
        try:
            self.tables: Tables | None = Tables.from_dict(self.about["regions"]) if "regions" in self.about else None
        except KeyError:
            raise BadModel(f"{path} tells no ages by region that this version of boneage can read") from None
        if "regional_months" not in {entry.name for entry in self._session.get_outputs()}:
            raise BadModel(f"{path} is no model of ages by region")

    @property
    def meaning(self) -> str:
        """The sentences that go with ages by region on every output."""
        return f"{MEANING} Model {self.name}, weights {self.weights_sha256[:12]}."

    @property
    def summary(self) -> dict[str, Any]:
        """The description of the model without its tables."""
        known = self.about.get("regions", {})
        return self.about | {"regions": {name: known[name] for name in ("split", "n") if name in known}}

    @classmethod
    def load(cls, model: str | Path = NAME, *, threads: int = 0) -> Regional:
        """Load installed weights by their name, or a model file.

        Args:
            model: a name or a path.
            threads: how many the network may use; 0 means all cores.

        Raises:
            BadModel: if there is no such model, its file is damaged or tells no ages by region.
        """
        path = weights.find(model)
        return cls(model_file.verified(path), path, threads)

    @classmethod
    def installed(cls, *, threads: int = 0) -> Regional | None:
        """The shipped weights; None where the package that holds them is not installed. Raises BadModel as `load`."""
        return cls.load(threads=threads) if NAME in weights.shipped() else None

    def predict(self, montages: np.ndarray, sexes: Sequence[Sex]) -> tuple[np.ndarray, np.ndarray]:
        """Ages and expected errors float64 [N, Q] in months for each of `boneage.hand.bone_regions.questions`.

        Args:
            montages: uint8 [N, S, S].
            sexes: of the films.
        """
        sex = np.array([one.code for one in sexes], np.float32).reshape(-1, 2)
        found = self._session.run(["regional_months", "regional_errors"], {"films": montages, "sex": sex})
        return found[0].astype(np.float64), found[1].astype(np.float64)

    def montage(self, seen: Examination) -> np.ndarray | None:
        """The montage of a hand, uint8 [S, S]; None where no hand is certain."""
        own, size = self.spec, self.spec.size
        if seen.spec.hand and seen.hand is None:
            return None
        if seen.spec.joints and (seen.spec.size, seen.spec.finest) == (size, own.finest):
            return np.ascontiguousarray(seen.pixels[:, -size:])
        found = seen if seen.spec.hand else examine(seen.radiograph, own)
        return None if found.hand is None else render(found.radiograph, found.findings, own)

    def outlines(self, seen: Examination) -> dict[str, Points]:
        """Closed lines around regions by their keys, [n, 2] in fractions of the film; none where no hand is certain."""
        found = seen.findings if seen.spec.hand else seen.located
        if found.frame is None or found.hand is None:
            return {}
        top, bottom, left, right = found.box
        part, corner = np.array([right - left, bottom - top]), np.array([left, top])
        return {key: line * part + corner for key, line in outlines(found.hand).items()}

    def read(self, seen: Examination, sex: Sex) -> RegionalAges:
        """The ages of a hand by region.

        Raises:
            BadModel: the file was not calibrated.
        """
        if self.tables is None:
            raise BadModel(f"the model {self.name} was not calibrated: it has no ranges for its ages")
        montage = self.montage(seen)
        if montage is None:
            return RegionalAges(self.name, self.weights_sha256, reason=NO_HAND)
        months, expected = (values[0] for values in self.predict(montage[None], [sex]))
        return RegionalAges(self.name, self.weights_sha256, ages(self.tables, months, expected, sex))


def ages(tables: Tables, months: np.ndarray, expected: np.ndarray, sex: Sex) -> tuple[RegionalAge, ...]:
    """The age of each region with its interval and its difference from the rest of the hand.

    A region that is not informative (`boneage.reading.regional_tables.informative`) has no age; the difference needs a
    region and a rest that are.

    Args:
        tables: of the network.
        months: its ages [Q].
        expected: its expected errors [Q].
        sex: as it was told.
    """
    whole = float(months[question(WHOLE)])
    half = tables.half_widths(whole, expected, sex)
    tells, found = informative(half), []
    usual_ones = tables.differences(whole, expected, sex)
    for region, own, rest, mean, sd, limit in zip(REGIONS, OWN, REST, *usual_ones, strict=True):
        if not tells[own]:
            found.append(RegionalAge(region.key))
            continue
        age, reach = float(months[own]), float(half[own])
        told = round(max(age, 0.0), 2)
        interval = Interval(LEVEL, round(max(age - reach, 0.0), 2), round(max(age + reach, 0.0), 2))
        if not tells[rest]:
            found.append(RegionalAge(region.key, told, interval))
            continue
        usual = round(float(mean - limit), 2), round(float(mean + limit), 2)
        gap = round(age - float(months[rest]), 2)
        found.append(RegionalAge(region.key, told, interval, gap, round(float(sd), 2), usual))
    return tuple(found)
