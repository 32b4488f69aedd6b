"""A model card in the form of RSNA's ATLAS (atlas.rsna.org, model schema of 2025-11).

boneage card MODEL --evaluation DIR --out DIR --atlas URL
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files import json_bytes, write_bytes
from .wording import band

SCHEMA = "https://atlas.rsna.org/schemas/2025-11/model.json"
FOR = ["Research", "Education"]  # entries of at most 64 letters; the card's own words stand beside them
NOT_FOR = [
    "Diagnosis or treatment without a reader who checks it",
    "The age of people whose age is in dispute",
    "Hands after fractures or operations",
    "Malformations and skeletal dysplasia",
    "Films other than the front of one hand",
]
METRICS = {
    "mean absolute error": ("mae", "months"),
    "root mean squared error": ("rmse", "months"),
    "mean absolute percentage error": ("mape", "%"),
    "R-squared": ("r2", ""),
}
REFERENCES = (
    {
        "Authors": "Halabi SS, Prevedello LM, Kalpathy-Cramer J, et al.",
        "Title": "The RSNA Pediatric Bone Age Machine Learning Challenge",
        "Source": "Radiology 2019;290:498-503",
        "Date": 2019,
        "DOI": "10.1148/radiol.2018180736",
        "Notes": "The films that the model was trained on.",
    },
)
INPUT = (
    "One radiograph of a child's hand and wrist from the front (DICOM, PNG, JPEG and others), and the sex, which may "
    "be unknown. The chronological age is no input."
)
OUTPUT = (
    "Bone age in months with prediction intervals, and flags on the quality of the film; a film that does not show a "
    "whole hand gets no age."
)


def atlas(card: Mapping[str, Any], link: str) -> dict[str, Any]:
    """The card of `boneage.evaluation.model_card.card` in the form of ATLAS; ``link``: where the model is described."""
    found = card["evaluation"]
    model = {
        "Name": f"boneage {card['name']}",
        "Summary": f"Bone age in months from a hand radiograph. {card['disclaimer']}",
        "Link": link,
        "Indexing": {
            "Content": ["PD", "MK"],
            "Keywords": ["bone age", "hand radiograph", "skeletal maturity", "pediatric"],
        },
        "Descriptors": {
            "Version": f"weights {card['weights_sha256']}",
            "License": {"Text": card["licence"]},
            "References": list(REFERENCES),
        },
        "Model properties": _properties(card),
        "Imaging": {
            "Modalities": ["Projection radiography (RID10345)"],
            "Procedures": [{"Name": "Radiograph of hand and wrist for bone age"}],
            "File format": ["DICOM", "JPEG", "PNG", "Other"],
            "Resolution": f"{card['made_by']['config']['prepare']['size']} pixels on a side",
        },
        "Model performance": {"Metrics": list(METRICS), "Comments": performance(found)},
    }
    return {"$schema": SCHEMA, "Model": model}


def performance(found: Mapping[str, Any]) -> str:
    """The measured numbers in words: split, films, metrics with intervals, by sex and by age, coverage."""
    values = (f"{name} {_number(found[key], unit)}" for name, (key, unit) in METRICS.items())
    sentences = [f"{found['n']} films of split {found['split']}: {'; '.join(values)}.", f"{found['interval']}."]
    for kind, what in (("by_sex", "sex"), ("by_age", "labelled months")):
        parts = (f"{band(name)} (n = {of['n']}) {_number(of['mae'], 'months')}" for name, of in found[kind].items())
        sentences.append(f"Mean absolute error by {what}: {'; '.join(parts)}.")
    for level, of in (found.get("intervals") or {"levels": {}})["levels"].items():
        share = of["coverage"]["all"]["value"]
        sentences.append(f"{float(level):.0%} prediction intervals hold {share:.1%} of the labels.")
    return " ".join(sentences).replace("\N{NO-BREAK SPACE}", " ")


def write(card: Mapping[str, Any], link: str, out: Path) -> Path:
    """Write ``NAME.atlas.json`` into a folder. Raises CannotWrite."""
    path = out / f"{card['name']}.atlas.json"
    write_bytes(path, json_bytes(atlas(card, link)))
    return path


def _properties(card: Mapping[str, Any]) -> dict[str, Any]:
    made = card["made_by"]
    networks = made.get("members") or [{"recipe": made["config"]["recipe"]}]
    return {
        "Architecture": f"Convolutional network {made['config']['model']['name']}, {len(networks)} member(s)",
        "Degree of automation": "It proposes an age. A person looks at every film and every answer.",
        "Indications for use": card["intended_use"],
        "Input": INPUT,
        "Limitations": f"{card['limits']} Not for: {card['not_for']}",
        "Output": {"Description": OUTPUT, "CDEs": ["RDES14"]},
        "Regulatory information": {"FDA cleared": False, "CE marked": False, "Comment": card["disclaimer"]},
        "Reproducibility": "The same file, film and sex give the same age; the weights are named by their SHA-256.",
        "Use": {"Intended": FOR, "Out-of-scope": NOT_FOR},
    }


def _number(of: Mapping[str, Any], unit: str) -> str:
    if of["value"] is None:
        return "not defined"
    digits = 3 if not unit else 2
    value = f"{of['value']:.{digits}f} {unit}".strip()
    return value if of["low"] is None else f"{value} ({of['low']:.{digits}f} to {of['high']:.{digits}f})"
