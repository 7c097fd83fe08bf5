"""Runs the study.

    python -m tools.study             # hours; goes on where it was interrupted
    python -m tools.study --quick     # a part, in minutes; build/study-quick
    python -m tools.study --data cifar10 --output build/cifar10     # downloads it

Trained networks and scores go to `--raw`; tables, figures and the page to `--output`.
`--only score` and `--only report` take what is finished, even while another process is training.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)

from tools.study import grid
from tools.study.methods import METHODS


def main():
    """Trains, scores and reports what the arguments ask for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = (*grid.DATA, "cifar10")
    parser.add_argument("--data", nargs="+", choices=known, default=grid.DATA)
    parser.add_argument("--sizes", nargs="+", type=int, choices=grid.SIZES, default=grid.SIZES)
    parser.add_argument("--noises", nargs="+", type=float, default=grid.NOISES)
    parser.add_argument("--widths", nargs="+", choices=grid.WIDTHS, default=grid.WIDTHS)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=tuple(METHODS))
    parser.add_argument("--quick", action="store_true", help="two data sets, small, wide: minutes")
    parser.add_argument("--raw", type=Path, help="default: build/study, or build/study-quick")
    parser.add_argument(
        "--output", type=Path, help="default: results, or build/study-quick/results"
    )
    parser.add_argument("--only", choices=("train", "score", "report"), help="default: all three")
    args = parser.parse_args()
    place = Path("build/study-quick" if args.quick else "build/study")
    raw = args.raw or place
    output = args.output or (place / "results" if args.quick else Path("results"))
    chosen = grid.QUICK if args.quick else (args.data, args.sizes, args.noises, args.widths)
    cells = grid.cells(*chosen)

    # Late, since they bring JAX and TensorFlow.
    from tools.study import engine, measure, report, run
    from tools.study.store import Store

    store = Store(raw)
    engine.keep_compiled(raw / "compiled")
    if args.only in (None, "train"):
        run.train_all(store, cells, args.methods)
    if args.only in (None, "score"):
        measure.measure_all(store, cells)
    if args.only in (None, "report"):
        report.write(store, cells, output)
        print(output / "index.html")


if __name__ == "__main__":
    main()
