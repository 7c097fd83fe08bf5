"""The arguments that all mixers share: checked, held and saved."""

import functools
import random
from typing import get_type_hints

import keras

from keras_mix._core import checks, keras_compat
from keras_mix._core.batch import call_forms
from keras_mix._core.batch.reader import Reader
from keras_mix._core.draw.layer_seeds import LayerSeeds
from keras_mix._core.options import given_options, keywords
from keras_mix._core.options.config import config_of, loaded, saved
from keras_mix._core.options.layer_repr import layer_repr
from keras_mix._core.options.signatures import FullSignature, arguments, documented
from keras_mix.label_rules import LabelRule
from keras_mix.layers._mixer import output_specs
from keras_mix.layers._mixer.option_types import SharedOptions
from keras_mix.layers.bounding_box_options import BoundingBoxOptions
from keras_mix.layers.sequence_options import SequenceOptions
from keras_mix.pairings import Pairing


class Configured(keras.layers.Layer):
    """The arguments that all mixers share, without any mixing.

    Every subclass shows them in its signature and its docstring.

    Args:
        num_classes: Integer ≥ 2, or a dict of them by target name. Number of classes, to one-hot
            encode class ids. Defaults to None: class ids are refused, or left unchanged by layers
            that only fill pixels, such as `Cutout`.
        label_mode: `"auto"`, `"pairs"`, `"values"` or `"union"`. How integer labels are mixed.
            `"auto"` one-hot encodes class ids. `"pairs"` packs class ids as a float32 target
            `(B, 2, S)` of the sources' ids and mixing weights, for large label spaces, with
            `keras_mix.losses.MixedLoss`. `"values"` treats integer targets as numbers, as in
            regression. `"union"` is for several classes per sample, as in a clip of many sounds:
            each class of each source with a weight above 0 counts in full. With `"pairs"` and
            `"union"`, floats `(B,)` or `(B, 1)` are class ids too, if they are the only target or
            `num_classes` names them. Defaults to `"auto"`.
        label_smoothing: Float in [0, 1]. Label smoothing s in training, of mixed and unmixed
            samples alike, as in timm and DeiT: y (1 - s) + s / K, and y (1 - s) + s / 2 for a
            binary label, as in `keras.losses.BinaryCrossentropy`. It applies to class ids, to float
            and indicator labels `(B, K)`, to "frame_labels" and to soft masks. Floats `(B,)`,
            `(B, 1)` or `(B, 1, K)` count as labels too, unless another target is a label or `kinds`
            says "values"; "labels" in `kinds` always makes them labels. Labels below 0 or above 1
            are refused, as is a batch with targets of which none is a label. Inputs without targets
            are accepted. Defaults to 0.
        pairing: String, or object of `keras_mix.pairings`. How partners are drawn: `"shuffle"`
            by a random permutation, which pairs one sample per batch with itself on average, as in
            the papers; `"derange"` never with itself; `"reverse"` from the reversed batch; `"roll"`
            the next sample; an object of `keras_mix.pairings` by similar targets or by class.
            Defaults to `"shuffle"`.
        label_rule: Object of `keras_mix.label_rules`. Sets the weights of labels and sample weights
            by another rule than the plan's mixing weights, such as Remix for rare classes. Defaults
            to None: the mixing weights.
        per: `"sample"` or `"batch"`. `"sample"` draws λ and the region for each sample; `"batch"`
            shares one draw across the batch. Some mixers share only λ, as their docstrings say.
            Defaults to `"sample"`.
        rate: Float in [0, 1]. Probability that a sample is mixed, or the batch if `per="batch"`.
            Samples that are not mixed come out bit-identical. Defaults to 1.
        kinds: Dict from input or target names ("image", or the whole path "x/image") to their kind,
            for tensors whose kind cannot be inferred from their role and dtype:

            - "images", "values", "labels", "segmentation_masks" or "sample_weights": The kinds that
              are otherwise inferred.
            - "lengths" `(B,)`: Integers, the number of valid time steps along the first axis that
              is cut. Where sequences are cut, mixing weights are counted over valid time steps (a
              time step is valid if it is valid in its source), and a length becomes one past the
              last valid time step. Where sequences are blended, the weights stay, and a length
              becomes the longest of its sources' lengths.
            - "masks" `(B, T)`: True at valid time steps, which count as those of "lengths" do; or
              `(B, H, W)`, at the pixels of images of unequal size that are padded to one. Masks are
              cut together with their sequences or images. Where samples are blended, a mask is the
              union of its sources' masks.
            - "token_ids" `(B, L)`: Integers, cut by mixers that paste along one axis,
              `spatial_dims=1`.
            - "frame_labels" `(B, T, …)`: Labels of time steps, mixed at each time step by the
              weights of its sources there. Labels may be coarser: one for each of T spans of
              equally many time steps.
            - "keypoints" `(B, N, 2)`: Floats, x and y in pixels, with -1 or NaN for a missing
              keypoint; or `(B, N, 3)`, with a flag that is 0 for a missing keypoint. A keypoint
              becomes (-1, -1) with a flag of 0 if its pixel is hidden or filled, or if it lies
              outside a mixed image. The output lists the N keypoints of each source in turn, moved
              with that source. Of N objects with K keypoints each, as in COCO, `(B, N, K, 2 or 3)`.
            - "instance_masks" `(B, N, H, W)`: Integers or booleans, nonzero inside an object. A
              mask keeps its values where its source is visible. The output lists the N masks of
              each source in turn, moved with that source. See also
              `keras_mix.data.boxes_from_masks`.

            Defaults to None: all kinds are inferred.
        passthrough: List of names. Inputs or targets that are returned unchanged. Defaults to ().
        main_input: String. Name of the input on which regions (and boxes) are drawn; inputs of
            other sizes are blended. Defaults to None: the token ids if there are any; else the
            images, if two or three axes are cut; else all inputs. Of several, the one with the
            most positions along the axes that are cut is taken. Ties between grids that differ,
            and sizes unknown in a graph, are refused until an input is named.
        keep_dtype: Boolean. Whether blended inputs are rounded back to their own dtype, such as
            uint8. Defaults to False: they come out in the compute dtype. Pasted inputs always keep
            their dtype.
        inputs_only: Boolean. Whether the layer may mix inputs without their labels while a model
            trains. Defaults to False: such a call is refused with an error that asks for the
            labels, or for a wrapper of `keras_mix.models`, which mixes them in the loss.
        jit_compile: Boolean. Whether XLA compiles the application of plans in graphs, such as those
            of tf.data: once for each number of samples that occurs, so False suits batches that all
            differ in it. Shapes unknown beyond the batch, and builds of TensorFlow without XLA, are
            not compiled. Defaults to True.
        soft_masks: Boolean. Whether segmentation masks come out as class probabilities, floats
            `(B, H, W, num_classes)`, which can be blended as well as pasted. Ids outside the
            classes, such as 255 for pixels to ignore, become rows of zeros. Defaults to False.
        bounding_boxes: String, or `keras_mix.layers.BoundingBoxOptions`. Format of the boxes, such
            as "xyxy"; the options also limit their number and set how much of a box, an instance
            mask or a keypoint must stay visible. Boxes are Keras's dict of "boxes" `(B, N, 4)` and
            "labels" `(B, N)`, -1 for padding, under the key "bounding_boxes" or anywhere in y.
            Defaults to None: batches have no boxes.
        sequences: `keras_mix.layers.SequenceOptions`. Padding and special tokens of token ids.
            Defaults to None: all ids are tokens that can be pasted.
        data_format: `"channels_last"` or `"channels_first"`. Position of the channel axis. Defaults
            to Keras's image data format.
        seed: Integer. Seed of the sequence of draws, reproducible if calls do not run in parallel.
            Defaults to None: random.
        name: String. Name of the layer. Defaults to None: derived from the class name.
        dtype: Dtype or dtype policy of the layer. Blended inputs come out in its compute dtype.
            Defaults to None: Keras's global policy.
    """

    __signature__ = FullSignature(get_type_hints(SharedOptions))
    mixes_tables = False
    recurs = False
    schedulable: tuple[str, ...] = ()

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # The name that error messages begin with.
        cls.owner = cls.__name__
        given_options.check_when_complete(cls)
        if vars(cls).get("__doc__"):
            cls.__doc__ = documented(cls)

    def __new__(cls, *args, **kwargs):
        call_forms.refuse_class(cls, (args, kwargs))
        keywords.refuse_positional(cls, args)
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
        bounding_boxes=None,
        sequences=None,
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
        checks.named_once(self.kinds, self.passthrough)
        self.main_input = checks.name("main_input", main_input)
        self.keep_dtype = checks.boolean("keep_dtype", keep_dtype)
        self.inputs_only = checks.boolean("inputs_only", inputs_only)
        self.jit_compile = checks.boolean("jit_compile", jit_compile)
        self.soft_masks = checks.boolean("soft_masks", soft_masks)
        self.bounding_boxes = _bounding_boxes(self.owner, bounding_boxes)
        self.sequences = _sequences(self.owner, sequences)
        data_format = data_format or keras.config.image_data_format()
        self.data_format = checks.choice("data_format", data_format, checks.DATA_FORMATS)
        self.seed = checks.integer("seed", seed, optional=True)
        # Python's own numbers, which keras.utils.set_random_seed seeds.
        start = random.getrandbits(31) if self.seed is None else self.seed
        self._seeds = LayerSeeds(start)
        self._seed_generator = self._seeds.generator
        self.reader = Reader(
            self.owner,
            self.label_mode,
            self.num_classes,
            self.leaf_kinds,
            self.passthrough,
            self.mixes_tables,
        )
        keras_compat.take_arguments_as_given(self)
        self.built = True

    def without_effect(self):
        """Dict from options to why they change no result, as `idle_options.refuse` takes it."""
        return {}

    def shared_options(self):
        """Dict of the values of all shared options; `dtype` is the name of the policy."""
        return given_options.values(self, arguments(Configured).keys() - {"name"})

    def stated_options(self, names):
        """Dict of the named options, shared ones or the layer's own, that are not the default."""
        return given_options.stated(self, names, self._resolved())

    @functools.cached_property
    def sequence_options(self):
        """The `SequenceOptions` of the layer, those with the defaults if it is given none."""
        return self.sequences or SequenceOptions()

    @property
    def leaf_kinds(self):
        """Dict from names of leaves to their kinds: `kinds`, and what the layer names itself."""
        return self.kinds

    def seed_of_call(self, seed):
        """int32[2], the seed of a call, or else the next seed of the layer's sequence."""
        if seed is not None:
            return call_forms.seed(self.owner, seed)
        return self._seeds.following(fresh=self.seed is None)

    def compute_output_spec(self, *args, **kwargs):
        return output_specs.of_call(self, args, kwargs)

    def compute_output_shape(self, x_shape, y_shape=None, sample_weight_shape=None):
        """The output shapes of a call, given the shapes of its arguments.

        Args:
            x_shape: Shape of the inputs, or a dict or tuple of shapes in the structure of a batch.
            y_shape: Shapes of the labels. Defaults to None: no labels.
            sample_weight_shape: Shape of the sample weights. Defaults to None: no weights.
        """
        return output_specs.of_shapes(self, x_shape, y_shape, sample_weight_shape)

    def dtype_of_shape(self, name, kind, shape):
        """The dtype that a leaf is assumed to have if only its shape is given."""
        return output_specs.dtype_of_shape(self, name, kind, shape)

    def __repr__(self):
        return layer_repr(self, **self._resolved())

    def _resolved(self):
        """The values of arguments that are left out, if they differ from their defaults."""
        return {"data_format": keras.config.image_data_format()}

    def get_config(self):
        """Dict of the arguments of the constructor that are kept as attributes of their names."""
        boxes = saved(_shortened(self.bounding_boxes))
        return {**super().get_config(), **config_of(self), "bounding_boxes": boxes}


def _pairing(owner, value):
    """A known string, or a `Pairing`, also as Keras saves it."""
    value = loaded(value)
    if isinstance(value, Pairing):
        return value
    if not isinstance(value, str) or value not in checks.PAIRINGS:
        raise ValueError(
            f"{owner}: `pairing` must be one of {list(checks.PAIRINGS)}, or of "
            f"keras_mix.pairings. Received: pairing={value!r}. {checks.unmade(value)}".rstrip()
        )
    return value


def _label_rule(owner, value):
    value = checks.instance(owner, "label_rule", loaded(value))
    if value is not None and not isinstance(value, LabelRule):
        raise ValueError(
            "`label_rule` must be None, or one of keras_mix.label_rules. "
            f"Received: label_rule={value!r}"
        )
    return value


def _bounding_boxes(owner, value):
    """None, or `BoundingBoxOptions`, also as Keras saves them; a format stands for them."""
    if isinstance(value, str):
        value = BoundingBoxOptions(checks.box_format("bounding_boxes", value))
    value = checks.instance(owner, "bounding_boxes", loaded(value))
    if value is not None and not isinstance(value, BoundingBoxOptions):
        raise ValueError(
            f"{owner}: `bounding_boxes` must be the format of boxes, one of "
            f"{list(checks.BOX_FORMATS)}, or keras_mix.layers.BoundingBoxOptions. "
            f"Received: bounding_boxes={value!r}"
        )
    return value if value and value.stated() else None


def _shortened(boxes):
    """The format alone, where `BoundingBoxOptions` state nothing else."""
    return boxes.format if boxes and list(boxes.stated()) == ["format"] else boxes


def _sequences(owner, value):
    """None, or `SequenceOptions`, also as Keras saves them."""
    value = checks.instance(owner, "sequences", loaded(value))
    if value is not None and not isinstance(value, SequenceOptions):
        raise ValueError(
            f"{owner}: `sequences` must be keras_mix.layers.SequenceOptions. "
            f"Received: sequences={value!r}. Pass an instance, such as "
            "sequences=SequenceOptions(padding_id=0)."
        )
    return value if value and value.stated() else None
