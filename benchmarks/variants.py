"""Single changes against a reference, each trained alone and read on the same validation films.

python benchmarks/variants.py changes --data DIR            what the reference choices cost
python benchmarks/variants.py amounts --data DIR            how the error falls with the number of films
python benchmarks/variants.py changes --data DIR --only huber

Each variant leaves docs/results/variants/GROUP/NAME.csv (the predictions) and NAME.json (settings and time); what is
there is not run again, and a run that was stopped goes on. docs/build.py makes the tables, paired film by film.
"""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from boneage.config import AugmentConfig, override
from boneage.data.dataset import open_folder
from boneage.data.split import divide
from boneage.evaluation.evaluate import predict_all
from boneage.evaluation.predictions import to_csv
from boneage.files import write_bytes, write_json
from boneage.reading.predictor import Predictor
from boneage.run_folder import load_run
from boneage.training.recipes import recipe
from boneage.training.train import train

RESULTS = Path(__file__).parent.parent / "docs" / "results" / "variants"
PLAIN = [f"augment.{field.name}=0" for field in fields(AugmentConfig)]

SMALL = ["data.limit=3000", "train.epochs=8"]
CHANGES = {
    "reference": [],
    "another_seed": ["train.seed=1"],  # by how much two runs of the same differ
    "huber": ["train.loss=huber"],
    "distribution": ["train.loss=distribution"],
    "adamw": ["train.optimizer=adamw", "train.weight_decay=0.02"],
    "relu": ["model.activation=relu"],
    "pixels_96": ["prepare.size=96"],
    "no_augmentation": PLAIN,
    "no_sex": ["model.sex=false"],
    "attention": ["model.attention=both"],
}
EPOCHS = {300: 24, 1000: 12, 3000: 8, 0: 5}  # 0: all
AMOUNTS = {
    f"{films or 'all'}_{start}": [f"data.limit={films}", f"train.epochs={epochs}", f"model.pretrained={start}"]
    for films, epochs in EPOCHS.items()
    for start in ("imagenet", "none")
}
GROUPS = {"changes": ("resnet50_128", SMALL, CHANGES), "amounts": ("quick", ["prepare.size=128"], AMOUNTS)}


def run(group: str, name: str, data: Path, runs: Path) -> None:
    """Train and read one variant."""
    base, common, variants = GROUPS[group]
    words = [*common, "train.evaluate_every=1000", *variants[name]]
    config, folder = override(recipe(base), words), runs / group / name
    if not ((folder / "run.json").exists() and load_run(folder)["step"] == load_run(folder)["steps"]):
        train(config, data, folder, resume=folder.exists())
    record, predictor = load_run(folder), Predictor.load(folder)
    films = divide(open_folder(data), config.data).of("validation").samples
    table, failures = predict_all(predictor, films)
    assert not failures, failures[0]
    write_bytes(RESULTS / group / f"{name}.csv", to_csv(table).encode())
    about = {"recipe": base, "settings": words, "minutes": round(record["seconds"] / 60, 1), "data": record["data"]}
    write_json(RESULTS / group / f"{name}.json", about | {"weights_sha256": record["weights_sha256"]})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/variants"), help="where the run folders go")
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()
    for name in GROUPS[options.group][2]:
        if (not options.only or name in options.only) and not (RESULTS / options.group / f"{name}.json").exists():
            print(name, flush=True)
            run(options.group, name, options.data, options.runs)


if __name__ == "__main__":
    main()
