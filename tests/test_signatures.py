"""What a mixer says of itself: its representation, its signature and its help."""

import inspect
import re

import keras
import pytest
from contract import MIXERS, every_mixer

from keras_mix import label_rules, layers, models, pairings
from keras_mix.layers import Mixer

SHARED = {
    "num_classes": None,
    "label_mode": "auto",
    "label_smoothing": 0.0,
    "pairing": "shuffle",
    "per": "sample",
    "rate": 1.0,
    "kinds": None,
    "passthrough": (),
    "bounding_boxes": None,
    "sequences": None,
    "data_format": None,
    "seed": None,
    "name": None,
    "dtype": None,
}


@every_mixer
def test_defaults_are_not_shown(row):
    assert repr(row.make()) == f"{row.make.__name__}()"


@every_mixer
def test_the_representation_makes_the_same_mixer_again(row):
    drawn = {} if row.make().erases else {"pairing": pairings.ByClass("rare")}
    layer = row.make(**row.strong, num_classes=7, rate=0.5, **drawn)
    again = eval(repr(layer), {**vars(layers), row.make.__name__: row.make, **vars(pairings)})
    configs = [{**each.get_config(), "name": None} for each in (layer, again)]
    assert configs[0] == configs[1]


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (layers.CutMix(alpha=0.5, num_classes=10), "CutMix(alpha=0.5, num_classes=10)"),
        (
            layers.RandomChoice([layers.CutMix(), layers.MixUp(0.8)], per="batch"),
            "RandomChoice(mixers=[CutMix(), MixUp(alpha=0.8)], per='batch')",
        ),
        (
            layers.RandomChoice([layers.CutMix(), layers.FMix()], probabilities=[0.25, 0.75]),
            "RandomChoice(mixers=[CutMix(), FMix()], probabilities=[0.25, 0.75])",
        ),
        (layers.RandomApply(layers.Mosaic()), "RandomApply(mixer=Mosaic())"),
        (
            layers.CrossModalMix(cuts={"image": layers.FMix(decay=2.0), "mask": "image"}),
            "CrossModalMix(cuts={'image': FMix(decay=2.0), 'mask': 'image'})",
        ),
        (
            layers.MixUp(label_rule=label_rules.Remix([9, 1]), name="first", dtype="float16"),
            "MixUp(label_rule=Remix(class_counts=[9.0, 1.0]), name='first', dtype='float16')",
        ),
        (layers.SynchronizedAugmentation(frames=["x"]), "SynchronizedAugmentation(frames=['x'])"),
        (layers.FeatureMix(alpha=1.0), "FeatureMix(alpha=1.0)"),
        (layers.MixStyle(0.3, pairing="halves"), "MixStyle(alpha=0.3, pairing='halves')"),
        (layers.ModalityDropout(rate=[0.1, 0.2]), "ModalityDropout(rate=[0.1, 0.2])"),
        (layers.MixPoint(name="here"), "MixPoint(name='here')"),
        (pairings.ByClass(), "ByClass()"),
        (pairings.ByClass("rare", exponent=0.5), "ByClass(relation='rare', exponent=0.5)"),
        (pairings.ByLabel(), "ByLabel()"),
    ],
)
def test_what_differs_from_the_defaults_is_shown(thing, text):
    assert repr(thing) == text


def test_a_wrapped_model_shows_the_model_the_places_and_the_mixers():
    base = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten()], name="base")
    model = models.MixingModel(base, mixer=layers.CutMix(0.5))
    assert re.fullmatch(
        r"MixingModel\(model=<Sequential name=base, .*>, mixer=\[CutMix\(alpha=0.5\)\], "
        r"mix_at=\['input'\], alpha=0.5\)",
        repr(model),
    )
    assert "per=" not in repr(models.ManifoldMixup(base, mix_at=["input"]))


@pytest.mark.parametrize("name", [*MIXERS, "CrossModalMix", "RandomApply", "RandomChoice", "Mixer"])
def test_signature_and_help_have_every_shared_option(name):
    mixer = getattr(layers, name)
    parameters = inspect.signature(mixer).parameters
    shown = {name: parameters[name].default for name in SHARED}
    assert shown == SHARED | {"rate": parameters["rate"].default if "Apply" in name else 1.0}
    text = inspect.getdoc(mixer)
    assert text.count("\nArgs:\n") == 1
    for option in parameters:
        assert len(re.findall(rf"^    {option}: ", text, re.M)) == 1, option
    assert all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def test_own_arguments_stand_first_and_a_subclass_has_them_too():
    class Own(layers.CutMix):
        """Pastes."""

        def __init__(self, alpha=2.0, strength=1, **kwargs):
            super().__init__(alpha, **kwargs)

    names = list(inspect.signature(Own).parameters)
    own = ["alpha", "strength", "spatial_dims", "candidates"]
    assert names[:7] == [*own, "keep_major", "lambda_rule", "num_classes"]
    assert inspect.signature(Own).parameters["alpha"].default == 2.0
    assert "\n    label_smoothing: " in inspect.getdoc(Own)
    assert issubclass(Own, Mixer)


def test_what_is_said_of_all_other_arguments_comes_last():
    class Own(layers.MixUp):
        """Blends.

        Args:
            alpha: Float.
            **kwargs: All others.
            last: Integer.

        Returns:
            Nothing.
        """

        def __init__(self, alpha=2.0, *, last=1, **kwargs):
            super().__init__(alpha, **kwargs)

    arguments, _, rest = inspect.getdoc(Own).partition("\n\nReturns:\n")
    lines = arguments.splitlines()
    assert lines[:5] == ["Blends.", "", "Args:", "    alpha: Float.", "    last: Integer."]
    assert lines[-1] == "    **kwargs: All others."
    assert any(line.startswith("    keep_major: ") for line in lines[5:-1])
    assert rest.split() == ["Nothing."]


def test_an_instance_has_the_signature_of_its_call():
    assert "alpha" not in inspect.signature(layers.CutMix()).parameters


def test_only_the_first_argument_is_positional():
    assert layers.CutMix(0.5, spatial_dims=1).alpha == 0.5
    sentence = (
        r"CutMix: only `alpha` can be positional. Received: CutMix\(1.0, 2\). "
        r"Name the others: CutMix\(alpha=1.0, spatial_dims=2\)."
    )
    with pytest.raises(ValueError, match=sentence):
        layers.CutMix(1.0, 2)
    for name in layers.__all__:
        kinds = [p.kind for p in inspect.signature(getattr(layers, name)).parameters.values()]
        assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) <= 1, name


def test_a_subclass_may_take_what_is_positional():
    class Own(layers.CutMix):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    assert Own(0.5).alpha == 0.5
