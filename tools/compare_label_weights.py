"""Trains a small vision transformer on cut digits, with labels by area and by attention.

    python tools/compare_label_weights.py                 # half an hour; build/label_weights
    python tools/compare_label_weights.py --seeds 1 --epochs 5     # a try

The digits that ship with scikit-learn, of which 600 are trained on. Every network starts from the
same weights and sees the same batches; CutMix and TransMix, and GridMix and MixPro, draw the same
mixtures. Settings were not tuned on these results. The second table has the differences between two
methods, seed by seed, with the 95 % interval of their mean (Student's t).
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from compare_distillation import show_differences
from compare_modalities import show
from comparisons import label_weights
from comparisons.training import gathered


def main():
    """Trains all networks and writes their scores as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=label_weights.EPOCHS)
    parser.add_argument("--output", type=Path, default=Path("build/label_weights/results.json"))
    args = parser.parse_args()
    start = time.perf_counter()
    runs = [label_weights.run(seed, args.epochs) for seed in range(args.seeds)]
    results = {method: gathered([run[method] for run in runs]) for method in runs[0]}
    found = label_weights.differences(results)
    show({"digits, by a transformer": results})
    show_differences(found)
    seconds = round(time.perf_counter() - start)
    settings = {"seeds": args.seeds, "epochs": args.epochs, "seconds": seconds}
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(
        json.dumps({"settings": settings, "scores": results, "differences": found}, indent=1)
        + "\n",
        encoding="utf-8",
    )
    print(args.output)


if __name__ == "__main__":
    main()
