"""AlignMixup."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.options import argument_errors
from keras_mix.models._forward.aligned_blend import AlignedBlend
from keras_mix.models._options.option_types import MixingOptions
from keras_mix.models._points import default_points
from keras_mix.models._points.inputs import is_input
from keras_mix.models.mixing_model import MixingModel

if TYPE_CHECKING:  # Mixers import TensorFlow, which models do without.
    from keras_mix.layers import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class AlignMixup(MixingModel):
    """Trains a classifier on mixtures of its inputs and of its last feature maps, aligned first.

    Each batch draws λ from Beta(α, α) and a mix point. At the input, half of the batches, samples
    are blended as by Mixup. At the last feature map, the other half, each position of one of a pair
    is matched with positions of the other that look alike, whose features are brought there and
    blended with weights λ and 1 - λ: the pose of one image with the looks of the other. Which of
    the two keeps its positions is drawn for the batch, too, with equal odds. The loss is the
    weighted sum of the losses of both labels.

    Positions are matched by the transport plan between both maps: the cost is the squared distance
    of features, both marginals are uniform, and Sinkhorn's algorithm computes the plan with the
    entropy ε. Gradients flow through the features, not through the plan. A sample that is its own
    partner stays as it is.

    Targets belong to whole samples. Those of positions, such as segmentation masks, are refused,
    since features move.

    Deviations from the authors' code: all `iterations` are computed, where theirs stop when the
    potentials of a batch change little; the positions that are kept are normalized once more at
    the end, so that each receives a mean of features; a sample that is its own partner is not
    transported to itself. The paper's option of an autoencoder beside the classifier is left out.

    Args:
        model: Keras model. The model to train.
        mixer: Layer of `keras_mix.layers`, or list of them, of which one mixes at the input instead
            of Mixup's blend, with this model's `alpha`. Defaults to None.
        mix_at: List of mix points, as in `MixingModel`; at least one must be a layer that computes
            feature maps. Defaults to None: the `keras_mix.layers.MixPoint`s in the model; if it has
            none, "input" (unless the inputs are ids or other integers) and the last layer with
            spatial dims that all data pass through.
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α), or (a, b) of
            Beta(a, b). Defaults to 2, the authors'.
        epsilon: Float > 0. The weight ε of the entropy: the smaller, the closer to a one-to-one
            matching. Defaults to 0.1, the authors'.
        iterations: Integer ≥ 1. Iterations of Sinkhorn's algorithm. Defaults to 100, the authors'
            maximum.
        data_format: "channels_last" or "channels_first". Position of the channel axis of feature
            maps. Defaults to None: `keras.config.image_data_format()`.
        per: "batch" or "sample". Whether λ and the choice of positions are shared by the batch, as
            in the authors' code, or drawn for each sample. Defaults to "batch".
        **kwargs: The other arguments of `MixingModel`.

    Raises:
        ValueError: As for `MixingModel`; if no mix point is a layer; if a layer computes no feature
            maps of known size, or has a mask; if targets belong to positions.

    Example:

    >>> base = keras.Sequential([
    ...     keras.Input((12, 12, 1)), keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
    ...     keras.layers.Conv2D(16, 3, activation="relu", name="last"),
    ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax"),
    ... ])
    >>> model = keras_mix.models.AlignMixup(base)
    >>> model.mix_points
    ['input', 'last']
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> history = model.fit(np.random.rand(24, 12, 12, 1), np.arange(24) % 3, verbose=0)

    Reference:
        Venkataramanan et al., "AlignMixup: Improving Representations By Interpolating Aligned
        Features", CVPR 2022, arXiv:2103.15375; the authors' code
        (shashankvkt/AlignMixup_CVPR22, `cifar10_100/models/resnet18_classifier.py`).
    """

    default_alpha = 2.0
    default_per = "batch"

    def __init__(
        self,
        model: keras.Model,
        *,
        mixer: "Mixer | Sequence[Mixer] | None" = None,
        mix_at: Sequence[Any] | None = None,
        alpha: float | tuple[float, float] | None = None,
        epsilon: float = 0.1,
        iterations: int = 100,
        data_format: Literal["channels_last", "channels_first"] | None = None,
        keep_major: bool = False,
        pairing: Literal["shuffle", "derange", "reverse", "roll"] = "shuffle",
        per: Literal["sample", "batch"] = "batch",
        **kwargs: Unpack[MixingOptions],
    ) -> None:
        self.epsilon = checks.positive("epsilon", epsilon)
        self.iterations = checks.integer("iterations", iterations, low=1)
        data_format = data_format or keras.config.image_data_format()
        self.data_format = checks.choice("data_format", data_format, checks.DATA_FORMATS)
        super().__init__(
            model,
            mixer=mixer,
            mix_at=mix_at,
            alpha=alpha,
            keep_major=keep_major,
            pairing=pairing,
            per=per,
            **kwargs,
        )
        if not any(isinstance(point.blend, AlignedBlend) for point in self._choices.points):
            checks.refuse(
                self.owner,
                "at least one mix point must be a layer, whose feature maps are aligned",
                f"mix_at={self.mix_points}",
                "Name the last layer before the pooling, too; or use MixingModel.",
            )

    def default_entries(self):
        return default_points.input_and_last_map(self.owner, self.base, self._channels_first)

    def mixers_at(self, layers):
        """The mixers for inputs."""
        return self.mixers if any(map(is_input, layers)) else []

    def blend_at(self, layers, blend):
        """Mixup's blend for inputs; layers are aligned, too."""
        if any(map(is_input, layers)):
            return blend
        return AlignedBlend(
            blend,
            channels_first=self._channels_first,
            epsilon=self.epsilon,
            iterations=self.iterations,
        )

    @property
    def _channels_first(self):
        return self.data_format == "channels_first"

    def objective(self, loss, y_pred):
        """The loss of mixed labels, of whole samples."""
        for prediction in keras.tree.flatten(y_pred):
            if len(prediction.shape) > 2:
                checks.refuse(
                    self.owner,
                    "predictions must be (B, K), of whole samples, since aligned features move",
                    checks.described(prediction),
                    "Use MixingModel or ManifoldMixup for targets of positions.",
                )
        return super().objective(loss, y_pred)

    def _options(self):
        own = ("epsilon", "iterations", "data_format")
        return {**super()._options(), **{name: getattr(self, name) for name in own}}
