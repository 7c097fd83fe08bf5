"""Packages import only what stands above them in `ORDER`; the model side needs no TensorFlow."""

import ast
import graphlib
from pathlib import Path

import keras_mix
from keras_mix.layers._class_modules import SAVED

PACKAGE = Path(keras_mix.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
ORDER = [
    ["_core"],
    ["_core.options", "_core.backend"],
    ["_core.plan"],
    ["_core.draw"],
    ["_core.ops"],
    ["_core.batch"],
    ["_core.leaves"],
    ["pairings", "label_rules", "lambda_rules", "losses", "metrics"],
    ["layers"],
    ["models", "recipes", "plans", "calibration", "callbacks"],
    ["data", "plot", "robustness", "synthesis"],
    ["evaluate"],
    ["_registration", "cli"],
    ["__init__"],
    ["__main__"],
]
# Needs TensorFlow: its pipelines, and what is written in its functions alone.
WITH_TENSORFLOW = {
    *("_core.backend.box_formats", "_core.backend.entropy", "_core.backend.selection"),
    *("_core.backend.symbolic", "_core.backend.tensorflow_arrays", "_core.backend.tfp"),
    *("_core.backend.xla", "layers.synchronized_augmentation"),
    *("data", "synthesis", "evaluate", "plot", "cli", "__main__", "tests"),
}
WITHOUT = {"data", "data._on_numpy"}
# Each has a function for each backend, which imports it.
BY_BACKEND = {"robustness._gradients"}


def tree_of(module):
    return ast.parse(MODULES[module].read_text("utf-8"))


def imported(module):
    """Full names of what a module imports when it runs, inside functions too."""
    names, nodes = set(), [tree_of(module)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            nodes += node.orelse
        else:
            nodes += ast.iter_child_nodes(node)
    return names


def module_of(name):
    """The module of the package that an imported name stands in; `__init__` for the package."""
    parts = name.split(".")[1:]
    names = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next((name for name in names if name in MODULES), "__init__")


IMPORTED = {module: imported(module) for module in MODULES}
DEPENDENCIES = {
    module: {module_of(name) for name in names if name.split(".")[0] == "keras_mix"} - {module}
    for module, names in IMPORTED.items()
}


def package(module):
    """The longest name in `ORDER` that a module stands in."""
    parts = module.split(".")
    names = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next(name for name in names if any(name in line for line in ORDER))


def rank(module):
    return next(i for i, line in enumerate(ORDER) if package(module) in line)


def test_packages_import_only_what_stands_above_them():
    pairs = {(module, name) for module, names in DEPENDENCIES.items() for name in names}
    crossing = {pair for pair in pairs if package(pair[0]) != package(pair[1])}
    assert {pair for pair in crossing if rank(pair[1]) >= rank(pair[0])} == set()


def test_no_module_imports_itself_through_others():
    graphlib.TopologicalSorter(
        DEPENDENCIES
    ).prepare()  # Raises a CycleError that names the modules.


def test_mixers_and_models_import_no_tensorflow():
    without = {m for m in MODULES if not {m, m.split(".")[0]} & WITH_TENSORFLOW} | WITHOUT
    for module in without:
        needed, more = set(), {module}
        while more:
            needed |= more
            more = set().union(*(DEPENDENCIES[m] for m in more)) - needed
        roots = {name.split(".")[0] for m in needed - BY_BACKEND for name in IMPORTED[m]}
        assert "tensorflow" not in roots, module


MIXERS = {f"layers.{module}" for module in SAVED.values()}


def test_no_mixer_and_no_shared_code_knows_a_mixer():
    shared = {m for m in MODULES if m.startswith(("_core", "layers._mixer", "layers.mixer"))}
    known = {module: DEPENDENCIES[module] & MIXERS for module in MIXERS | shared}
    assert {module: names for module, names in known.items() if names} == {}


def test_mixers_know_no_kind_of_leaf():
    # MixGen joins texts; SynchronizedAugmentation mixes nothing, and crops boxes itself.
    own = {"layers.mix_gen", "layers.synchronized_augmentation"}
    known = {
        mixer: {name for name in DEPENDENCIES[mixer] if package(name) == "_core.leaves"}
        for mixer in MIXERS - own
    }
    assert {mixer: names for mixer, names in known.items() if names} == {}


def test_one_file_imports_tensorflow_probability():
    roots = {m: {name.split(".")[0] for name in names} for m, names in IMPORTED.items()}
    assert len([m for m in roots if "tensorflow_probability" in roots[m]]) == 1


def test_no_generators_with_a_state_of_their_own():
    """Neither NumPy's nor TensorFlow's nor Python's, but for the two streams of seeds."""
    # A layer's sequence of seeds is state and stands with the layer's; a dataset's likewise.
    allowed = {
        "_core.backend.tensorflow_arrays": {"tf.random.Generator", "tf.random.Generator.from_seed"},
        "layers._mixer.shared_options": {"random.getrandbits"},
        "data._seed_stream": {"random.getrandbits"},
        "data._on_numpy": {"np.random.Generator"},
    }
    free = {"calibration", "evaluate", "plot", "cli", "robustness"}
    for module in (m for m in MODULES if m != "_core.draw.random" and package(m) not in free):
        # `random` is a module of this package, unless Python's own is imported.
        own = ("random.",) * ("random" in IMPORTED[module])
        attributes = {
            ast.unparse(n) for n in ast.walk(tree_of(module)) if isinstance(n, ast.Attribute)
        }
        drawn = {name for name in attributes if name.startswith(("np.random.", "tf.random.", *own))}
        assert drawn <= allowed.get(module, set()), module


def test_every_module_says_what_it_holds():
    assert [m for m in MODULES if ast.get_docstring(tree_of(m)) is None] == []
