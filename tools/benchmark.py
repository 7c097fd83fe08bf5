"""Measure the speed of keras_mix against Keras's own layers, a plain copy, and peers.

The data side is measured in tf.data pipelines, the model side by whole train steps. All run side
by side in one process and take turns, so compare the ratios: the figures in samples/s depend on the
machine and on what else it does. Peers (keras_cv, torchvision, timm) are measured where they are
installed.
"""

import argparse
import itertools
import json
import os
import sys
from pathlib import Path

# TensorFlow reads it when it is imported: no chatter about this machine's CPU and absent GPU.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf
from benchmarking import (
    comparison,
    every_mixer,
    fresh,
    machine,
    memory,
    modalities,
    pipelines,
    structured,
    train_steps,
)
from benchmarking.contenders import THREADS, Workload
from benchmarking.report import Report

SIZES = ((224, 1000), (32, 10))
DTYPES = ("float32", "uint8")
PARTS = ("data", "pipelines", "mixers", "modalities", "models", "memory")


def main():
    """Run the benchmark; returns the exit status."""
    arguments = parsed()
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    results = measured(arguments.part, arguments.quick, Report())
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(results, indent=2) + "\n")
    groups = (results.get(name, []) for name in ("groups", "mixers", "sounds"))
    missed = comparison.below(itertools.chain.from_iterable(groups))
    missed += comparison.slow_to_start(results.get("fresh"))
    missed += pipelines.exceeded(results.get("pipelines", []))
    missed += structured.exceeded(results.get("structured", []))
    missed += modalities.exceeded(results.get("joint", []), results.get("pairing", []))
    missed += train_steps.exceeded(results.get("train_steps", []))
    Report().end(missed, arguments.output)
    return 1 if missed and arguments.check else 0


def parsed():
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and sizes")
    parser.add_argument(
        "--part", choices=PARTS, action="append", help="only this part (default: all)"
    )
    parser.add_argument(
        "--check", action="store_true", help="exit with 1 if a ratio misses its floor"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/benchmark.json"),
        help="the JSON file to write (default: %(default)s)",
    )
    return parser.parse_args()


def measured(parts, quick, report):
    """Yields all figures, printed as they are measured."""
    results = {"machine": machine.describe()}
    report.machine(results["machine"])
    if "data" in (parts or PARTS):
        results.update(data_side(quick, report))
    if "pipelines" in (parts or PARTS):
        results["pipelines"] = pipelines.measure(quick, rounds=5 if quick else 9)
        report.pipelines(results["pipelines"])
    if "mixers" in (parts or PARTS):
        results.update(mixers(quick, report))
    if "modalities" in (parts or PARTS):
        results.update(several_modalities(quick, report))
    if "models" in (parts or PARTS):
        results["train_steps"] = train_steps.measure(
            repeats=1 if quick else 3, count=7 if quick else 15
        )
        report.train_steps(results["train_steps"])
    if "memory" in (parts or PARTS):
        results["memory"] = memory.measure(quick)
        report.memory(results["memory"])
    return results


def data_side(quick, report):
    """The figures of tf.data pipelines."""
    results = {"groups": []}
    rounds = 5 if quick else 7
    for side, classes in SIZES[:1] if quick else SIZES:
        for dtype in DTYPES:
            workload = Workload(128, side, dtype, classes)
            rows, absent = comparison.compare(workload, rounds)
            results["groups"].append({**workload._asdict(), "rows": rows, "absent": absent})
            report.group(results["groups"][-1])
    results["fresh"] = fresh.measure(repeats=1 if quick else 3)
    report.fresh(results["fresh"], comparison.FIRST_BATCH_LIMIT)
    results["growth"] = comparison.growth(quick, rounds=3)
    report.growth(results["growth"])
    results["pairs"] = comparison.packed_pairs((32,) if quick else (32, 224), rounds=5)
    report.pairs(results["pairs"])
    return results


def mixers(quick, report):
    """The figures of every mixer."""
    results = {"mixers": []}
    rounds = 3 if quick else 7
    for dtype, names in (("float32", every_mixer.NAMES), ("uint8", every_mixer.BYTES)):
        workload = Workload(128, 224, dtype, 10)
        rows, absent = every_mixer.compare(workload, names, rounds)
        results["mixers"].append({**workload._asdict(), "rows": rows, "absent": absent})
        report.group(results["mixers"][-1])
    results["structured"], absent = structured.added(rounds)
    report.structured(results["structured"], absent)
    results["mask_growth"] = structured.growth("FMix", (112, 224, 448), rounds)
    report.mask_growth(results["mask_growth"])
    return results


def several_modalities(quick, report):
    """The figures of sounds, of paired modalities, and of partners over a whole data set."""
    rounds = 5 if quick else 15
    results = {"sounds": modalities.sounds(rounds)}
    for group in results["sounds"]:
        report.group(group)
    results["joint"] = modalities.joint(rounds)
    report.joint(results["joint"], modalities.SAMPLE)
    results["pairing"] = modalities.pairing(repeats=1 if quick else 3)
    report.pairing(results["pairing"])
    return results


if __name__ == "__main__":
    sys.exit(main())
