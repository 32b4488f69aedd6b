"""A run from folder to folder, as orchestrators start it: mercure, MONAI Deploy, Holoscan, XNAT, Kaapana.

Each says by its variables, or by the places where it mounts folders, where films are and where results belong. All of
them get the same files for each film: the documents as DICOM and the reading as JSON, and ``result.json`` for the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from ..clinic.answering import cases_of
from ..clinic.answers import ReadingRequest
from ..clinic.documents import bundle, fhir
from ..clinic.documents.case import Case, NoDocument
from ..errors import BadConfig, BadTable, BoneAgeError
from ..files import json_value, write_bytes, write_json
from ..images.folders import films_below, passed_over
from ..images.guarded import read
from ..reading.predictor import Predictor
from ..types import DISCLAIMER, Failure, Sex

TASK, RESULT, MODEL = "task.json", "result.json", "default"
PAIRS = (  # variables for the input and the output folder, by orchestrator
    ("mercure", "MERCURE_IN_DIR", "MERCURE_OUT_DIR"),
    ("MONAI Deploy", "MONAI_INPUTPATH", "MONAI_OUTPUTPATH"),
    ("Holoscan", "HOLOSCAN_INPUT_PATH", "HOLOSCAN_OUTPUT_PATH"),
)
MOUNTED = (Path("/input"), Path("/output"))  # where XNAT mounts them
SETTINGS = ("model", "sex", "chronological_age_months", "documents")
NOTIFICATION = "__mercure_notification"


@dataclass(frozen=True)
class Contract:
    """Who asked for the run, and each folder of films with the folder for its results."""

    name: str
    folders: tuple[tuple[Path, Path], ...]


@dataclass(frozen=True)
class Task:
    """The settings of a run: the model, what holds for every film, and the documents that are written."""

    model: str = MODEL
    request: ReadingRequest = field(default_factory=ReadingRequest)
    documents: tuple[str, ...] = tuple(bundle.KINDS)


@dataclass
class Outcome:
    """What a run has done: the readings as JSON values, and the films without one."""

    readings: list[dict[str, Any]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """A line for each film, and what the results are not for."""
        failed = [f"{one.id}: {one.reason}" for one in self.failures]
        none = [] if self.readings or failed else ["no films"]
        return "\n".join([*self.lines, *failed, *none, DISCLAIMER])


def contract(variables: Mapping[str, str], mounted: tuple[Path, Path] = MOUNTED) -> Contract:
    """Where films are and where results belong.

    Args:
        variables: of the environment.
        mounted: the folders that are used if no variable says anything.

    Raises:
        BadConfig: if neither variables nor folders are there.
    """
    for name, source, target in PAIRS:
        if variables.get(source) and variables.get(target):
            return Contract(name, ((Path(variables[source]), Path(variables[target])),))
    if variables.get("OPERATOR_OUT_DIR"):
        return Contract("Kaapana", _batches(variables))
    if mounted[0].is_dir() and mounted[1].is_dir():
        return Contract("XNAT", (mounted,))
    names = ", ".join(source for _, source, _ in PAIRS)
    raise BadConfig(f"there is nothing to read: neither {names} nor OPERATOR_OUT_DIR is set, nor is there an /input")


def _batches(variables: Mapping[str, str]) -> tuple[tuple[Path, Path], ...]:
    """Kaapana's folders: one of films, and one for results, in each batch."""
    inner, outer = variables.get("OPERATOR_IN_DIR", ""), variables["OPERATOR_OUT_DIR"]
    workflow = Path(variables.get("WORKFLOW_DIR", "/"))
    batches = workflow / variables.get("BATCHES_INPUT_DIR", variables.get("BATCH_NAME", "batch"))
    if not batches.is_dir():
        raise BadConfig(f"{batches} is no folder: WORKFLOW_DIR and BATCHES_INPUT_DIR name one of batches")
    return tuple((batch / inner, batch / outer) for batch in sorted(batches.iterdir()) if (batch / inner).is_dir())


def task_of(folder: Path) -> Task:
    """The settings in the ``task.json`` of a folder, as mercure writes it; the usual ones where there is none.

    Raises:
        BadConfig: for settings that are none.
    """
    path = folder / TASK
    if not path.is_file():
        return Task()
    try:
        settings = _settings(json_value(path.read_bytes()))
        known = {name: settings[name] for name in ("sex", "chronological_age_months") if name in settings}
        request = ReadingRequest.model_validate(known)
        documents = tuple(settings.get("documents", bundle.KINDS))
        if settings.keys() - set(SETTINGS) or set(documents) - bundle.KINDS.keys():
            raise ValueError
        return Task(str(settings.get("model", MODEL)), request, documents)
    except (OSError, ValueError, TypeError, AttributeError):
        raise BadConfig(
            f"{path}: its process.settings may have {', '.join(SETTINGS)}; documents are some of "
            f"{', '.join(bundle.KINDS)}, a sex one of {', '.join(Sex)}"
        ) from None


def _settings(values: Any) -> dict[str, Any]:
    """``process.settings``; of several steps the first that has some."""
    steps = values.get("process") or {}
    each = steps if isinstance(steps, list) else [steps]
    return next((dict(step["settings"]) for step in each if step.get("settings")), {})


def run(found: Contract, load: Callable[[str], Predictor] = Predictor.load) -> Outcome:
    """Read all films of a contract, and write their results; a film that fails stops no other.

    Raises:
        BadConfig: for a task whose settings are none.
        BadModel: if its model is not there.
        CannotWrite: if a folder for results takes none.
    """
    whole, load = Outcome(), cache(load)  # once a model
    for source, target in found.folders:
        outcome = Outcome()
        films = _films(source, outcome)
        task = Task() if films is None else task_of(source)
        predictor = load(task.model)
        for path in films or ():
            _one(path, source, target, task, predictor, outcome)
        notification = {"text": outcome.text}
        failures = [{"file": one.id, "error": one.reason} for one in outcome.failures]
        values = {"readings": outcome.readings, "failures": failures, NOTIFICATION: notification}
        write_json(target / RESULT, values | {"model": predictor.signature, "disclaimer": DISCLAIMER})
        for name in ("readings", "failures", "lines"):
            getattr(whole, name).extend(getattr(outcome, name))
    return whole


def _films(folder: Path, outcome: Outcome) -> list[Path] | None:
    """The films below a folder, whatever they are called; None if it cannot be listed, which is a failure. What is
    passed over is counted."""
    closed, passed = dict[Path, str](), Counter[str]()
    try:
        found = list(films_below(folder, closed, passed))
    except BadTable as error:
        outcome.failures.append(Failure(folder.name, str(folder), str(error)))
        return None
    outcome.failures += [Failure(path.name, str(path), reason) for path, reason in closed.items()]
    passed[".json"] -= (folder / TASK).is_file()
    if words := passed_over(+passed):
        outcome.lines.append(words)
    return found


def _one(path: Path, source: Path, target: Path, task: Task, predictor: Predictor, outcome: Outcome) -> None:
    name = str(path.relative_to(source))
    try:
        cases = cases_of(predictor, read(path, name=name), task.request)
        for case in cases:
            _write(case, name, target, task)
    except BoneAgeError as error:
        outcome.failures.append(Failure(name, str(path), str(error)))
        return
    for case in cases:
        outcome.readings.append(case.answer.model_dump(mode="json", exclude={"patient", "record", "not_kept"}))
        outcome.lines.append(f"{name}: {fhir.summary(case)}")


def _write(case: Case, name: str, target: Path, task: Task) -> None:
    """Write the results of one hand on a film, which is called so below the folder of films.

    DICOM objects are called ``SERIESUID#FILEUID.dcm``, as mercure wants it; both are UIDs that this program made. What
    is made of a picture that is not DICOM has the picture's whole name before its own, folders included.
    """
    wanted = {bundle.KINDS[kind] for kind in task.documents}
    plain: tuple[str, ...] = ("reading.json", "report.json")
    try:
        stem = case.uid("reading")
        for document in bundle.dicom(case, wanted):
            write_bytes(target / f"{bundle.place_of(document.data)}.dcm", document.data)
    except NoDocument:
        stem, plain = name, tuple(bundle.PLAIN)
    for document in bundle.plain(case, plain):
        write_bytes(target / f"{stem}.{document.name}", document.data)
