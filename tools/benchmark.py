"""Measure the speed of keras_mix against its limits, Keras's own layers, a copy, and peers.

The data side is measured in tf.data pipelines, the model side by whole train steps; each part in a
process of its own, once with TensorFlow's memory as it is and once pooled. What is compared takes
turns, so compare the ratios: the figures in samples/s depend on the machine and on what else it
does.
"""

import argparse
import json
import os
import sys
from pathlib import Path

# TensorFlow reads it when it is imported: no chatter about this machine's CPU and absent GPU.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from benchmarking import fresh, load, machine, page, parts, regimes, rows
from benchmarking.report import Report


def main():
    """Run the benchmark; returns the exit status."""
    arguments = parsed()
    regimes.leave()
    report = Report()
    # Before this process does anything itself.
    results = {"busy": load.busy(), "machine": machine.describe(), "tables": [], "failed": []}
    report.machine(results["machine"])
    report.load(results["busy"])
    written = arguments.output, arguments.output.with_suffix(".html")
    prepare(arguments.output)
    for part in arguments.part or (parts.QUICK if arguments.quick else parts.ALL):
        for regime in arguments.regime or parts.PARTS[part].regimes:
            # Anew for each: a shared machine has faster and slower hours.
            place = {"part": part, "regime": regime, "bandwidth_gb": machine.bandwidth()}
            report.begins(**place)
            try:
                for table in parts.measured(part, regime, arguments.quick):
                    report.table(table)
                    results["tables"].append({**place, **table})
            except fresh.Failed as error:
                report.failed(error)
                results["failed"].append({**place, "reason": str(error).splitlines()[-1]})
            # After each part: the next one may be interrupted.
            arguments.output.write_text(json.dumps(results, indent=2) + "\n")
            written[1].write_text(page.render(results))
    missed = rows.missed(results["tables"])
    report.end(missed, results["failed"], written)
    return 1 if results["failed"] or (missed and arguments.check) else 0


def prepare(path):
    """Makes the folder of a file, before anything is measured for it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        sys.exit(f"--output must be a file that can be written. Received: {path}: {error.strerror}")


def parsed():
    """The arguments of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog=parts.durations(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds, sizes and, unless named, parts"
    )
    parser.add_argument(
        "--part",
        choices=parts.PARTS,
        action="append",
        help=f"only this part (default: all but {' and '.join(parts.NAMED)})",
    )
    parser.add_argument(
        "--regime",
        choices=regimes.REGIMES,
        action="append",
        help="TensorFlow's memory (default: both)",
    )
    parser.add_argument(
        "--check", action="store_true", help="exit with 1 if a figure misses its bound"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/benchmark.json"),
        help="the JSON file to write, beside its page (default: %(default)s)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
