"""Every training film read as `default` reads, by networks that have not seen it: for each of five folds one network
of each of its three kinds is trained without it for a short time, and they read it together.

python benchmarks/out_of_fold.py --data DIR [--runs runs/folds] [--out docs/results/tables/oof.csv]

Fifteen trainings, about four hours of two cores; what is there is not run again, and a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from boneage.config import DataConfig
from boneage.training import folds
from boneage.training.distributed import join_processes, keep_freed_memory
from boneage.training.tensors import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=Path, default=Path("runs/folds"), help="where the run folders go")
    parser.add_argument("--out", type=Path, default=Path("docs/results/tables") / folds.OUT_OF_FOLD)
    options = parser.parse_args()
    keep_freed_memory()
    samples = folds.training_films(options.data, DataConfig())
    fold_of = folds.folds(samples)
    with join_processes("auto") as processes:
        for name, kind in folds.KINDS.items():  # the first predicts the expected error
            missing = [n for n in range(folds.FOLDS) if not folds.is_done(options.runs / name / f"fold{n}")]
            films = load(kind(), options.data, processes.device) if missing else None
            for fold in missing:
                assert films is not None
                folds.train_without(fold, fold_of, kind(), films, options.runs / name / f"fold{fold}", processes)
    folds.write(options.out, samples, fold_of, *(options.runs / name for name in folds.KINDS))


if __name__ == "__main__":
    main()
