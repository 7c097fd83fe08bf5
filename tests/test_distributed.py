"""Training on several devices, each check of tools/train_distributed.py in processes of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[1] / "tools" / "train_distributed.py"
# How many lines a check prints of what holds.
LINES = {
    "mirrored": 4,
    "synchronized": 2,
    "plans": 4,
    "gradients": 2,
    "multi-worker": 6,
    "data-parallel": 13,
}


@pytest.mark.parametrize("name", LINES)
def test_training_on_several_devices(name):
    run = subprocess.run([sys.executable, TOOL, name], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count("ok: ") == LINES[name], run.stdout
