"""FeatureWeights."""

from collections.abc import Sequence
from typing import Literal

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.options import argument_errors
from keras_mix.models._options.label_weights import LabelWeights


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class FeatureWeights(LabelWeights):
    """Weighs labels by the size of the features at the pixels of each source.

    The value of `weigh_labels` of `MixingModel`, for networks without a class token: convolutional
    ones, and transformers that average their tokens. The map is the mean of |feature| over the
    channels; the rest is that of `AttentionWeights`: the weight of source s is
    (1 - trust) · area_s + trust · Σ_{P_s} a / Σ a, where P_s are the positions of the map whose
    first pixel is of source s. No gradient flows through the weights. Labels of samples that no
    region has mixed, or whose features are all zero, keep their weights, and so do labels of single
    pixels.

    Take a layer before global pooling, after an activation: a normalization over the channels makes
    the features of all positions equally large. This map is a choice of this package; no paper that
    it is based on measures it.

    Args:
        layer: String. Name or path of a layer in the model that returns a feature map
            `(B, *spatial, C)`, or `(B, C, *spatial)` if the input has its channels first, or
            tokens `(B, N, C)` of patches.
        grid: Tuple of integers, for tokens. The numbers of patches along each axis that is cut,
            such as (14, 14); they are the last tokens. Defaults to None: all tokens are square
            patches that tile the image.
        trust: Float in (0, 1], or "progressive". The weight of the features beside that of the
            area, as in `AttentionWeights`. Defaults to 0.5.

    Raises:
        ValueError: If an argument is out of range; by the model that takes it, if no layer has the
            name, if the layer returns no such map, if it comes before the mix point, or if no mixer
            of the model cuts.

    Example:

    >>> base = keras.Sequential([
    ...     keras.Input((16, 16, 1)),
    ...     keras.layers.Conv2D(8, 3, strides=2, activation="relu", name="features"),
    ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10, activation="softmax"),
    ... ])
    >>> model = keras_mix.models.MixingModel(
    ...     base,
    ...     mixer=keras_mix.layers.CutMix(),
    ...     weigh_labels=keras_mix.models.FeatureWeights("features"),
    ... )
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> history = model.fit(np.random.rand(32, 16, 16, 1), np.arange(32) % 10, verbose=0)

    Reference:
        The weighting is that of Chen et al., "TransMix: Attend to Mix for Vision Transformers",
        CVPR 2022, arXiv:2111.09833, with another map.
    """

    def __init__(
        self,
        layer: str,
        *,
        grid: Sequence[int] | None = None,
        trust: float | Literal["progressive"] = 0.5,
    ) -> None:
        super().__init__(layer, grid, trust)

    def check(self, owner, path, layer):
        """Takes any layer, since only its output tells whether it is a map."""

    def called(self, call, parameters, args, kwargs):
        outputs = call(args, kwargs)
        return outputs, outputs

    def map_of(self, owner, path, tensor, region):
        rank, count = len(getattr(tensor, "shape", ())), len(region.sizes)
        maps = rank == count + 2
        if not maps and (rank != 3 or tensor.shape[1] is None):
            checks.refuse(
                owner,
                f"`{path}` must return a map of features over the {count} axes that are cut, of "
                f"rank {count + 2}, or tokens (B, N, C)",
                checks.described(tensor),
                "Name a layer before the pooling.",
            )
        if maps and self.grid is not None:
            checks.refuse(
                owner,
                "`grid` has no effect, because a map of features has its own",
                f"grid={self.grid} and {checks.described(tensor)} from `{path}`",
                "Leave it out.",
            )
        features = ops.abs(ops.cast(tensor, "float32"))
        if maps:
            return ops.mean(features, axis=1 if region.channels_first else -1)
        return self.on_grid(owner, path, ops.mean(features, axis=-1), region.sizes)
