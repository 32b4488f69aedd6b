"""The predictor: ``Predictor.load(name_or_path).read(radiograph, sex)``, the same for every application."""

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
from ..hand import several
from ..hand.prepare import parts
from ..hand.views import views
from ..run_folder import MODEL, load_both
from ..types import DISCLAIMER, Interval, Radiograph, Reading, Severity, Sex
from . import weights
from .examination import Examination, examine
from .intervals import SEX_GIVEN, Factors, around, blended
from .regional import Regional
from .site import Site


class Predictor:
    """A trained network, or several read together, run by ONNX Runtime.

    Attributes:
        name: of the model.
        path: of its file or run folder, or what stood for one.
        spec: the preparation it was trained with.
        uses_sex: whether the sex is an input.
        views: of test-time augmentation, over which a prediction is averaged.
        weights_sha256: of the trained weights, as in the run folder.
        about: the file's description of the model.
        site: the calibration by which `read` corrects ages and intervals, or None.
    """

    def __init__(self, data: bytes, path: Path, threads: int = 0) -> None:
        self._session, self.about = model_file.session(data, path, threads)
        self.path = path
        if not self._has("months"):
            raise BadModel(f"{path} tells no age of a whole hand: it is not a model to read films with")
        config = model_file.configuration(self.about, path)
        self.spec: PrepareConfig = config.prepare
        self.uses_sex: bool = config.model.sex
        self.views: int = config.model.views
        self.name: str = self.about["name"]
        self.weights_sha256: str = self.about["weights_sha256"]
        self.site: Site | None = None

    @classmethod
    def load(
        cls, model: str | Path = weights.DEFAULT, *, threads: int = 0, site: str | Path | None = None
    ) -> Predictor:
        """Load installed weights by their name, or the model of a run folder or of a model file.

        Args:
            model: a name or a path; a name takes precedence over a file or folder that is called the same.
            threads: how many the network may use; 0 means all cores.
            site: a file of ``boneage calibrate-site``, by which readings are corrected.

        Raises:
            BadModel: if there is no such model, its file is damaged, or the site file is not for it.
        """
        path = weights.find(model)
        found = cls._of_run(path, threads) if path.is_dir() else cls(model_file.verified(path), path, threads)
        found.path = path
        found.site = Site.load(Path(site), found.weights_sha256) if site else None
        return found

    @classmethod
    def _of_run(cls, folder: Path, threads: int) -> Predictor:
        """The model of a run folder, which must have been exported from the folder's weights."""
        (_, run), path = load_both(folder), folder / MODEL
        if path.is_file():
            predictor = cls(model_file.verified(path), path, threads)
            if predictor.weights_sha256 == run["weights_sha256"]:
                return predictor
        raise BadModel(f"{folder} has no {MODEL} of its weights: boneage export {folder} --out {path} writes it")

    @property
    def signature(self) -> str:
        """The sentence that names the model on every output."""
        site = f", {self.site.signature}" if self.site else ""
        return f"Model {self.name}, weights {self.weights_sha256[:12]}{site}. {DISCLAIMER}"

    @property
    def factors(self) -> Mapping[str, Factors]:
        """The factors on the expected error that give intervals, by level, for sex ``known`` and ``unknown``.

        Empty if the file was not calibrated (see `boneage.training.calibrate`).
        """
        return self.about.get("intervals", {}).get("factors", {})

    @property
    def has_expected_error(self) -> bool:
        """Whether the network also gives the expected error of its readings."""
        return self._has("expected_error")

    def months(self, pixels: np.ndarray, sexes: Sequence[Sex]) -> np.ndarray:
        """Bone ages float64 [N] in months of prepared pixels uint8 [N, H, W]."""
        return self.predict_batch(pixels, sexes)[0]

    def predict_batch(self, pixels: np.ndarray, sexes: Sequence[Sex]) -> tuple[np.ndarray, np.ndarray]:
        """Bone ages and expected errors of prepared pixels uint8 [N, H, W]; each float64 [N], months.

        The bone age is the mean over the views. The expected error is the root mean square of the views' own, widened
        by the variance of their ages (as `boneage.models.ensemble` does for its members); a calibrated file blends it
        with the error that is usual at that age (`boneage.reading.intervals.blended`). It is NaN if the network has no
        such output.

        Raises:
            ValueError: if the pixels were not prepared by ``spec``, or there are not as many sexes.
        """
        self._check(pixels, sexes)
        asked = ["months", *(["expected_error"] if self.has_expected_error else [])]
        answers = [self._run(asked, seen, sexes) for seen in views(pixels, self.views, parts(self.spec))]
        months, *expected_error = np.asarray(answers, np.float64).swapaxes(0, 1)  # each [views, N]
        ages = months.mean(axis=0)
        if not expected_error:
            return ages, np.full_like(ages, np.nan)
        expected = np.sqrt((expected_error[0] ** 2).mean(axis=0) + months.var(axis=0))
        usual = self.about.get("intervals", {}).get("usual")
        return ages, blended(expected, ages, sexes, usual) if usual else expected

    def quick_prediction(self, pixels: np.ndarray, sexes: Sequence[Sex]) -> np.ndarray:
        """Approximate bone ages float64 [N] in months of prepared pixels uint8 [N, H, W], for occlusion maps.

        One view only and, of an ensemble, the first network only, at a lower resolution. Raises ValueError as
        `predict_batch`.
        """
        self._check(pixels, sexes)
        output = "quick_months" if self._has("quick_months") else "months"
        return self._run([output], pixels, sexes)[0].astype(np.float64)

    def features(self, pixels: np.ndarray) -> np.ndarray:
        """The backbone's features float32 [N, F] of prepared pixels uint8 [N, H, W].

        Films that look alike have features that are alike. The sex has no part in them.

        Raises:
            BadModel: if the file was exported without them.
        """
        if not self._has("features"):
            raise BadModel(f"the file of model {self.name} has no features: export its run folder again")
        unknown = [Sex.UNKNOWN] * len(pixels)
        self._check(pixels, unknown)
        return self._run(["features"], pixels, unknown)[0]

    def _has(self, name: str) -> bool:
        return any(entry.name == name for entry in self._session.get_outputs())

    def _check(self, pixels: np.ndarray, sexes: Sequence[Sex]) -> None:
        """ValueError for pixels that were not prepared for this network."""
        if pixels.ndim != 3 or pixels.dtype != np.uint8 or pixels.shape[1:] != self.spec.shape:
            height, width = self.spec.shape
            raise ValueError(f"expected uint8 [N, {height}, {width}], got {pixels.dtype} {pixels.shape}")
        if len(sexes) != len(pixels):
            raise ValueError(f"{len(pixels)} films but {len(sexes)} sexes")

    def _run(self, asked: list[str], pixels: np.ndarray, sexes: Sequence[Sex]) -> list[np.ndarray]:
        """The outputs that are asked for.

        An ensemble has a pair of inputs of its own for ``quick_months``; the pair that is not needed stays empty, which
        costs nothing.
        """
        feeds = {"films": pixels, "sex": np.array([sex.code for sex in sexes], np.float32).reshape(-1, 2)}
        if self._has("quick_months"):
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
        regional: Regional | None = None,
    ) -> Reading:
        """The bone age of one film.

        Args:
            film: a film, or what `examine` has found on it.
            sex: by default what the file says; a reading without a known sex has a flag.
            sex_source: where ``sex`` comes from, ``given`` or ``table``.
            force: give an age to a film too that a flag refuses.
            regional: tells the ages by region too, of a film that has an age.

        Raises:
            BadModel: if the network's answer is not a finite number.
        """
        seen = film if isinstance(film, Examination) else self.examine(film)
        radiograph = seen.radiograph
        known = radiograph.sex if sex is None else sex
        if sex is None:
            sex_source = "absent" if known is Sex.UNKNOWN else "dicom"
        flags = [*seen.flags, *film_flags.of_sex(known, radiograph.sex, is_used=self.uses_sex)]
        flags += [film_flags.of_site(self.site.signature)] if self.site else []
        is_refused = any(flag.severity is Severity.REFUSE for flag in flags)
        months, intervals = (None, None) if is_refused and not force else self._age(seen, known)
        return Reading(
            file=radiograph.source,
            part=radiograph.part,
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
            site_sha256=self.site.sha256 if self.site else None,
            regional_ages=regional.read(seen, known) if regional and months is not None else None,
        )

    def read_each(
        self,
        film: Radiograph | Examination,
        sex: Sex | None = None,
        *,
        hand: str | None = None,
        sex_source: str = "given",
        force: bool = False,
        regional: Regional | None = None,
    ) -> list[Reading]:
        """The bone age of every hand in a picture: one reading, or one for each of two hands.

        ``hand``: read that one of two alone, ``L`` or ``R``; by default the one that the file names, if it names one.
        A hand is taken for a left one if its thumb points to the right, as seen from its back. The other arguments are
        those of `read`.
        """
        each = self.examine_each(film, hand)
        return [self.read(one, sex, sex_source=sex_source, force=force, regional=regional) for one in each]

    def examine_each(
        self, film: Radiograph | Examination, hand: str | None = None, part: str | None = None
    ) -> list[Examination]:
        """The examination of every hand in a picture, or of one of two, as `read_each` reads them.

        ``part``: of two hands the one at this place, ``left``, ``right``, ``upper`` or ``lower``, whatever ``hand``
        says. It tells two left hands apart.
        """
        seen = film if isinstance(film, Examination) else self.examine(film)
        where = several.seam(seen.radiograph.pixels, seen.located) if seen.evidence.hands > 1 else None
        if where is None:
            return [seen]
        both = [self.examine(part) for part in several.parts(seen.radiograph, where)]
        if at_place := [one for one in both if one.radiograph.part == part]:
            return at_place
        wanted = hand or seen.radiograph.laterality
        chosen = [one for one in both if one.evidence.mirrored == (wanted == "R")]
        return chosen if wanted and len(chosen) == 1 else both

    def _age(self, seen: Examination, sex: Sex) -> tuple[float, tuple[Interval, ...] | None]:
        """The age in months and, if the model has them, its intervals."""
        predicted = self.predict_batch(seen.pixels[None], [sex])
        months, expected_error = (float(values[0]) for values in predicted)
        if not math.isfinite(months):
            source = seen.radiograph.source
            raise BadModel(f"{source}: the answer of model {self.name} is not a finite number")
        factors = self.factors.get(SEX_GIVEN[sex is not Sex.UNKNOWN])
        if self.site:
            months = self.site.corrected(months, sex)
            factors = self.site.factors[sex.value] if self.site.factors else factors
        months = max(months, 0.0)  # a network may say less of what is no film of a child
        return round(months, 2), None if factors is None else around(months, expected_error, factors)


@cache
def _version() -> str:
    return version("boneage")


@cache
def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("numpy", "onnxruntime", "opencv-python-headless")}
