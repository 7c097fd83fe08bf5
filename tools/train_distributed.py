"""Checks that models that mix in the train step train on several devices.

    python tools/train_distributed.py                 # all checks; some two minutes
    python tools/train_distributed.py mirrored plans  # some

On TensorFlow two logical CPU devices stand for two accelerators, and two processes for two
machines; on JAX four host devices for four. Prints a line for each thing checked, and exits with
1 if one fails. The checks of each backend share a process, since devices are set up once in each.

Where Keras itself fails, lines that start with "plain Keras" say so, for a model without mixing:

- `fit` under `MirroredStrategy` with `jit_compile=True`: the step that XLA compiles reaches for
  the variables of another replica's device. So the checks compile with `jit_compile=False`.
- `fit` under `MultiWorkerMirroredStrategy`. So that check runs `train_step` in a loop of its own.
"""

import argparse
import functools
import os
import subprocess
import sys
from pathlib import Path

from distributed.common import Failure, tell
from distributed.mirrored import gradients, mirrored, plans, synchronized
from distributed.multi_worker import multi_worker, worker
from distributed.on_jax import data_parallel

ROOT = Path(__file__).resolve().parents[1]
# Four devices, and code that is compiled fast.
XLA_FLAGS = "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0"


CHECKS = {
    "tensorflow": {
        "mirrored": mirrored,
        "synchronized": synchronized,
        "plans": plans,
        "gradients": gradients,
        "multi-worker": multi_worker,
    },
    "jax": {"data-parallel": data_parallel},
}
NAMES = [name for checks in CHECKS.values() for name in checks]


def environment_of(backend):
    """Returns the environment of the process of a backend's checks."""
    changed = {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if backend == "jax":
        flags = f"{os.environ.get('XLA_FLAGS', '')} {XLA_FLAGS}"
        changed |= {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    # No accelerator: the devices are those of the CPU.
    return {**os.environ, **changed, "PYTHONPATH": path, "CUDA_VISIBLE_DEVICES": "-1"}


def run(backend, names):
    """Runs some of a backend's checks in their own process; returns whether all hold."""
    command = [sys.executable, __file__, "--here", backend, *names]
    return subprocess.run(command, env=environment_of(backend)).returncode == 0


def run_here(checks):
    """Runs checks, all of them even if one fails; returns the names of those that fail."""
    failed = []
    for name, check in checks.items():
        tell(f"# {name}")
        try:
            check()
        except Failure as failure:
            tell(f"FAILED: {failure}")
            failed.append(name)
    return failed


def main():
    """Runs the requested checks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="check", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--here", choices=CHECKS, help=argparse.SUPPRESS)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    unknown = set(options.names) - set(NAMES)
    if unknown:
        parser.error(f"no such check: {', '.join(sorted(unknown))}")
    names = options.names or NAMES
    chosen = {
        backend: {name: check for name, check in checks.items() if name in names}
        for backend, checks in CHECKS.items()
    }
    if options.worker:
        failed = run_here({"worker": functools.partial(worker, options.worker)})
    elif options.here:
        failed = run_here(chosen[options.here])
    else:
        failed = [
            backend for backend, checks in chosen.items() if checks and not run(backend, checks)
        ]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
