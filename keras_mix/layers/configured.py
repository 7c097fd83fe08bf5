"""The arguments that all mixers share: checked, held and saved."""

import random

import keras
import tensorflow as tf

from keras_mix import checks
from keras_mix.boxes import Options
from keras_mix.label_rules import LabelRule
from keras_mix.pairings import Pairing
from keras_mix.reading import Reader


class Configured(keras.layers.Layer):
    """What `keras_mix.layers.base.Mixer` documents, without any mixing."""

    mixes_tables = False
    """Whether inputs (B,), (B, 1) and (B, F) are columns of a table, each treated by its kind."""

    def __init__(
        self,
        *,
        num_classes=None,
        labels="auto",
        label_smoothing=0.0,
        pairing="shuffle",
        label_rule=None,
        per="sample",
        rate=1.0,
        kinds=None,
        passthrough=(),
        keep_dtype=False,
        inputs_only=False,
        jit_compile=True,
        soft_masks=False,
        bounding_box_format=None,
        max_boxes=None,
        min_visible=0.1,
        box_details=False,
        padding_id=None,
        special_tokens=None,
        data_format=None,
        seed=None,
        **kwargs,
    ):
        # Only blended inputs ever take the compute dtype: autocast would spoil ids and labels.
        super().__init__(autocast=False, **kwargs)
        self.num_classes = checks.num_classes(num_classes)
        self.labels = checks.choice("labels", labels, checks.LABELS)
        self.label_smoothing = checks.number("label_smoothing", label_smoothing, high=1.0)
        checks.label_options(self.labels, self.label_smoothing)
        self.pairing = _pairing(pairing)
        self.label_rule = _label_rule(label_rule)
        self.per = checks.choice("per", per, checks.PER)
        self.rate = checks.number("rate", rate, high=1.0)
        self.kinds = checks.kinds(kinds)
        self.passthrough = checks.names("passthrough", passthrough)
        self.keep_dtype = bool(keep_dtype)
        self.inputs_only = bool(inputs_only)
        self.jit_compile = bool(jit_compile)
        self.soft_masks = bool(soft_masks)
        self.bounding_box_format = checks.box_format(bounding_box_format)
        self.max_boxes = checks.integer("max_boxes", max_boxes, low=1, optional=True)
        self.min_visible = checks.number("min_visible", min_visible, high=1.0)
        self.box_details = bool(box_details)
        self.padding_id = checks.padding_id(padding_id)
        self.special_tokens = checks.special_tokens(special_tokens)
        formats = ("channels_last", "channels_first")
        data_format = data_format or keras.config.image_data_format()
        self.data_format = checks.choice("data_format", data_format, formats)
        self.seed = checks.integer("seed", seed, optional=True)
        # Python's own numbers, which keras.utils.set_random_seed seeds.
        start = random.getrandbits(31) if self.seed is None else self.seed
        # tf.random.Generator hands out every seed once, also to calls that run in parallel.
        self._generator = tf.random.Generator.from_seed(start)
        self._reader = Reader(
            self.owner,
            self.labels,
            self.num_classes,
            self.kinds,
            self.passthrough,
            self.mixes_tables,
        )
        # Keras would convert every argument to the model's backend.
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.built = True

    @property
    def owner(self):
        """The name that error messages begin with."""
        return type(self).__name__

    @property
    def box_options(self):
        """The `keras_mix.boxes.Options` of the layer."""
        return Options(
            self.bounding_box_format,
            self.max_boxes,
            self.min_visible,
            self.box_details,
            self.num_sources,
        )

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "labels": self.labels,
            "label_smoothing": self.label_smoothing,
            "pairing": _saved(self.pairing),
            "label_rule": _saved(self.label_rule),
            "per": self.per,
            "rate": self.rate,
            "kinds": dict(self.kinds),
            "passthrough": list(self.passthrough),
            "keep_dtype": self.keep_dtype,
            "inputs_only": self.inputs_only,
            "jit_compile": self.jit_compile,
            "soft_masks": self.soft_masks,
            "bounding_box_format": self.bounding_box_format,
            "max_boxes": self.max_boxes,
            "min_visible": self.min_visible,
            "box_details": self.box_details,
            "padding_id": self.padding_id,
            "special_tokens": self.special_tokens and list(self.special_tokens),
            "data_format": self.data_format,
            "seed": self.seed,
        }


def _pairing(value):
    """A known string, or a `Pairing`, also as Keras saves it."""
    value = _loaded(value)
    if isinstance(value, Pairing):
        return value
    if not isinstance(value, str) or value not in checks.PAIRINGS:
        raise ValueError(
            f"`pairing` must be one of {list(checks.PAIRINGS)}, or of keras_mix.pairings. "
            f"Received: pairing={value!r}"
        )
    return value


def _label_rule(value):
    value = _loaded(value)
    if value is not None and not isinstance(value, LabelRule):
        raise ValueError(
            "`label_rule` must be None, or one of keras_mix.label_rules. "
            f"Received: label_rule={value!r}"
        )
    return value


def _loaded(value):
    return keras.saving.deserialize_keras_object(value) if isinstance(value, dict) else value


def _saved(value):
    plain = value is None or isinstance(value, str)
    return value if plain else keras.saving.serialize_keras_object(value)
