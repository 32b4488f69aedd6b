"""A model card from a model's own file and its measurements, as Markdown and as JSON.

boneage card MODEL --evaluation DIR [--unknown DIR] [--robustness DIR] --out DIR
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import Config
from ..errors import BadTable
from ..files import json_bytes, json_value, text_bytes, write_bytes
from ..reading.predictor import Predictor
from ..types import DISCLAIMER
from .coverage import described
from .wording import band, cell

USE = (
    "Research and education on bone age in months from one radiograph of a child's hand and wrist, as a Greulich-Pyle "
    "style reading. A person who can read bone ages looks at every film and every answer."
)
NOT_FOR = (
    "Diagnosis or treatment of a patient without such a person; the age of people whose age is in dispute; hands after "
    "fractures or operations, with malformations or skeletal dysplasia; films other than the front of one hand."
)
LIMITS = (
    "Learnt from films of two hospitals in the United States and from single clinical readings, whose own standard "
    "deviation is 6.5 to 7.1 months: figures below measure agreement with such readings. Unproven on other devices, "
    "populations and diseases. The films' race, illness and chronological age are not known."
)
LICENCE = (
    "Weights: research and education, as the films are (RSNA Pediatric Bone Age Challenge 2017; Halabi et al., "
    "Radiology 2019;290:498-503). Code: Apache-2.0."
)


def card(
    predictor: Predictor,
    evaluation: Mapping[str, Any],
    unknown: Mapping[str, Any] | None = None,
    robustness: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The card as JSON values.

    Args:
        predictor: the model.
        evaluation: what ``boneage evaluate`` wrote.
        unknown: the same with ``--sex-not-given``.
        robustness: what ``boneage robustness`` wrote.

    Raises:
        BadTable: if one of them is about other weights.
    """
    for name, found in (("evaluation", evaluation), ("unknown", unknown), ("robustness", robustness)):
        if found is not None and found["weights_sha256"] != predictor.weights_sha256:
            raise BadTable(f"the {name} is of weights {found['weights_sha256'][:12]}, not of {predictor.name}'s own")
    measured = (
        *("split", "n", "mae", "rmse", "mape", "r2", "median_error", "bias", "within_12"),
        *("by_sex", "by_age", "by_age_and_sex", "limits_of_agreement", "interval", "intervals"),
    )
    about = predictor.about
    config = Config.from_dict(about["config"]).to_dict()
    return {
        "name": predictor.name,
        "weights_sha256": predictor.weights_sha256,
        "made_by": {"config": config, **_some(about, ("data", "start", "members", "integer", "versions"))},
        "intended_use": USE,
        "not_for": NOT_FOR,
        "limits": LIMITS,
        "licence": LICENCE,
        "evaluation": _some(evaluation, measured),
        "sex_unknown": _some(unknown, ("split", "n", "mae", "rmse", "bias")) if unknown else None,
        "robustness": _some(robustness, ("split", "n", "changes")) if robustness else None,
        "disclaimer": DISCLAIMER,
    }


def _some(found: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: found[key] for key in keys if key in found}


def markdown(values: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    found, made = values["evaluation"], values["made_by"]
    parts = [
        f"# Model card: {values['name']}",
        f"{values['disclaimer']} Weights {values['weights_sha256']}.",
        f"**For.** {values['intended_use']}",
        f"**Not for.** {values['not_for']}",
        f"**Limits.** {values['limits']}",
        f"**Licence.** {values['licence']}",
        "## How it was made",
        f"{_trained(made)} {made['data']['train']:,} training films; the sex "
        f"{'is an input' if made['config']['model']['sex'] else 'is not used'}. {made['data']['validation']:,} "
        f"validation films chose settings and stopping point.{_in_integers(made.get('integer'))}",
        "## How good it is",
        f"On {found['n']:,} films of split {found['split']}, measured on the file itself. In brackets {_plain(found)}",
        _table("films", {"all": found}),
        _table("sex", found["by_sex"]),
        _table("labelled months", found["by_age"]),
        *(
            _table(f"{sex}, labelled months", bands)
            for sex, bands in found["by_age_and_sex"].items()
            if len(found["by_age_and_sex"]) > 1
        ),
        _agreement(found["limits_of_agreement"]),
        *(["## How sure it is", certainty(found["intervals"])] if found.get("intervals") else []),
    ]
    if values["sex_unknown"]:
        parts += ["## Where the sex is not known", _unknown(values["sex_unknown"], found)]
    if values["robustness"]:
        parts += ["## When the film changes and the hand does not", _robustness(values["robustness"])]
    return "\n\n".join(parts) + "\n"


def write(values: Mapping[str, Any], out: Path) -> tuple[Path, Path]:
    """Write ``NAME.md`` and ``NAME.json`` into a folder. Raises CannotWrite."""
    paths = out / f"{values['name']}.md", out / f"{values['name']}.json"
    write_bytes(paths[0], text_bytes(markdown(values)))
    write_bytes(paths[1], json_bytes(dict(values)))
    return paths


def load(folder: Path, name: str) -> dict[str, Any]:
    """Read the file ``name`` that a command wrote into its folder, or that file by its path.

    Raises:
        BadTable: if it is not there, or is not about a model.
    """
    path = folder / name if folder.is_dir() else folder
    try:
        found = json_value(path.read_bytes())
        found["weights_sha256"], found["n"]
    except (OSError, ValueError, KeyError, TypeError):
        raise BadTable(f"{path} is no {name} of a model") from None
    return found


def _in_integers(how: Mapping[str, Any] | None) -> str:
    if not how:
        return ""
    return f" It computes in 8 bits, chosen on {len(how['films'])} training films; in float32 it was {how['of'][:12]}."


def _trained(made: Mapping[str, Any]) -> str:
    """The recipe, network, input and length of the training; members of an ensemble each have their own recipe."""
    config = made["config"]
    prepare, train = config["prepare"], config["train"]
    if not prepare["hand"]:
        seen = f"the film, {prepare['fit']}"
    elif prepare.get("beside"):
        seen = "the hand, found and brought upright, and its joints"
    else:
        seen = "the hand, found and brought upright" + ", by its joints" * bool(prepare.get("joints"))
    if "members" in made:
        return f"Several networks, {_networks(made)}, each by the recipe of that name ({seen}), trained on"
    size, epochs = f"{prepare['size']} px ({seen})", f"{train['epochs']} epochs of"
    return f"Recipe `{config['recipe']}`: {_networks(made)}, {size}, loss {train['loss']}, {epochs}"


def _networks(made: Mapping[str, Any]) -> str:
    """The network and the weights it started from; or the members of an ensemble."""
    if "members" in made:
        words = (f"`{of['recipe']}` at {of['size']} px ({of['weights_sha256'][:12]})" for of in made["members"])
        return f"the mean of {', '.join(words)}"
    model, start = made["config"]["model"], made.get("start")
    if start:
        return f"{model['name']}, started from recipe `{start['recipe']}` (weights {start['weights_sha256'][:12]})"
    return f"{model['name']}, start {model['pretrained']}"


def _plain(found: Mapping[str, Any]) -> str:
    return f"{found['interval'][0].lower()}{found['interval'][1:]}."


def _cell(metric: Mapping[str, Any], digits: int = 2) -> str:
    if metric["value"] is None:
        return "n/a"
    value = f"{metric['value']:.{digits}f}"
    return value if metric["low"] is None else f"{value} ({metric['low']:.{digits}f} to {metric['high']:.{digits}f})"


def _table(first: str, groups: Mapping[str, Mapping[str, Any]]) -> str:
    head = (first, "n", "MAE, months", "RMSE, months", "bias, months", "within 12 months, %")
    rows = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for name, of in groups.items():
        cells = (_cell(of["mae"]), _cell(of["rmse"]), _cell(of["bias"]), _cell(of["within_12"], 1))
        rows.append(f"| {band(name)} | {of['n']:,} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _agreement(limits: Mapping[str, Any]) -> str:
    return f"Limits of agreement (Bland-Altman), months: {_cell(limits['lower'], 1)} and {_cell(limits['upper'], 1)}."


def _unknown(unknown: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    more = unknown["mae"]["value"] - known["mae"]["value"]
    error = f"MAE {_cell(unknown['mae'])} months, {more:+.2f} against the sex known"
    return f"On the same films, the sex not given: {error}."


def certainty(found: Mapping[str, Any]) -> str:
    """An assessment of the intervals (`boneage.evaluation.coverage.assessment`) as Markdown."""
    sentences, header, rows = described(found)
    lines = [sentences + " In brackets what 99 of 100 calibrated intervals would show.", ""]
    lines += [f"| {' | '.join(header)} |", "|" + " --- |" * len(header)]
    for name, *values in rows:
        cells = (cell(name), *(value.replace("\n", " (") + ")" * ("\n" in value) for value in values))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _robustness(robustness: Mapping[str, Any]) -> str:
    head = ("mean absolute shift", "99th percentile", "largest", "largest without a warning", "change of the MAE")
    lead = f"{robustness['n']:,} films of split {robustness['split']}; months, and the number of films on which no "
    rows = [lead + "whole hand was found, and on which a quality flag warns or refuses.", ""]
    rows += [f"| change | {' | '.join(head)} | lost | warned |", "|" + " --- |" * (len(head) + 3)]
    for row in robustness["changes"]:
        shifts = [f"{row[name]:.1f}" for name in ("p99_absolute_shift", "largest_shift", "largest_shift_unwarned")]
        cells = [f"{row['kind']} {row['strength']}", f"{row['mean_absolute_shift']:.2f}", *shifts]
        cells += [_cell(row["mae_change"]), str(row["hand_not_found"]), str(row["warned"])]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)
