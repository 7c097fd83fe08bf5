"""What the README, the docstrings and the tutorials show runs, and what they name exists."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import warnings
from pathlib import Path

import keras
import nbformat
import numpy as np
import pytest
import tensorflow as tf
from pages import PAGES, code

import keras_mix

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(keras_mix.__path__, "keras_mix.")
    if module.name != "keras_mix.__main__"
]
GLOBALS = {"keras": keras, "keras_mix": keras_mix, "np": np, "tf": tf}
NAMESPACES = [getattr(keras_mix, name) for name in keras_mix.__all__]
CLASSES = {
    name: getattr(namespace, name)
    for namespace in NAMESPACES
    for name in getattr(namespace, "__all__", dir(namespace))
    if inspect.isclass(getattr(namespace, name))
}


def examples():
    finder = doctest.DocTestFinder()
    for module in MODULES:
        for test in finder.find(module, extraglobs=GLOBALS):
            if test.examples:
                yield pytest.param(test, id=test.name.removeprefix("keras_mix."))


@pytest.fixture
def eagerly():
    """Runs what Keras would compile step by step, which is faster for a few steps."""
    tf.config.run_functions_eagerly(True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Even though the `tf.config", UserWarning)
        yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("test", list(examples()))
def test_examples_of_docstrings_give_what_they_say(test, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    report = []
    results = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.append)
    assert results.failed == 0, "".join(report)


def small_cifar():
    draw = np.random.default_rng(0)
    images, ids = draw.integers(0, 256, (128, 32, 32, 3), "uint8"), draw.integers(0, 10, (128, 1))
    return (images, ids), (images[:1], ids[:1])


def small_network(weights, input_shape, classes):
    return keras.Sequential(
        [
            keras.Input(input_shape),
            keras.layers.Conv2D(2, 3, strides=4, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )


@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed:UserWarning")
def test_the_code_of_the_readme_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", small_cifar)
    monkeypatch.setattr(keras.applications, "MobileNetV3Small", small_network)
    names = {}
    for number, block in enumerate(code(README, "python")):
        exec(compile(block, f"README.md, block {number}", "exec"), names)
    images, labels = next(iter(names["dataset"]))
    assert (images.shape, labels.shape) == ((128, 32, 32, 3), (128, 10))
    assert keras.models.load_model(tmp_path / "model.keras").predict(images, verbose=0).shape == (
        128,
        10,
    )


def test_the_readme_is_a_first_screen():
    assert README.count("\n") < 150


def test_links_of_the_readme_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", README)
    assert len(links) > 20
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def cells(line):
    return [cell.strip() for cell in line.strip("|\n").split("|")]


def test_decisions_are_those_of_the_study():
    found = (ROOT / "results/decisions.md").read_text("utf-8")
    assert found in (ROOT / "docs/pages/guides/choose-a-mixer.md").read_text("utf-8")
    for line in found.splitlines()[2:]:
        assert f"| {' | '.join(cells(line)[:3])} |" in README


def texts():
    """Everything that is written for users, by where it stands."""
    for path in [*ROOT.glob("*.md"), *ROOT.glob("tutorials/*.md"), *PAGES]:
        yield path.name, path.read_text("utf-8")
    for path in ROOT.glob("tutorials/*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            yield path.name, cell.source
    for path in (ROOT / "keras_mix").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{path.relative_to(ROOT)}, line {node.lineno}", node.value


def resolved(name):
    """The object of a dotted name."""
    found = keras_mix
    for part in name.split(".")[1:]:
        try:
            found = getattr(found, part)
        except AttributeError:
            found = importlib.import_module(f"{found.__name__}.{part}")
    return found


def test_every_name_that_is_mentioned_exists():
    namespaces = "|".join(keras_mix.__all__)
    missing = set()
    for place, text in texts():
        names = re.findall(r"\bkeras_mix(?:\.\w+)+", text)
        names += [f"keras_mix.{n}" for n in re.findall(rf"`((?:{namespaces})\.\w+)", text)]
        for name in names:
            try:
                resolved(name)
            except (AttributeError, ModuleNotFoundError):
                missing.add((place, name))
    assert not missing


def of_this_package(page):
    """The text of a page without what it says of other libraries' classes."""
    text = page.read_text("utf-8")
    if page.parent.name != "migrate":
        return text
    heads = r"^\|[^|\n]*\| here\b[^|\n]*\|.*\n"
    rows = [
        line
        for table in re.findall(rf"{heads}((?:\|.*\n?)+)", text, re.M)
        for line in table.split("\n")
    ]
    return "\n".join(cells(line)[1] for line in rows if line)


def calls_in_backticks():
    """The calls on pages, as syntax trees, by where they stand."""
    for page in [ROOT / "README.md", *PAGES]:
        for call in re.findall(r"`([^`\n]+\))`", of_this_package(page)):
            # `…` stands for more arguments, or for one.
            written = re.sub(r"(?<=.), …(?=\))", "", call).replace("…", "...")
            try:
                tree = ast.parse(written, mode="eval")
            except SyntaxError:
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and "keras.layers" not in ast.unparse(node.func):
                    yield page, node


def called(name):
    """The class of a name, or the function of one with its namespace; else None."""
    if re.match(rf"(keras_mix\.)?({'|'.join(keras_mix.__all__)})\.", name):
        return resolved("keras_mix." + name.removeprefix("keras_mix."))
    return CLASSES.get(name.split(".")[-1])


def test_calls_on_pages_have_the_arguments_that_they_show():
    seen = set()
    for page, call in calls_in_backticks():
        function = called(ast.unparse(call.func))
        if function is None:
            continue
        seen.add((page.parent.name, function))
        signature = inspect.signature(function)
        try:
            bound = signature.bind_partial(*call.args, **{k.arg: k.value for k in call.keywords})
        except TypeError as error:
            pytest.fail(f"{page.name}: {ast.unparse(call)}: {error}")
        # A name in the place of an argument is that of the argument.
        named = {k: v.id for k, v in bound.arguments.items() if isinstance(v, ast.Name)}
        assert all(v == k or v not in signature.parameters for k, v in named.items()), ast.unparse(
            call
        )
    assert len(seen) > 20
    assert len([function for folder, function in seen if folder == "migrate"]) > 10


def test_arguments_in_tables_for_migrants_are_those_of_some_class():
    callables = [*CLASSES.values(), keras.Model.fit]
    known = {name for some in callables for name in inspect.signature(some).parameters}
    named = {
        name
        for page in (ROOT / "docs/pages/migrate").glob("*.md")
        for name in re.findall(r"`(\w+)=[^`]*`", of_this_package(page))
    }
    assert len(named) > 10
    assert named <= known


def test_the_table_of_mixers_shows_defaults():
    page = (ROOT / "docs/pages/mixers/index.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+\([^`]*\))` · \[card\]", page, re.M)
    assert len(rows) > 20
    for call in (ast.parse(row, mode="eval").body for row in rows):
        parameters = inspect.signature(CLASSES[call.func.id]).parameters
        for keyword in call.keywords:
            default = parameters[keyword.arg].default
            if isinstance(keyword.value, ast.Constant | ast.Tuple) and default is not None:
                assert np.array_equal(default, ast.literal_eval(keyword.value)), ast.unparse(call)
