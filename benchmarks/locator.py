"""How well the locator finds 21 landmarks on validation films, as they are and turned, mirrored, squashed, inverted.

python benchmarks/locator.py --data DIR --out docs/results/locator.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from boneage.files import sha256, write_json
from boneage.hand import locate
from boneage.training.locator import load, measure

LOCATOR = locate.LOCATOR


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--file", type=Path, default=LOCATOR)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    reader, (hands, _) = locate.Locator(options.file.read_bytes(), options.file), load(options.data)["validation"]
    report = {name: measure(reader, hands, turned) for name, turned in (("as_stored", False), ("turned", True))}
    report |= {"split": "validation", "file_sha256": sha256(options.file.read_bytes())}
    print(json.dumps(report, indent=2))
    if options.out:
        write_json(options.out, report)


if __name__ == "__main__":
    main()
