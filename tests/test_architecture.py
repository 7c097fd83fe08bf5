"""Imports only point down; files stay small; what is public says what it does.

The ranks below are the layering of the design. A module may import those of a lower rank, and
of its own only where that is said.
"""

import ast
import importlib
import inspect
from pathlib import Path

import keras
import pytest

import keras_mix
from keras_mix.layers.base import Mixer
from keras_mix.synthesis import FillModality

PACKAGE = Path(keras_mix.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
BELOW_MIXERS = [
    "alignment",
    "base",
    "box_checks",
    "named_leaves",
    "calls",
    "composed",
    "configured",
    "effects",
    "keywords",
    "output_specs",
    "reprs",
    "geometry",
    "grids",
    "model_side",
    "cutting",
    "sequence_specs",
    "smoothing_specs",
    "signatures",
    "specs",
    "tables",
    "traits",
    "unbatched",
    "weights",
    "mix_point",
    "synchronized_augmentation",
]
PUBLIC = (
    *("layers", "models", "callbacks", "losses", "metrics", "data", "pairings", "label_rules"),
    "synthesis",
)
# Layers that stand inside models, on any backend, and draw as these do.
IN_MODELS = {"layers.feature_mix", "layers.modality_dropout"}
NO_MIXERS = {"layers", *(f"layers.{name}" for name in BELOW_MIXERS), *IN_MODELS}
MIXERS = [m for m in MODULES if m.startswith("layers.") and m not in NO_MIXERS]
RANKS = [
    {
        *("checks", "batch", "compiling", "extras", "arithmetic", "structure", "dtypes"),
        *(
            "described",
            "idle",
            "keras_compat",
            "criteria",
            "reduction",
            "signals",
            "spelling",
            "whole_file",
            "entropy",
        ),
    },
    {"naming", "unknown_arguments"},
    {"option", "plan", "composite", "packed", "modalities", "views", "joining", "disk_cache"}
    | {"tensors", "advice", "portions"},
    {
        *("sampling", "masks", "fields", "loudness", "saliency", "resizing", "visible"),
        *("fine_grained", "sequences", "likeness", "hard_labels"),
    },
    {"placing", "boxes", "windows", "columns", "pairings", "label_rules", "neighbours"},
    {"values", "fitting", "smoothing"},
    {"leaves"},
    {"donors"},
    {"reading", "targets"},
    {"value_checks"},
    {
        *("layers.calls", "layers.box_checks", "layers.signatures", "layers.tables"),
        *("layers.alignment", "layers.traits", "layers.unbatched"),
        "layers.named_leaves",
    },
    {"layers.keywords", "layers.reprs", "layers.output_specs", "layers.effects"},
    {"layers.grids"},
    {"layers.sequence_specs", "layers.weights", "layers.geometry"},
    {"layers.smoothing_specs"},
    {"layers.specs", "layers.configured", "layers.model_side"},
    {"layers.base", "layers.synchronized_augmentation"},
    {"layers.composed"},
    {"layers.cutting"},
    {"layers.mix_point", *MIXERS},
    {"layers", "recipes"},
    {"models.portable", "models.inputs"},
    {"models.places"},
    {"models.draws", "models.masking", "models.hooks"},
    {"models.dataflow"},
    {"models.defaults"},
    {"models.origins", "models.blends", "models.dials", "models.alignment", *IN_MODELS},
    {"models.mixture"},
    {"models.smoothing", "models.arguments", "models.run"},
    {"models.loss"},
    {"models.choices"},
    {"models.mixing_model"},
    {"models.manifold_mixup"},
    {"models"},
    {"consistency", "retrieval", "resuming", "streams"},
    {"paired"},
    {"callbacks", "data", "losses", "metrics", "plot", "synthesis"},
    {"evaluate"},
    {"cli"},
    {"registration"},
    {"__init__", "__main__"},
]
# The package of the evaluation is one room with an order of its own.
ROOMS = {"evaluate"}
THIRD_PARTY_ROOMS = {"tensorflow_probability": {"sampling"}}
WITHOUT_TENSORFLOW = {
    *("checks", "losses", "metrics", "callbacks", "__init__", "extras", "layers.mix_point"),
    *(
        "registration",
        "described",
        "idle",
        "spelling",
        "unknown_arguments",
        "layers.keywords",
        "layers.reprs",
        "layers.signatures",
    ),
    *("dtypes", "modalities", "views", "consistency", "retrieval", "portions"),
    *("keras_compat", "criteria", "reduction", "packed", "hard_labels"),
    *IN_MODELS,
    *(module for module in MODULES if module.startswith("models") and module != "models.draws"),
}


def room(module):
    """The name that a module has among the ranks."""
    first = module.split(".")[0]
    return first if first in ROOMS else module


def rank(module):
    return next(i for i, names in enumerate(RANKS) if room(module) in names)


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
def test_module_has_its_rank(module):
    assert any(room(module) in names for names in RANKS), f"Where does {module} belong?"


@every_module
def test_imports_only_point_down(module):
    above = {
        name
        for name in dependencies(module)
        if rank(name) >= rank(module) and not (room(name) == room(module) and room(name) in ROOMS)
    }
    assert not above


@pytest.mark.parametrize("mixer", MIXERS)
def test_mixers_know_no_other_mixer(mixer):
    assert not dependencies(mixer) & set(MIXERS)


@pytest.mark.parametrize("mixer", MIXERS)
def test_mixers_name_no_kind_of_leaf(mixer):
    assert not dependencies(mixer) & {"leaves", "reading", "layers.specs", "layers.calls"}


@every_module
def test_leaf_rules_know_no_draw_and_no_geometry(module):
    if module == "leaves":
        assert not dependencies(module) & {"sampling", "masks"}


@every_module
@pytest.mark.parametrize(("package", "allowed"), THIRD_PARTY_ROOMS.items())
def test_one_file_imports_a_package(module, package, allowed):
    names = {name.split(".")[0] for name in imported(module)}
    assert package not in names or module in allowed


@pytest.mark.parametrize("module", sorted(WITHOUT_TENSORFLOW & set(MODULES)))
def test_model_side_imports_no_tensorflow(module):
    with_tensorflow = set(MODULES) - WITHOUT_TENSORFLOW - {"layers", "models.draws"}
    assert not dependencies(module) & with_tensorflow
    assert "tensorflow" not in {name.split(".")[0] for name in imported(module)}


@every_module
def test_no_random_numbers_but_those_of_sampling(module):
    """Neither numpy's generator nor TensorFlow's, both with a state of their own."""
    tree = ast.parse(MODULES[module].read_text())
    drawn = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    drawn = {name for name in drawn if name.startswith(("np.random.", "tf.random.", "random."))}
    # A layer's sequence of seeds is state, and stands where the layer's state does; a dataset's
    # stream of seeds likewise.
    state = {"tf.random.Generator", "tf.random.Generator.from_seed", "random.getrandbits"}
    if module == "layers.configured":
        drawn -= state | {"tf.random.Generator.from_non_deterministic_state"}
    if module == "streams":
        drawn -= {"random.getrandbits"}
    assert not drawn or module == "sampling" or room(module) in {"evaluate", "plot", "cli"}


@every_module
def test_module_says_what_it_holds(module):
    assert ast.get_docstring(ast.parse(MODULES[module].read_text()))


@every_module
def test_module_is_short(module):
    assert len(MODULES[module].read_text().splitlines()) <= 300


@pytest.mark.parametrize("mixer", MIXERS)
def test_mixer_is_short(mixer):
    assert len(MODULES[mixer].read_text().splitlines()) <= 120


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
