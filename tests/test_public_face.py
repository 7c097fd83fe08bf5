"""What users and their editors see: public names, types and completion."""

import ast
import importlib
import inspect
import operator
import re
from pathlib import Path
from typing import get_type_hints

import jedi
import keras
import pytest
import tensorflow as tf

import keras_mix
from keras_mix import layers, models
from keras_mix.layers._mixer.option_types import BetaOptions, SharedOptions
from keras_mix.layers._mixer.shared_options import Configured

NAMESPACES = [importlib.import_module(f"keras_mix.{name}") for name in keras_mix.__all__]
# What users call while training; the other namespaces serve evaluation and new mixers.
DOCUMENTED = (
    "callbacks",
    "data",
    "label_rules",
    "lambda_rules",
    "layers",
    "losses",
    "metrics",
    "models",
    "pairings",
)
MIXERS = [name for name in layers.__all__ if issubclass(getattr(layers, name), layers.Mixer)]


def things(names=tuple(keras_mix.__all__)):
    """All public classes and functions of some namespaces."""
    for namespace in (getattr(keras_mix, name) for name in names):
        for name in namespace.__all__:
            value = getattr(namespace, name)
            if inspect.isclass(value) or inspect.isfunction(value):
                yield pytest.param(value, id=f"{namespace.__name__.split('.')[-1]}.{name}")


def methods(thing):
    """What users call of a public class or function, `self` bound."""
    if inspect.isfunction(thing):
        return [thing]
    named = (vars(thing).get(name) for name in ("__init__", "__call__", "call"))
    properties = (p.fget for n, p in vars(thing).items() if isinstance(p, property) and n[0] != "_")
    return [each for each in (*named, *properties) if inspect.isfunction(each)]


@pytest.mark.parametrize(
    "namespace",
    [keras_mix, *NAMESPACES, keras_mix.plans.random, keras_mix.plans.shapes],
    ids=lambda each: each.__name__,
)
def test_a_namespace_offers_nothing_by_accident(namespace):
    assert {name for name in dir(namespace) if name != "__version__"} == set(namespace.__all__)
    assert all(getattr(namespace, name) is not None for name in namespace.__all__)


@pytest.mark.parametrize(
    ("namespace", "name", "meant"),
    [
        (keras_mix, "CutMix", "keras_mix.layers.CutMix"),
        (keras_mix, "MixedLoss", "keras_mix.losses.MixedLoss"),
        (layers, "Cutmix", "CutMix"),
    ],
)
def test_a_name_that_a_namespace_does_not_have_is_answered_with_the_one_meant(
    namespace, name, meant
):
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'. Did you mean '{meant}'\?"):
        getattr(namespace, name)
    assert not hasattr(namespace, "_nothing_like_it")


@pytest.mark.parametrize("namespace", ["keras_mix", "keras_mix.layers"])
def test_editors_see_the_names_that_are_imported_at_their_first_use(namespace):
    line = f"{namespace}."
    found = {
        each.name for each in jedi.Script(f"import {namespace}\n{line}").complete(2, len(line))
    }
    assert found >= set(importlib.import_module(namespace).__all__)


CONSTRUCTED = [
    *(f"layers.{name}" for name in layers.__all__ if name != "Mixer"),
    *(f"models.{name}" for name in models.__all__),
]


@pytest.mark.parametrize("name", CONSTRUCTED)
def test_editors_complete_every_option(name, tmp_path):
    line = f"keras_mix.{name}("
    project = jedi.Project(tmp_path, added_sys_path=[str(Path(keras_mix.__file__).parents[1])])
    script = jedi.Script(f"import keras_mix\n{line}", project=project)
    (signature,) = script.get_signatures(2, len(line))
    offered = {each.name for each in signature.params}
    assert offered >= set(inspect.signature(operator.attrgetter(name)(keras_mix)).parameters)
    completed = {each.name for each in script.complete(2, len(line))}
    assert completed >= {f"{option}=" for option in offered - {"kwargs"}}


def test_the_types_of_the_shared_options_are_those_that_a_mixer_has():
    shared = inspect.signature(Configured).parameters
    assert set(get_type_hints(SharedOptions)) == set(shared)
    assert set(get_type_hints(BetaOptions)) == {*shared, "keep_major", "lambda_rule"}


@pytest.mark.parametrize("name", MIXERS)
def test_every_argument_of_a_mixer_has_a_type(name):
    parameters = inspect.signature(getattr(layers, name)).parameters.values()
    assert [each.name for each in parameters if each.annotation is each.empty] == []


@pytest.mark.parametrize("thing", list(things()))
def test_what_is_public_has_types(thing):
    for method in methods(thing):
        signature = inspect.signature(method)
        own = [each for each in signature.parameters.values() if each.name != "self"]
        assert [each.name for each in own if each.annotation is each.empty] == []
        assert signature.return_annotation is not signature.empty, method.__qualname__


def entries(text):
    """The arguments that a docstring describes, by name."""
    section = re.split(r"\n+(?=\S)", text.partition("\nArgs:\n")[2])[0]
    found = re.finditer(r"^    (\w+): (.*(?:\n {5,}.*|\n)*)", section, re.M)
    return {each[1]: " ".join(each[2].split()) for each in found}


def stated_default(text):
    """The value that an argument's description gives as its default; None for words."""
    text = text.rpartition("Defaults to ")[2].replace("a space", "' '")
    (value,) = re.match(r"`?(\([^)]*\)|([\"']).*?\2|-?[\w.]*\w)", text).groups()[:1]
    if value.startswith("tf."):
        return operator.attrgetter(value.removeprefix("tf."))(tf)
    try:
        return ast.literal_eval(value)
    except ValueError:
        return None


@pytest.mark.parametrize("thing", list(things((*DOCUMENTED, "plot", "recipes", "synthesis"))))
def test_what_is_public_describes_its_arguments_with_their_defaults(thing):
    described = entries(inspect.getdoc(thing))
    for name, parameter in inspect.signature(thing).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        text = described[name]
        assert re.match(r"[A-Z`\"\d]", text), f"{name}: a type or choices come first"
        has_default = parameter.default is not parameter.empty
        assert ("Defaults to " in text) == has_default, name
        # What None stands for may be said in words or numbers.
        if has_default and parameter.default is not None:
            assert stated_default(text) == parameter.default, name


@pytest.mark.parametrize("thing", list(things((*DOCUMENTED, "synthesis"))))
def test_what_is_public_has_an_example(thing):
    text = inspect.getdoc(thing)
    # Doctests run every example.
    assert "\nExample:\n\n>>> " in text or f"{thing.__name__}(" in text.partition("\n")[0]


@pytest.mark.parametrize("name", [name for name in MIXERS if name != "Mixer"])
def test_a_mixer_names_its_source(name):
    text = inspect.getdoc(getattr(layers, name))
    for section in ("Args:", "Raises:", "Example:", "Reference:"):
        assert f"\n{section}" in text, section
    reference = text.partition("Reference:")[2]
    # A few papers stand in no open archive; what was not read there is said not to be.
    unread = "was not found" in text or re.search("was not|not verified", reference)
    exact = "section" in reference or "README" in reference
    assert unread or ("arXiv:" in reference and exact)


@pytest.mark.parametrize("thing", list(things(DOCUMENTED)))
def test_what_keras_saves_is_registered(thing):
    if (
        inspect.isclass(thing)
        and thing is not layers.Mixer
        and not issubclass(thing, keras.callbacks.Callback)
    ):
        assert keras.saving.get_registered_name(thing).startswith("keras_mix>")
