"""Checks in throw-away environments that pip installs a working keras_mix.

    python tools/check_install.py           # install and use it everywhere; some ten minutes
    python tools/check_install.py --quick   # only read what pip would install

An empty environment gets all that the first draw needs. One with an older TensorFlow, or with
tensorflow-cpu, keeps its TensorFlow, Keras and NumPy. The lowest versions that setup.cfg allows
work, and so do mixers and models on JAX without TensorFlow. Prints a line for each check, and exits
with 1 if one fails. The environments have the version of Python that runs this.
"""

import argparse
import configparser
import functools
import re
import sys

from installation.environment import ROOT, Environment, Failure, copied_sources, run_checks

# A command that needs every package of the extra `evaluate`.
DEMO = ["compare", "--data", "digits", "--train-size", "100", "--seeds", "1", "--output", "demo"]

# Trains a model on mixtures without TensorFlow.
ON_JAX = """
import os, sys
os.environ["KERAS_BACKEND"] = "jax"
import keras, numpy, keras_mix
images, ids = numpy.ones((8, 8, 8, 1), "float32"), numpy.arange(8) % 2
mixed, labels = keras_mix.layers.FMix(num_classes=2)(images, ids)
assert labels.shape == (8, 2)
base = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
model = keras_mix.models.MixingModel(base, mixer=keras_mix.layers.CutMix())
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(images, ids, verbose=0)
assert "tensorflow" not in sys.modules
"""


def check_empty(environment, package, quick):
    """An empty environment gets everything, and a tf-keras that matches its TensorFlow."""
    plan = environment.plan(package)
    missing = {"tensorflow", "keras", "tensorflow-probability", "tf-keras"} - plan.keys()
    if missing:
        raise Failure(f"pip would not install {sorted(missing)}")
    if plan["tf-keras"] != plan["tensorflow"]:
        raise Failure(f"pip would install tf-keras {plan['tf-keras']} for {plan['tensorflow']}")
    if not quick:
        environment.install(package)
        environment.use()


def check_older(environment, package, quick, minor):
    """An older TensorFlow is kept, and gets the matching tf-keras."""
    environment.install(f"tensorflow=={minor}.*")
    plan = environment.plan(package)
    refuse_replacements(plan)
    if plan.get("tf-keras") != minor:
        raise Failure(f"pip would install tf-keras {plan.get('tf-keras')}")
    if not quick:
        environment.install(package)
        environment.use()


def check_cpu(environment, package, quick):
    """tensorflow-cpu is kept; the first draw says how to add tf-keras, which works."""
    environment.install("tensorflow-cpu")
    refuse_replacements(environment.plan(package))
    if not quick:
        environment.install(package)
        try:
            environment.use()
        except Failure as failure:
            advice = re.search(r"pip install --no-deps \W?(tf-keras==[\d.]+\*)", str(failure))
            if not advice:
                raise
            environment.install("--no-deps", advice[1])
            environment.use()


def check_without_tensorflow(environment, package, quick):
    """On JAX, mixers and models work where TensorFlow is not installed."""
    environment.install("jax", "keras", "typing_extensions")
    refuse_replacements(environment.plan("--no-deps", package))
    if not quick:
        environment.install("--no-deps", package)
        environment.run("python", "-c", ON_JAX)


def check_lowest(environment, package, quick):
    """The lowest versions that setup.cfg allows work, those of the extra `evaluate` too."""
    pins = environment.folder / "lowest.txt"
    pins.write_text("\n".join(lowest_versions()))
    environment.plan("--constraint", pins, package)
    if not quick:
        environment.install("--constraint", pins, f"{package}[evaluate]")
        environment.use()
        environment.run("keras-mix", *DEMO)


def refuse_replacements(plan):
    """Fails if pip would install another TensorFlow, Keras or NumPy."""
    replaced = {"tensorflow", "keras", "numpy"} & plan.keys()
    if replaced:
        raise Failure(f"pip would replace {sorted(replaced)}")


def lowest_versions():
    """Returns the lower bounds in setup.cfg as pins."""
    config = configparser.ConfigParser(interpolation=None)
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    declared = config["options"]["install_requires"] + config["options.extras_require"]["evaluate"]
    bounds = re.findall(r"^([\w-]+)>=([\d.]+)$", declared, flags=re.MULTILINE)
    return [f"{name}=={version}" for name, version in bounds]


def checks(python):
    """Returns the checks of a version of Python: TensorFlow 2.20 is the first with wheels for 3.13.

    Pillow, for one, has no wheels of its lowest version from Python 3.12 on.
    """
    for minor in ["2.20"] if python >= (3, 13) else ["2.19", "2.18"]:
        yield f"with TensorFlow {minor}", functools.partial(check_older, minor=minor)
    yield "an empty environment", check_empty
    yield "with tensorflow-cpu", check_cpu
    yield "without TensorFlow", check_without_tensorflow
    if python < (3, 12):
        yield "the lowest versions", check_lowest


def main():
    """Runs all checks; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only read what pip would install")
    quick = parser.parse_args().quick

    def in_an_environment(check, folder):
        check(Environment(folder), str(copied_sources(folder / "package")), quick)

    chosen = checks(sys.version_info[:2])
    return run_checks({name: functools.partial(in_an_environment, c) for name, c in chosen})


if __name__ == "__main__":
    sys.exit(main())
