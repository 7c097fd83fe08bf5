"""Folders of files that a process of its own makes, once for a state of what they depend on.

They are kept in build under a fingerprint of the package and of the files that are named.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ("keras_mix/**/*.py", "keras_mix/**/*.html", "keras_mix/**/*.css")


def folder(module, sources):
    """Returns a folder that holds what `python -m module FOLDER` writes.

    Args:
        module: Name of a module of docs/generators. It imports TensorFlow, which a build does not.
        sources: Patterns of what it depends on beside the package, from the root.
    """
    found = ROOT / "build" / module / fingerprint((*PACKAGE, *sources))
    if not found.exists():
        draft = found.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        paths = os.pathsep.join([str(ROOT), str(ROOT / "docs/generators")])
        environment = {**os.environ, "PYTHONPATH": paths, "TF_CPP_MIN_LOG_LEVEL": "3"}
        subprocess.run([sys.executable, "-m", module, str(draft)], env=environment, check=True)
        draft.rename(found)
    return found


def fingerprint(patterns):
    """Returns 16 hexadecimal digits of the files that match."""
    found = hashlib.sha256()
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            found.update(path.read_bytes())
    return found.hexdigest()[:16]
