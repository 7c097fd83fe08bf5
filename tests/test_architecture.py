"""Packages import only what stands below them; what is public says what it does."""

import ast
import importlib
import inspect
from pathlib import Path

import keras
import pytest

import keras_mix
from keras_mix.layers._modules import SAVED
from keras_mix.layers.mixer import Mixer
from keras_mix.synthesis import FillModality

PACKAGE = Path(keras_mix.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
# A package imports itself and those in the lines above its own.
ORDER = [
    ["_core"],
    ["_core.options", "_core.plan"],
    ["_core.draw"],
    ["_core.ops"],
    ["_core.batch"],
    ["_core.leaves"],
    ["pairings", "label_rules", "losses", "metrics"],
    ["layers"],
    ["models", "recipes", "plans"],
    ["data", "callbacks", "plot", "synthesis"],
    ["evaluate"],
    ["_registration", "cli"],
    ["__init__"],
    ["__main__"],
]
# They run on JAX and PyTorch without TensorFlow; `_core.ops.draws` imports it on its backend only.
WITHOUT_TENSORFLOW = ("_core.ops", "_core.options", "losses", "metrics", "models", "callbacks")
PUBLIC = (
    *("layers", "models", "callbacks", "losses", "metrics", "data", "pairings", "label_rules"),
    "synthesis",
)
MIXERS = [f"layers.{module}" for module in SAVED.values()]


def package(module):
    """The longest name in `ORDER` that a module stands in."""
    parts = module.split(".")
    names = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next(name for name in names if any(name in line for line in ORDER))


def rank(module):
    return next(i for i, line in enumerate(ORDER) if package(module) in line)


def imported(module):
    """The full names of all that a module imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def dependencies(module):
    """The modules of the package that a module imports."""
    found = set()
    for name in imported(module):
        parts = name.split(".")
        if parts[0] != "keras_mix":
            continue
        inner = [".".join(parts[1:n]) for n in range(len(parts), 1, -1)]
        found.add(next((name for name in inner if name in MODULES), "__init__"))
    return found - {module}


def public():
    """(module, name, object) of all that the public namespaces offer."""
    for module in PUBLIC:
        namespace = importlib.import_module(f"keras_mix.{module}")
        for name in dir(namespace):
            value = getattr(namespace, name)
            known = inspect.isclass(value) or inspect.isfunction(value)
            if known and not name.startswith("_") and value.__module__.startswith("keras_mix"):
                yield pytest.param(value, id=f"{module}.{name}")


def mixer_classes():
    classes = [p for p in public() if inspect.isclass(p.values[0])]
    return [p for p in classes if issubclass(p.values[0], Mixer) and p.values[0] is not Mixer]


every_module = pytest.mark.parametrize("module", MODULES)


@every_module
def test_imports_only_point_down(module):
    above = {name for name in dependencies(module) if rank(name) >= rank(module)}
    assert not {name for name in above if package(name) != package(module)}


def test_no_module_imports_itself_through_others():
    left = {module: dependencies(module) for module in MODULES}
    while free := [module for module, needed in left.items() if not needed & left.keys()]:
        for module in free:
            del left[module]
    assert not left


@pytest.mark.parametrize("mixer", MIXERS)
def test_mixers_know_no_other_mixer_and_no_kind_of_leaf(mixer):
    kinds = {"_core.leaves.rules", "_core.leaves.specs", "_core.batch.reader"}
    assert not dependencies(mixer) & ({*MIXERS} | kinds)


@every_module
def test_one_file_imports_tensorflow_probability(module):
    names = {name.split(".")[0] for name in imported(module)}
    assert "tensorflow_probability" not in names or module == "_core.draw.random"


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith(WITHOUT_TENSORFLOW)])
def test_model_side_imports_no_tensorflow(module):
    needed, more = set(), {module}
    while more:
        needed |= more
        more = {name for m in more for name in dependencies(m)} - needed - {"_core.draw.random"}
    needed -= {"_core.ops.draws"}
    roots = {name.split(".")[0] for each in needed for name in imported(each)}
    assert "tensorflow" not in roots


@every_module
def test_no_random_numbers_but_those_of_sampling(module):
    """Neither numpy's generator nor TensorFlow's, both with a state of their own."""
    tree = ast.parse(MODULES[module].read_text())
    drawn = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    # `random` is a module of this package, unless Python's own is imported.
    others = ("random.",) * ("random" in imported(module))
    drawn = {name for name in drawn if name.startswith(("np.random.", "tf.random.", *others))}
    # A layer's sequence of seeds is state, and stands where the layer's state does; a dataset's
    # stream of seeds likewise.
    state = {"tf.random.Generator", "tf.random.Generator.from_seed", "random.getrandbits"}
    if module == "layers._mixer.shared_options":
        drawn -= state | {"tf.random.Generator.from_non_deterministic_state"}
    if module == "data._seed_stream":
        drawn -= {"random.getrandbits"}
    assert (
        not drawn or module == "_core.draw.random" or package(module) in {"evaluate", "plot", "cli"}
    )


@every_module
def test_module_says_what_it_holds(module):
    assert ast.get_docstring(ast.parse(MODULES[module].read_text()))


@pytest.mark.parametrize("thing", list(public()))
def test_what_is_public_has_a_docstring_with_its_arguments(thing):
    text = inspect.getdoc(thing)
    for name, parameter in inspect.signature(thing).parameters.items():
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            assert f"\n    {name}: " in text, name
    assert "\nArgs:" in text


@pytest.mark.parametrize("thing", list(public()))
def test_what_is_public_has_an_example(thing):
    text = inspect.getdoc(thing)
    assert "\nExample" in text or f"{thing.__name__}(" in text.partition("\n")[0]


@pytest.mark.parametrize("thing", mixer_classes())
def test_mixer_names_its_source(thing):
    text = inspect.getdoc(thing)
    for section in ("Args:", "Raises:", "Example:", "Reference:"):
        assert f"\n{section}" in text, section
    reference = text.partition("Reference:")[2]
    # A few papers stand in no open archive; what was not read there is said not to be.
    unread = "code was not found" in " ".join(text.split())
    assert "arXiv:" in reference or unread
    assert "section" in reference or unread


@pytest.mark.parametrize("thing", [p for p in public() if inspect.isclass(p.values[0])])
def test_what_keras_saves_is_registered(thing):
    saved = thing is not Mixer and not issubclass(thing, keras.callbacks.Callback | FillModality)
    assert not saved or keras.saving.get_registered_name(thing).startswith("keras_mix>")
