"""The arguments that all mixers share: checked, held and saved."""

import random

import keras
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.batch import call_forms
from keras_mix._core.batch.reader import Reader
from keras_mix._core.draw import entropy
from keras_mix._core.options import effects, keywords
from keras_mix._core.options.layer_repr import layer_repr
from keras_mix._core.options.signatures import FullSignature, arguments, documented
from keras_mix.label_rules import LabelRule
from keras_mix.layers._mixer import output_specs
from keras_mix.pairings import Pairing


class Configured(keras.layers.Layer):
    """The arguments that all mixers share, without any mixing.

    Every subclass shows them in its signature and its docstring.

    Args:
        num_classes: The number of classes, to one-hot encode class ids; a dict by the head's
            name where heads differ. Defaults to None: layers that only fill places, such as
            `Cutout`, leave class ids as they are, and all others refuse them.
        label_mode: "auto", "pairs" (class ids as a float32 [B, 2, S] target of the sources' ids and
            weights, for large label spaces, with `keras_mix.losses.MixedLoss`), "values"
            (integer targets are numbers, as in regression) or "union" (several classes a sample,
            as in a clip of many sounds: a class of any source with a weight counts in full,
            instead of by that weight). Defaults to "auto".
        label_smoothing: The share s in [0, 1] of each label that is spread evenly over its classes
            in training, of mixed and unmixed samples alike, as timm and DeiT do: y (1 - s) + s / K,
            and y (1 - s) + s / 2 for a binary label, as `keras.losses.BinaryCrossentropy` has it.
            Labels are class ids, floats and indicators (B, K), "frame_labels", masks under
            `soft_masks`; and floats (B,), (B, 1) or (B, 1, K), unless another target is a label
            or `kinds` says "values": then these are numbers, which are not smoothed, unless
            `kinds` says "labels". A label below 0 or above 1 is refused, and so is a batch of
            targets without any label. Defaults to 0.
        pairing: "shuffle" (a random permutation, which leaves one sample a batch with itself on
            average, as the papers do), "derange" (no sample with itself), "reverse", "roll", or
            one of `keras_mix.pairings`: by similar targets or by class. Defaults to "shuffle".
        label_rule: One of `keras_mix.label_rules`, such as Remix's for rare classes, which sets the
            weights of labels (and of samples) otherwise than by what is in a sample. Defaults to
            None: the law of the plan.
        per: "sample" or "batch": one λ and region for each, or for all (of some mixers only λ is
            shared, as their docstrings say). Defaults to "sample".
        rate: The probability in [0, 1] that a sample is mixed, or the batch if `per="batch"`.
            The rest come out bit for bit as they went in. Defaults to 1.
        kinds: A dict from the name of a leaf ("image", or the whole path "x/image") to its kind,
            where place and dtype do not tell it: "images", "values", "labels",
            "segmentation_masks" or "sample_weights". And what is told of padded sequences:
            "lengths", integers (B,), how many places are real along the first axis that is cut;
            or "masks" (B, T), True or 1 where they are. Where sequences are cut, weights are
            counted over real places (a place is real if its source is real there), masks are cut
            along, and a length becomes one past the last real place. Where they are blended, the
            weights stay, a mask is the union, a length the longest. "token_ids" (B, L) are cut
            by mixers that paste along one axis, `spatial_dims=1`. "frame_labels" (B, T, …) are
            mixed frame by frame, by how much of each is whose.
        passthrough: The names of leaves that stay as they are.
        main_input: The name of the input that regions (and boxes) lie on. Inputs of other sizes
            are blended. Defaults to None: token ids, or images where two or three axes are cut,
            if there are any; else the input with the most places along the axes that are cut. A
            tie, or sizes that are unknown in a graph, are refused until an input is named.
        keep_dtype: Whether blended inputs are rounded back to their own dtype, uint8 say.
            Defaults to False: they come out in the compute dtype. Pasted ones always keep theirs.
        inputs_only: Whether the layer may mix inputs without their labels while a model trains.
            Defaults to False: it asks for the labels, or for a model of `keras_mix.models` around
            the whole, which mixes them in the loss.
        jit_compile: Whether XLA compiles the applying part in graphs, such as tf.data's. Shapes
            unknown but for the batch's, and builds of TensorFlow that cannot, take the plain
            path. Defaults to True.
        soft_masks: Whether masks of class ids come out as shares of classes, floats
            (B, H, W, num_classes), which can be blended as well as pasted. Ids of no class, such
            as 255 for what is to be ignored, become rows of zeros. Defaults to False.
        bounding_box_format: The format of boxes, one of Keras's: "xyxy", "yxyx", "xywh",
            "center_xywh", "center_yxhw" or one of "rel_xyxy", "rel_yxyx", "rel_xywh",
            "rel_center_xywh". Boxes are Keras's dict of "boxes" (B, N, 4) and "labels" (B, N), -1
            where there is none, under the key "bounding_boxes" or anywhere in y.
        max_boxes: How many boxes a sample comes out with; the largest are kept. Defaults to
            None: as many as all sources could have together.
        min_visible: The share in [0, 1] of a box that must still be seen for it to stay.
            Defaults to 0.1, as in Ultralytics' augmentations.
        box_details: Whether boxes come with "weights" (B, N), the share of their source where
            sources are blended; "visible" (B, N), the share of each that is seen; and "dropped"
            (B,), how many more than `max_boxes` there were. Defaults to False.
        padding_id: The token id that stands for no token, so that it is not counted; a dict by
            the leaf's name where leaves differ. Defaults to None: `kinds` may tell a mask.
        special_tokens: A pair, how many real tokens stay as they are at the first and at the last
            end of sequences: (1, 1) for BERT's. What is pasted then lies between the ends of the
            sample and of its partner, so that sequences stay whole. Defaults to None: anywhere.
        data_format: "channels_last" or "channels_first". Defaults to Keras's image data format.
        seed: An integer that fixes the sequence of draws, if calls are not made in parallel.
            Defaults to None: entropy.
        name: The layer's name. Defaults to None: made from the class's name.
        dtype: The dtype or dtype policy of the layer: blended inputs come out in its compute
            dtype. Defaults to None: Keras's global policy.
    """

    __signature__ = FullSignature()
    mixes_tables = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        effects.check_when_complete(cls)
        if vars(cls).get("__doc__"):
            cls.__doc__ = documented(cls, Configured)

    def __new__(cls, *args, **kwargs):
        call_forms.refuse_class(cls, (args, kwargs))
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        *,
        num_classes=None,
        label_mode="auto",
        label_smoothing=0.0,
        pairing="shuffle",
        label_rule=None,
        per="sample",
        rate=1.0,
        kinds=None,
        passthrough=(),
        main_input=None,
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
        keywords.check(type(self), kwargs)
        # Only blended inputs ever take the compute dtype: autocast would spoil ids and labels.
        super().__init__(autocast=False, **kwargs)
        self.num_classes = checks.num_classes(num_classes)
        self.label_mode = checks.choice("label_mode", label_mode, checks.LABEL_MODES)
        self.label_smoothing = checks.number("label_smoothing", label_smoothing, high=1.0)
        checks.label_options(self.label_mode, self.label_smoothing)
        self.pairing = _pairing(self.owner, pairing)
        self.label_rule = _label_rule(self.owner, label_rule)
        self.per = checks.choice("per", per, checks.PER)
        self.rate = checks.number("rate", rate, high=1.0)
        self.kinds = checks.kinds(kinds)
        self.passthrough = checks.names("passthrough", passthrough)
        self.main_input = checks.name("main_input", main_input)
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
        data_format = data_format or keras.config.image_data_format()
        self.data_format = checks.choice("data_format", data_format, checks.DATA_FORMATS)
        self.seed = checks.integer("seed", seed, optional=True)
        # Python's own numbers, which keras.utils.set_random_seed seeds.
        start = random.getrandbits(31) if self.seed is None else self.seed
        # tf.random.Generator hands out every seed once, also to calls that run in parallel.
        self._generator = tf.random.Generator.from_seed(start)
        self.reader = Reader(
            self.owner,
            self.label_mode,
            self.num_classes,
            self.leaf_kinds,
            self.passthrough,
            self.mixes_tables,
        )
        # Keras would convert every argument to the model's backend.
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True
        self.built = True

    def without_effect(self):
        """Dict from options to why they change no result, as `idle.refuse` takes it."""
        return {}

    def shared_options(self):
        """Dict of the values of all shared options; `dtype` is the name of the policy."""
        return effects.values(self, arguments(Configured).keys() - {"name"})

    def stated_options(self, names):
        """Dict of the named options, shared ones or the layer's own, that are not the default."""
        return effects.stated(self, names, self._resolved())

    @property
    def leaf_kinds(self):
        """Dict from names of leaves to their kinds: `kinds`, and what the layer names itself."""
        return self.kinds

    @property
    def owner(self):
        """The name that error messages begin with."""
        return type(self).__name__

    def seed_of_call(self, seed):
        """int32[2], the seed that a call is given, or else the next of the layer's sequence."""
        return self._next_seed() if seed is None else call_forms.seed(self.owner, seed)

    def _next_seed(self):
        """int32[2], the seed of a call that is given none."""
        seed = tf.cast(self._generator.make_seeds(1)[:, 0], tf.int32)
        return entropy.fresh_in_copies(seed) if self.seed is None else seed

    def compute_output_spec(self, *args, **kwargs):
        return output_specs.of_call(self, args, kwargs)

    def compute_output_shape(self, x_shape, y_shape=None, sample_weight_shape=None):
        """The shapes that a call gives, from those of its arguments.

        Args:
            x_shape: The shape of the inputs; or a dict or tuple of shapes, as a batch is given.
            y_shape: Those of the labels.
            sample_weight_shape: That of the samples' weights.
        """
        return output_specs.of_shapes(self, x_shape, y_shape, sample_weight_shape)

    def dtype_of_shape(self, name, kind, shape):
        """The dtype that a leaf is taken to have where only its shape is given."""
        return output_specs.dtype_of_shape(self, name, kind, shape)

    def __repr__(self):
        return layer_repr(self, **self._resolved())

    def _resolved(self):
        """What arguments are where they are left out, if their defaults do not tell."""
        return {"data_format": keras.config.image_data_format()}

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "label_mode": self.label_mode,
            "label_smoothing": self.label_smoothing,
            "pairing": _saved(self.pairing),
            "label_rule": _saved(self.label_rule),
            "per": self.per,
            "rate": self.rate,
            "kinds": dict(self.kinds),
            "passthrough": list(self.passthrough),
            "main_input": self.main_input,
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


def _pairing(owner, value):
    """A known string, or a `Pairing`, also as Keras saves it."""
    value = _loaded(value)
    if isinstance(value, Pairing):
        return value
    if not isinstance(value, str) or value not in checks.PAIRINGS:
        raise ValueError(
            f"{owner}: `pairing` must be one of {list(checks.PAIRINGS)}, or of "
            f"keras_mix.pairings. Received: pairing={value!r}. {checks.unmade(value)}".rstrip()
        )
    return value


def _label_rule(owner, value):
    value = checks.instance(owner, "label_rule", _loaded(value))
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
