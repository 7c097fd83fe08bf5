"""Checks in throw-away environments that pip installs a working keras_mix.

    python tools/check_install.py           # install and use it everywhere; some ten minutes
    python tools/check_install.py --quick   # only read what pip would install

An empty environment gets all that the first draw needs. One with an older TensorFlow, or with
tensorflow-cpu, keeps its TensorFlow, Keras and NumPy. The lowest versions that setup.cfg allows
work. Prints a line for each check, and exits with 1 if one fails.
"""

import argparse
import configparser
import functools
import json
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

SMOKE = """
import keras
import numpy as np
import keras_mix

images = np.random.default_rng(0).random((4, 8, 8, 3), dtype="float32")
labels = np.array([0, 1, 2, 0], dtype="int32")
images, labels = keras_mix.layers.MixUp(alpha=0.2, num_classes=3)(images, labels)
assert images.shape == (4, 8, 8, 3), images.shape
assert np.allclose(np.sum(labels, axis=1), 1.0), labels

text, picture = keras.Input((6,), dtype="int32", name="text"), keras.Input((3,), name="picture")
words = keras.layers.Embedding(9, 4, mask_zero=True, name="words")(text)
read = keras.layers.LSTM(4)(words)
seen_and_read = keras.layers.Concatenate()([picture, read])
x = {"text": np.ones((8, 6), "int32"), "picture": np.ones((8, 3), "float32")}


def learns(inputs, outputs, mix_at=None):
    base = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(outputs))
    model = keras_mix.models.ManifoldMixup(base, mix_at=mix_at)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    given = {name: x[name] for name in inputs}
    history = model.fit(given, np.arange(8) % 3, verbose=0).history
    assert np.isfinite(history["loss"]).all(), history


learns({"text": text}, read)
learns({"text": text, "picture": picture}, seen_and_read, [("input/picture", "words")])
"""

# A command that needs every package of the extra `evaluate`.
DEMO = ["compare", "--data", "digits", "--train-size", "100", "--seeds", "1", "--output", "demo"]


class Failure(Exception):
    """A check that failed."""


class Environment:
    """A virtual environment, and a copy of the package beside it to install from.

    The copy keeps pip's build folders out of the checkout, and the checkout's out of the build.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        self.package = str(self.folder / "package")
        ignored = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__")
        shutil.copytree(ROOT, self.package, ignore=ignored)
        venv.create(self.folder / "venv", with_pip=True)

    def run(self, program, *arguments):
        """Run a program of the environment; it must succeed."""
        command = [self.folder / "venv" / "bin" / program, *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            raise Failure(f"{program} exited with {done.returncode}:\n{done.stderr.strip()}")

    def install(self, *requirements):
        """Install by pip."""
        self.run("python", "-m", "pip", "install", "--quiet", *requirements)

    def use(self):
        """Draw a λ and mix a batch."""
        self.run("python", "-c", SMOKE)

    def plan(self, *options):
        """Return what pip would install for the package, as {name: minor version}."""
        report = self.folder / "report.json"
        self.install("--dry-run", "--report", str(report), *options, self.package)
        chosen = [entry["metadata"] for entry in json.loads(report.read_text())["install"]]
        return {
            entry["name"].lower().replace("_", "-"): ".".join(entry["version"].split(".")[:2])
            for entry in chosen
        }


def check_empty(environment, quick):
    """An empty environment gets everything, and a tf-keras that matches its TensorFlow."""
    plan = environment.plan()
    missing = {"tensorflow", "keras", "tensorflow-probability", "tf-keras"} - plan.keys()
    if missing:
        raise Failure(f"pip would not install {sorted(missing)}")
    if plan["tf-keras"] != plan["tensorflow"]:
        raise Failure(f"pip would install tf-keras {plan['tf-keras']} for {plan['tensorflow']}")
    if not quick:
        environment.install(environment.package)
        environment.use()


def check_older(environment, quick, minor):
    """An older TensorFlow is kept, and gets the matching tf-keras."""
    environment.install(f"tensorflow=={minor}.*")
    plan = environment.plan()
    refuse_replacements(plan)
    if plan.get("tf-keras") != minor:
        raise Failure(f"pip would install tf-keras {plan.get('tf-keras')}")
    if not quick:
        environment.install(environment.package)
        environment.use()


def check_cpu(environment, quick):
    """tensorflow-cpu is kept; the first draw says how to add tf-keras, which works."""
    environment.install("tensorflow-cpu")
    refuse_replacements(environment.plan())
    if not quick:
        environment.install(environment.package)
        try:
            environment.use()
        except Failure as failure:
            advice = re.search(r"pip install --no-deps \W?(tf-keras==[\d.]+\*)", str(failure))
            if not advice:
                raise
            environment.install("--no-deps", advice[1])
            environment.use()


def check_lowest(environment, quick):
    """The lowest versions that setup.cfg allows work, those of the extra `evaluate` too."""
    pins = environment.folder / "lowest.txt"
    pins.write_text("\n".join(lowest_versions()))
    environment.plan("--constraint", str(pins))
    if not quick:
        environment.install("--constraint", str(pins), f"{environment.package}[evaluate]")
        environment.use()
        environment.run("keras-mix", *DEMO)


def refuse_replacements(plan):
    """Fail if pip would install another TensorFlow, Keras or NumPy."""
    replaced = {"tensorflow", "keras", "numpy"} & plan.keys()
    if replaced:
        raise Failure(f"pip would replace {sorted(replaced)}")


def lowest_versions():
    """Return the lower bounds in setup.cfg as pins."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg")
    declared = config["options"]["install_requires"] + config["options.extras_require"]["evaluate"]
    bounds = re.findall(r"^([\w-]+)>=([\d.]+)$", declared, flags=re.MULTILINE)
    return [f"{name}=={version}" for name, version in bounds]


CHECKS = {
    "an empty environment": check_empty,
    "with TensorFlow 2.19": functools.partial(check_older, minor="2.19"),
    "with TensorFlow 2.18": functools.partial(check_older, minor="2.18"),
    "with tensorflow-cpu": check_cpu,
    "the lowest versions": check_lowest,
}


def main():
    """Run all checks; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only read what pip would install")
    quick = parser.parse_args().quick
    failed = 0
    for name, check in CHECKS.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(Environment(folder), quick)
            except Failure as failure:
                failed += 1
                print(f"FAILED  {name}: {failure}", flush=True)
            else:
                print(f"ok      {name}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
