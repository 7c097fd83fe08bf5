"""Every option of every layer has an effect or is refused; none is taken and ignored.

A layer that is new needs a row in `ROWS`, a shared option that is new needs a `PROBE`.
"""

import inspect
import types
from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from contract import compiled_parts, seed_of

import keras_mix.layers
from keras_mix import layers
from keras_mix._core.backend import xla
from keras_mix.label_rules import LabelRule
from keras_mix.layers._mixer.shared_options import Configured

pytestmark = pytest.mark.slow

B = 6
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.random((B, 8, 10, 3), np.float32)
LINES = RANDOM.random((B, 16, 2), np.float32)
REST = RANDOM.random((B, 3), np.float32)
IDS, ONE_HOT = np.arange(B), np.eye(B, dtype="float32")
TOKENS = RANDOM.integers(1, 9, (B, 16))
TOKENS[:, 10:] = 0
BOXES = {
    "boxes": np.tile(np.float32([[0, 0, 4, 5], [5, 1, 10, 8]]), (B, 1, 1)),
    "labels": np.arange(2 * B).reshape(B, 2),
}
MASKS = RANDOM.integers(0, 2, (B, 8, 10))

OF_BOXES = {
    "bounding_boxes",
    "bounding_boxes=max_boxes",
    "bounding_boxes=min_visible",
    "bounding_boxes=details",
}
OF_TOKENS = {"sequences=padding_id", "sequences=special_tokens"}
OF_PARTNERS = {"pairing", "label_rule", "label_mode=union", "inputs_only"}


class Row(NamedTuple):
    """A layer, and the shared options that it refuses because they have no effect on it."""

    make: type
    own: dict
    refused: set
    lines: bool = False
    beside_boxes: dict = types.MappingProxyType({})

    @property
    def x(self):
        main = LINES if self.lines else IMAGES
        return {"main": main, "number": REST[:, 0], "rest": REST}


def on_images(refused=(), **own):
    return {"own": own, "refused": {*OF_TOKENS, *refused}}


def on_lines(**own):
    return {"own": own, "refused": OF_BOXES, "lines": True}


BLENDS = {"bounding_boxes=min_visible"}
STRONG = {"alpha": 8.0}
ROWS = {
    "MixUp": Row(layers.MixUp, **on_images(BLENDS, **STRONG)),
    "MixGen": Row(layers.MixGen, **on_images(BLENDS)),
    "CutMix": Row(layers.CutMix, **on_images(**STRONG)),
    "CutMix of lines": Row(layers.CutMix, **on_lines(spatial_dims=1, **STRONG)),
    "FMix": Row(layers.FMix, **on_images(**STRONG)),
    "FMix, soft": Row(layers.FMix, **on_images(max_soft=0.2, **STRONG)),
    "FMix of lines": Row(layers.FMix, **on_lines(spatial_dims=1, **STRONG)),
    "RICAP": Row(layers.RICAP, **on_images(**STRONG)),
    "Mosaic": Row(layers.Mosaic, **on_images(BLENDS)),
    "ResizeMix": Row(layers.ResizeMix, **on_images(scale=(0.3, 0.8))),
    "SaliencyMix": Row(layers.SaliencyMix, **on_images(**STRONG)),
    "SmoothMix": Row(layers.SmoothMix, **on_images()),
    "GuidedMixup": Row(layers.GuidedMixup, **on_images()),
    "CowMix": Row(layers.CowMix, **on_images()),
    "GridMix": Row(layers.GridMix, **on_images(**STRONG)),
    "SpecMix": Row(layers.SpecMix, **on_images()),
    "SpectrogramMixUp": Row(layers.SpectrogramMixUp, **on_images(BLENDS, **STRONG)),
    "BetweenClass": Row(
        layers.BetweenClass,
        {"window": 4},
        {*OF_BOXES, *OF_TOKENS},
        lines=True,
    ),
    "NoiseMix": Row(layers.NoiseMix, {}, {*OF_BOXES, *OF_TOKENS}, lines=True),
    "TabularMix": Row(layers.TabularMix, **on_images(BLENDS, **STRONG)),
    "TabularMix, cut": Row(layers.TabularMix, **on_images(BLENDS, cut=True, **STRONG)),
    "Cutout": Row(layers.Cutout, **on_images(OF_PARTNERS)),
    "Cutout of lines": Row(
        layers.Cutout,
        {"spatial_dims": 1},
        {*OF_BOXES, *OF_PARTNERS, "sequences=padding_id"},
        lines=True,
    ),
    "GridMask": Row(layers.GridMask, **on_images(OF_PARTNERS)),
    "SpecAugment": Row(
        layers.SpecAugment,
        **on_images(OF_PARTNERS, time_width=0.5, frequency_width=0.5),
    ),
    "CrossModalMix": Row(layers.CrossModalMix, **on_images(BLENDS, **STRONG)),
    "CrossModalMix, cut": Row(
        layers.CrossModalMix,
        **on_images({"data_format"}, cuts={"main": layers.CutMix()}),
        beside_boxes={"cuts": {"main": layers.CutMix(), "y": "main"}},
    ),
    "RandomApply": Row(layers.RandomApply, **on_images({"pairing"}, mixer=layers.CutMix(8.0))),
    "RandomChoice": Row(
        layers.RandomChoice,
        **on_images({"pairing"}, mixers=[layers.MixUp(8.0), layers.CutMix(8.0)]),
    ),
    "RandomChoice of lines": Row(
        layers.RandomChoice,
        {"mixers": [layers.FMix(8.0, spatial_dims=1), layers.CutMix(8.0, spatial_dims=1)]},
        {"pairing", *OF_BOXES},
        lines=True,
    ),
    "RandomChoice of fills": Row(
        layers.RandomChoice,
        **on_images(OF_PARTNERS, mixers=[layers.Cutout(), layers.GridMask()]),
    ),
}


class AllToPartner(LabelRule):
    def weights(self, batch, plan):
        return tf.one_hot(tf.ones_like(plan.sources[:, 0]), plan.sources.shape[1])


class Probe(NamedTuple):
    """A value of an option, and the batch and other options beside which it must show."""

    value: object
    y: object = None
    x: dict = types.MappingProxyType({})
    beside: dict = types.MappingProxyType({})

    @property
    def has_boxes(self):
        return self.y is BOXES


FORMAT = {"bounding_boxes": "xyxy"}
PROBES = {
    "num_classes": Probe(B, IDS),
    "num_classes=pairs": Probe(
        {"b": B}, {"a": IDS, "b": IDS.astype("float32")}, beside={"label_mode": "pairs"}
    ),
    "label_mode=pairs": Probe("pairs", IDS, beside={"num_classes": B}),
    "label_mode=values": Probe("values", IDS),
    "label_mode=union": Probe("union", ONE_HOT),
    "label_smoothing": Probe(0.2, ONE_HOT),
    "pairing": Probe("reverse", ONE_HOT),
    "label_rule": Probe(AllToPartner(), ONE_HOT, beside={"pairing": "roll"}),
    "per": Probe("batch", ONE_HOT),
    "rate": Probe(0.0, ONE_HOT),
    "kinds": Probe({"rest": "values"}, ONE_HOT, {"rest": TOKENS[:, :3]}),
    "passthrough": Probe(["rest"], ONE_HOT, {"rest": TOKENS[:, :3]}),
    "keep_dtype": Probe(True, ONE_HOT),
    "inputs_only": Probe(True),
    "main_input": Probe("side", BOXES, {"side": IMAGES[:, :5, :7]}, FORMAT),
    "jit_compile": Probe(False, ONE_HOT),
    "soft_masks": Probe(True, MASKS, beside={"num_classes": 2}),
    "bounding_boxes": Probe("xyxy", BOXES),
    **{
        f"bounding_boxes={name}": Probe(
            layers.BoundingBoxOptions("xyxy", **{name: value}), BOXES, beside=FORMAT
        )
        for name, value in (("max_boxes", 1), ("min_visible", 1.0), ("details", True))
    },
    **{
        f"sequences={name}": Probe(layers.SequenceOptions(**{name: value}), ONE_HOT)
        for name, value in (("padding_id", 0), ("special_tokens", (3, 3)))
    },
    "data_format": Probe("channels_first", ONE_HOT),
    "seed": Probe(3, ONE_HOT),
    "dtype": Probe("float16", ONE_HOT),
}


def arguments_of(row, option, probe):
    """The options beside the one that is tried, and the batch."""
    beside = {name: value for name, value in probe.beside.items() if name not in row.refused}
    beside, x, y = {**row.own, **beside}, {**row.x, **probe.x}, probe.y
    if option == "soft_masks" and row.lines:
        y = TOKENS[..., None] % 2
    if option == "keep_dtype":
        x = {name: value.astype("float16") for name, value in x.items()}
    if probe.has_boxes:
        beside |= row.beside_boxes
    if option in OF_TOKENS and row.lines:
        x["main"], beside["kinds"] = TOKENS, {"main": "token_ids"}
    if option == "per" and row.make in (layers.GuidedMixup, layers.MixGen, layers.RandomApply):
        beside["rate"] = 0.5
    if option == "data_format" and row.refused >= BLENDS and not row.lines:
        # Where nothing is cut, the format decides the frame that boxes lie in.
        x["main"], y = IMAGES.transpose(0, 3, 1, 2), BOXES
        beside |= FORMAT
    return beside, x, y


def outcome(row, options, x, y, option):
    """Bytes, dtypes and shapes of the results, or the refusal of the batch."""
    layer = row.make(**options)
    try:
        if option == "inputs_only":
            inputs = {name: keras.Input(value.shape[1:], name=name) for name, value in x.items()}
            keras.Model(inputs, layer((inputs,)))(x, training=True)
            return "mixed in a model"
        results = layer(x, y) if option == "seed" else layer((x, y), seed=seed_of())
    except ValueError as error:
        return str(error)
    leaves = [leaf.numpy() for leaf in tf.nest.flatten(results)]
    return [(leaf.tobytes(), leaf.dtype, leaf.shape) for leaf in leaves]


def compilations(row, options, x, y, monkeypatch):
    """How many parts of a traced call are handed to XLA."""
    monkeypatch.setattr(xla, "available", lambda: True)
    layer = row.make(**options)
    traced = tf.function(lambda: layer((x, y), seed=seed_of()), autograph=False)
    return compiled_parts(traced)


every_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
every_option = pytest.mark.parametrize("option", PROBES)


def test_every_layer_and_every_option_stand_in_the_table():
    public = [getattr(keras_mix.layers, name) for name in keras_mix.layers.__all__]
    sharing = {cls for cls in public if issubclass(cls, Configured)} - {layers.Mixer}
    # Two mix no batch without masks; one refuses what cannot be mixed again. They are tested in
    # files of their own.
    by_targets = {cls for cls in sharing if getattr(cls, "reads", ())}
    apart = {layers.SynchronizedAugmentation, layers.RecursiveMix, *by_targets}
    assert {row.make for row in ROWS.values()} == sharing - apart
    shared = layers.MixUp().shared_options()
    assert {option.split("=")[0] for option in PROBES} == set(shared)
    known = inspect.signature(Configured.__init__).parameters
    assert set(known) - {"self", "kwargs"} == set(shared) - {"dtype"}
    assert all(row.refused <= set(PROBES) for row in ROWS.values())


@every_option
@every_row
def test_a_shared_option_has_an_effect_or_is_refused(row, option, monkeypatch):
    name, probe = option.split("=")[0], PROBES[option]
    beside, x, y = arguments_of(row, option, probe)
    given = {**beside, name: probe.value}
    if option in row.refused:
        argument = option.rpartition("=")[2]
        with pytest.raises(ValueError, match=f"`({name}|{argument})`"):
            row.make(**given)
        return
    if name == "jit_compile":
        with_xla, without = (
            compilations(row, options, x, y, monkeypatch) for options in (beside, given)
        )
        assert with_xla > without == 0
    elif name == "seed":
        one, again, other = (
            outcome(row, {**beside, "seed": seed}, x, y, name) for seed in (3, 3, 4)
        )
        assert one == again != other
    else:
        assert outcome(row, given, x, y, name) != outcome(row, beside, x, y, name)


@every_row
def test_a_layer_loads_from_its_own_config(row):
    layer = row.make(**row.own)
    assert row.make.from_config(layer.get_config()).get_config() == layer.get_config()
