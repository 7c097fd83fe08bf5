"""The code and the commands that pages of the documentation show run."""

import importlib.util
import os
import re
import shlex
import subprocess
import sys

import keras
import pytest
import tensorflow as tf
from pages import PAGES, ROOT, code, name_of

from keras_mix import cli

SOURCES = "".join(path.read_text("utf-8") for path in sorted((ROOT / "tools").rglob("*.py")))


@pytest.fixture
def _as_before():
    """Takes back what a page sets for the process."""
    policy, floats = keras.config.dtype_policy(), keras.config.floatx()
    yield
    keras.config.set_dtype_policy(policy)
    keras.config.set_floatx(floats)
    tf.config.run_functions_eagerly(False)


def needs_own_process(block):
    """Whether a block must run before TensorFlow or Keras are imported."""
    return "KERAS_BACKEND" in block or "pool_memory()" in block


def runs_here(block):
    """Whether the packages that a block imports are installed."""
    imported = re.findall(r"^\s*(?:import|from) (\w+)", block, re.M)
    backend = re.findall(r"KERAS_BACKEND\W+(\w+)", block)
    return all(map(importlib.util.find_spec, {*imported, *backend} - {"tensorflow"}))


@pytest.mark.slow
@pytest.mark.usefixtures("_as_before")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config:UserWarning")
@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed:UserWarning")
# Of an untrained model.
@pytest.mark.filterwarnings("ignore:TemperatureScaling. the likelihood has no maximum:UserWarning")
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_code_of_the_pages_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text, names = page.read_text("utf-8"), {}
    # Few steps are faster one by one than compiled, and the many of a training are not.
    tf.config.run_functions_eagerly("epochs=10" not in text)
    for number, block in enumerate(code(text, "python")):
        if not needs_own_process(block):
            exec(compile(block, f"{name_of(page)}, block {number}", "exec"), names)


def blocks_apart():
    for page in PAGES:
        for number, block in enumerate(code(page.read_text("utf-8"), "python")):
            if needs_own_process(block):
                yield pytest.param(block, id=f"{name_of(page)}-{number}")


@pytest.mark.slow
@pytest.mark.parametrize("block", list(blocks_apart()))
def test_code_that_comes_before_other_imports_runs_by_itself(block, tmp_path):
    if not runs_here(block):
        pytest.skip("a package that the block needs is not installed")
    # XLA need not optimize what runs once. A block may set flags of its own.
    quick = {**os.environ, "XLA_FLAGS": "--xla_backend_optimization_level=0"}
    done = subprocess.run(
        [sys.executable, "-c", block], capture_output=True, text=True, cwd=tmp_path, env=quick
    )
    assert done.returncode == 0, done.stderr


def commands():
    """The commands that pages show, one a line."""
    for page in PAGES:
        for line in "".join(code(page.read_text("utf-8"), "sh")).replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and re.match(r"\w+=", words[0]):
                words.pop(0)
            if words:
                yield pytest.param(words, id=f"{name_of(page)}: {' '.join(words)}")


@pytest.mark.parametrize("command", list(commands()))
def test_commands_of_the_pages_exist(command):
    program, *arguments = command
    if program == "make":
        makefile = (ROOT / "Makefile").read_text("utf-8")
        assert all(re.search(rf"^{target}:", makefile, re.M) for target in arguments)
    elif program == "keras-mix":
        cli._parser().parse_args(arguments)
    elif program == "python" and arguments[0].startswith("tools/"):
        assert (ROOT / arguments[0]).exists()
        # Options, and names of parts or checks, which stand in quotes in a tool.
        assert all(f'"{argument}"' in SOURCES for argument in arguments[1:])
    else:
        assert program in {"git", "pip", "cd", "python"}
