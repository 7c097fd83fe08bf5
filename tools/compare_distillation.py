"""Distills digits from a large network into a small one, with and without mixing.

    python tools/compare_distillation.py                 # a quarter of an hour; build/distillation
    python tools/compare_distillation.py --seeds 1 --epochs 5     # a try

The digits that ship with scikit-learn, of which 300 are trained on. The teacher trains by MixUp.
Each student starts from the same weights, sees the same batches, and learns from labels or from the
teacher alone (temperature 1), with or without mixing; settings were not tuned on these results. The
second table has the differences between two methods, seed by seed, with the 95 % interval of their
mean (Student's t).
"""

import argparse
import json
import os
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
from compare_modalities import show
from comparisons import distillation
from comparisons.training import gathered
from rich.console import Console
from rich.table import Table
from scipy import stats


def main():
    """Trains all students and writes their scores as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=distillation.EPOCHS)
    parser.add_argument("--output", type=Path, default=Path("build/distillation/results.json"))
    args = parser.parse_args()
    start = time.perf_counter()
    runs = [distillation.run(seed, args.epochs) for seed in range(args.seeds)]
    results = {method: gathered([run[method] for run in runs]) for method in runs[0]}
    found = distillation.differences(results)
    show({"digits, taught": {method: results[method] for method in distillation.METHODS}})
    show({"the teacher": {"teacher itself": results["teacher itself"]}})
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


def show_differences(found):
    """Prints the mean of each difference with its 95 % interval."""
    scores = next(iter(found.values()))
    table = Table("gain or loss by", *scores, title="differences, seed by seed")
    for title, measured in found.items():
        table.add_row(title, *(_interval(measured[score]) for score in scores))
    Console(width=120).print(table)


def _interval(values):
    mean = np.mean(values)
    if len(values) < 2:
        return f"{mean:+.3f}"
    margin = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{mean:+.3f} [{mean - margin:+.3f}, {mean + margin:+.3f}]"


if __name__ == "__main__":
    main()
