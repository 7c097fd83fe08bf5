"""Training on several devices: the checks of tools/train_distributed.py."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

TOOL = Path(__file__).resolve().parents[1] / "tools" / "train_distributed.py"
# How many lines the checks print of what holds.
LINES = {
    ("mirrored", "synchronized", "plans", "gradients"): 12,
    ("multi-worker",): 6,
    ("data-parallel",): 13,
}


@pytest.mark.parametrize("names", LINES, ids=" ".join)
def test_training_on_several_devices(names):
    command = [sys.executable, TOOL, *names]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("ok: ") == LINES[names], run.stdout
