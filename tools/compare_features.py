"""Trains on digits with mixed features: AlignMixup, and MixStyle for colors not trained on.

    python tools/compare_features.py                 # a quarter of an hour; build/features
    python tools/compare_features.py --seeds 1 --epochs 5     # a try

300 of the digits that ship with scikit-learn; the test has all others. Every method trains the same
network from the same start on the same batches, by settings that were not tuned on these results.
For MixStyle, one half of each batch is in one pair of colors and the other half in another, and
the test is in these and in two pairs of others.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from compare_modalities import show
from comparisons import features


def main():
    """Trains all networks and writes their scores as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=features.EPOCHS)
    parser.add_argument("--output", type=Path, default=Path("build/features/results.json"))
    args = parser.parse_args()
    results = features.run(args.seeds, args.epochs)
    show(results)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(args.output)


if __name__ == "__main__":
    main()
