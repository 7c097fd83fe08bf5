"""Draws the panels of cards into files, each once for a state of what they depend on.

They are kept in build/pictures under a fingerprint of the package, of docs/generators/panels and of
tools/draw_gallery.py.
"""

import functools
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURES = "assets/mixers"  # their folder in the site
CACHE = ROOT / "build/pictures"
SOURCES = ("keras_mix/**/*.py", "docs/generators/panels/*.py", "tools/draw_gallery.py")


@functools.cache
def folder():
    """Returns the folder of the pictures of this state, which holds them after the call."""
    found = CACHE / fingerprint()
    if not (found / "panels.json").exists():
        draw(found)
    return found


@functools.cache
def panels():
    """Returns {name of a class: [{"file", "title", "caption"}, …]}."""
    return json.loads((folder() / "panels.json").read_text("utf-8"))


def fingerprint():
    """Returns 16 hexadecimal digits of what the pictures depend on."""
    found = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            found.update(path.read_bytes())
    return found.hexdigest()[:16]


def draw(into):
    """Runs `python -m panels`, which imports TensorFlow, in a process of its own."""
    paths = [str(ROOT), str(ROOT / "docs/generators")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-m", "panels", str(into)], env=environment, check=True)
