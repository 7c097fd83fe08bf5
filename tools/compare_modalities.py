"""Trains on sounds, tables and pairs, with and without mixing.

    python tools/compare_modalities.py                 # an hour or less; build/modalities
    python tools/compare_modalities.py --part tables --seeds 1 --epochs 5     # a try

Tables that ship with scikit-learn: no mixing, MixUp and C-Mixup for a regression; TabularMix for
classes from 30 rows. Sounds: tones in noise, and digits spoken by espeak-ng in voices that were not
heard in training (left out where that program is not installed). Pairs of a written and a spoken
digit, tested with noise on one of both and with one missing. Every method trains the same network
from the same start with as many steps, by settings that were not tuned on these results: the
layers' defaults, where there are any.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from comparisons import pairs, sounds, tables
from rich.console import Console
from rich.table import Table

PARTS = {"tables": tables, "sounds": sounds, "pairs": pairs}


def main():
    """Runs the parts and writes their results as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=PARTS, action="append", help="default: all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="default: 60, and 100 for tables")
    parser.add_argument("--output", type=Path, default=Path("build/modalities/results.json"))
    args = parser.parse_args()
    start = time.perf_counter()
    epochs = {} if args.epochs is None else {"epochs": args.epochs}
    results = {"settings": {"seeds": args.seeds, **epochs}}
    for name in args.part or PARTS:
        results[name] = PARTS[name].run(args.seeds, **epochs)
        show(results[name])
    results["seconds"] = round(time.perf_counter() - start)
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(args.output)


def show(results):
    """Prints means and standard deviations over the seeds, a table for each data set."""
    for name, methods in results.items():
        table = Table("", *methods, title=name)
        for score in next(iter(methods.values())):
            table.add_row(score, *(_summary(measured[score]) for measured in methods.values()))
        Console(width=120).print(table)


def _summary(values):
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} ± {spread:.3f}"


if __name__ == "__main__":
    main()
