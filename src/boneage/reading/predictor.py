"""One object predicts, the same from every edge: ``Predictor.load(name_or_path).read(radiograph, sex)``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np

from .. import model_file
from ..config import PrepareConfig
from ..errors import BadModel
from ..hand import flags as film_flags
from ..hand.prepare import parts
from ..hand.views import views
from ..run_folder import MODEL, load_run, weights_of
from ..types import DISCLAIMER, Interval, Radiograph, Reading, Severity, Sex
from . import weights
from .examination import Examination, examine
from .intervals import SEX_GIVEN, Factors, around, blended


class Predictor:
    """A trained network in ONNX Runtime, with the preparation it was trained with.

    ``name``, ``spec``, ``uses_sex``, ``weights_sha256`` (of the trained weights, as the run folder has them) and
    ``about`` (all that the file says of itself) are for reading.
    """

    def __init__(self, data: bytes, path: Path, threads: int = 0) -> None:
        self._session, self.about = model_file.session(data, path, threads)
        config = model_file.configuration(self.about, path)
        self.spec: PrepareConfig = config.prepare
        self.uses_sex: bool = config.model.sex
        self.views: int = config.model.views
        self.name: str = self.about["name"]
        self.weights_sha256: str = self.about["weights_sha256"]

    @classmethod
    def load(cls, model: str | Path = weights.DEFAULT, *, threads: int = 0) -> Predictor:
        """A trained network by the name of installed weights, a run folder or an exported file.

        Args:
            model: a name, which goes before a folder or file called the same, or a path.
            threads: how many the network may use; 0: all cores.

        Raises:
            BadModel: if there is none such, or its file is damaged.
        """
        path = weights.find(model)
        return cls._of_run(path, threads) if path.is_dir() else cls(model_file.verified(path), path, threads)

    @classmethod
    def _of_run(cls, folder: Path, threads: int) -> Predictor:
        """From the exported network in a run folder, which must be that of the folder's weights."""
        run, path = load_run(folder), folder / MODEL
        weights_of(folder, run)
        if path.is_file():
            predictor = cls(model_file.verified(path), path, threads)
            if predictor.weights_sha256 == run["weights_sha256"]:
                return predictor
        raise BadModel(f"{folder} has no {MODEL} of its weights: boneage export {folder} --out {path} writes it")

    @property
    def signature(self) -> str:
        """What every output says of the model."""
        return f"Model {self.name}, weights {self.weights_sha256[:12]}. {DISCLAIMER}"

    @property
    def factors(self) -> Mapping[str, Factors]:
        """What the spread is multiplied by for an interval, by level, where the sex is ``known`` and ``unknown``; empty
        unless the file was calibrated (see `boneage.training.calibrate`)."""
        return self.about.get("intervals", {}).get("factors", {})

    @property
    def tells_expected_error(self) -> bool:
        """Whether the network also tells the error to expect."""
        return self._tells("expected_error")

    def months(self, pixels: np.ndarray, sexes: Sequence[Sex]) -> np.ndarray:
        """Bone ages float64 [N] in months of prepared pixels uint8 [N, H, W]."""
        return self.predict_batch(pixels, sexes)[0]

    def predict_batch(self, pixels: np.ndarray, sexes: Sequence[Sex]) -> tuple[np.ndarray, np.ndarray]:
        """Bone ages and the errors to expect, float64 [N] in months, of prepared pixels uint8 [N, H, W]: the mean over
        the model's looks.

        The error to expect grows with what the looks disagree by, as in `boneage.models.head.Panel`; it takes its shape
        from the error that is usual at that age, if the file was calibrated with it; it is NaN where the network does
        not tell it.
        """
        self._check(pixels, sexes)
        asked = ["months", *(["expected_error"] if self.tells_expected_error else [])]
        answers = [self._run(asked, seen, sexes) for seen in views(pixels, self.views, parts(self.spec))]
        months, *expected_error = np.asarray(answers, np.float64).swapaxes(0, 1)  # each [looks, N]
        ages = months.mean(axis=0)
        if not expected_error:
            return ages, np.full_like(ages, np.nan)
        expected = np.sqrt((expected_error[0] ** 2).mean(axis=0) + months.var(axis=0))
        usual = self.about.get("intervals", {}).get("usual")
        return ages, blended(expected, ages, sexes, usual) if usual else expected

    def quick_prediction(self, pixels: np.ndarray, sexes: Sequence[Sex]) -> np.ndarray:
        """Bone ages float64 [N] in months of prepared pixels uint8 [N, H, W] by one look, and of several networks by
        the first alone, on smaller pictures: for who asks about one film dozens of times."""
        self._check(pixels, sexes)
        return self._run(["quick_months" if self._tells("quick_months") else "months"], pixels, sexes)[0].astype(
            np.float64
        )

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """What the network makes of prepared pixels uint8 [N, H, W] before it is told the sex: float32 [N, F].

        BadModel if the file was exported without.
        """
        if not self._tells("features"):
            raise BadModel(f"the file of model {self.name} has no features: export its run folder again")
        unknown = [Sex.UNKNOWN] * len(pixels)
        self._check(pixels, unknown)
        return self._run(["features"], pixels, unknown)[0]

    def _tells(self, name: str) -> bool:
        return any(entry.name == name for entry in self._session.get_outputs())

    def _check(self, pixels: np.ndarray, sexes: Sequence[Sex]) -> None:
        """ValueError for pixels that were not prepared for this network."""
        if pixels.ndim != 3 or pixels.dtype != np.uint8 or pixels.shape[1:] != self.spec.shape:
            height, width = self.spec.shape
            raise ValueError(f"expected uint8 [N, {height}, {width}], got {pixels.dtype} {pixels.shape}")
        if len(sexes) != len(pixels):
            raise ValueError(f"{len(pixels)} films but {len(sexes)} sexes")

    def _run(self, asked: list[str], pixels: np.ndarray, sexes: Sequence[Sex]) -> list[np.ndarray]:
        """Some of the network's outputs for prepared pixels; ``quick_months`` has an input of its own."""
        feeds = {"films": pixels, "sex": np.array([sex.code for sex in sexes], np.float32).reshape(-1, 2)}
        if self._tells("quick_months"):
            none = {name: values[:0] for name, values in feeds.items()}
            full, quick = (none, feeds) if asked == ["quick_months"] else (feeds, none)
            feeds = full | {f"quick_{name}": values for name, values in quick.items()}
        return self._session.run(asked, feeds)

    def examine(self, radiograph: Radiograph) -> Examination:
        """Everything found and measured on a film that `read` and `boneage.reading.occlusion.explain` use."""
        return examine(radiograph, self.spec)

    def read(
        self,
        film: Radiograph | Examination,
        sex: Sex | None = None,
        *,
        sex_source: str = "given",
        force: bool = False,
    ) -> Reading:
        """The bone age of one film.

        Args:
            film: a film, or what `examine` has found on it.
            sex: by default what the file says; a reading without a known sex has a flag.
            sex_source: where ``sex`` comes from, ``given`` or ``table``.
            force: give an age to a film too that a flag refuses.

        Raises:
            BadModel: if the network's answer is not a finite number.
        """
        seen = film if isinstance(film, Examination) else self.examine(film)
        radiograph = seen.radiograph
        known = radiograph.sex if sex is None else sex
        if sex is None:
            sex_source = "absent" if known is Sex.UNKNOWN else "dicom"
        flags = [*seen.flags, *film_flags.of_sex(known, radiograph.sex, is_used=self.uses_sex)]
        is_refused = any(flag.severity is Severity.REFUSE for flag in flags)
        months, intervals = (None, None) if is_refused and not force else self._age(seen, known)
        return Reading(
            file=radiograph.source,
            bone_age_months=months,
            sex=known,
            sex_source=sex_source,
            flags=(*flags, *(film_flags.of_age(months, known) if months is not None else [])),
            model=self.name,
            weights_sha256=self.weights_sha256,
            image_sha256=radiograph.sha256,
            version=_version(),
            versions=_versions(),
            forced=is_refused and force,
            intervals=intervals,
        )

    def _age(self, seen: Examination, sex: Sex) -> tuple[float, tuple[Interval, ...] | None]:
        """The age in months and, if the model has them, its intervals."""
        predicted = self.predict_batch(seen.pixels[None], [sex])
        months, expected_error = (float(values[0]) for values in predicted)
        if not math.isfinite(months):
            source = seen.radiograph.source
            raise BadModel(f"{source}: the answer of model {self.name} is not a finite number")
        factors = self.factors.get(SEX_GIVEN[sex is not Sex.UNKNOWN])
        return round(months, 2), None if factors is None else around(months, expected_error, factors)


@cache
def _version() -> str:
    return version("boneage")


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("numpy", "onnxruntime", "opencv-python-headless")}
