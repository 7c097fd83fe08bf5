"""ManifoldMixup."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import keras
from typing_extensions import Unpack

from keras_mix.models._options.option_types import MixingOptions
from keras_mix.models._points import default_points
from keras_mix.models.mixing_model import MixingModel

if TYPE_CHECKING:  # Mixers import TensorFlow, which models do without.
    from keras_mix.layers import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
class ManifoldMixup(MixingModel):
    """Trains a model on mixtures of its hidden states, at a mix point drawn for each batch.

    Each batch draws λ from Beta(α, α) and one of the mix points, all equally likely. The output of
    the layer there is blended with a shuffled copy of itself, and the loss is the weighted sum of
    the losses of both labels. Gradients flow through the layers before the mix point.

    Choose mix points that all data pass through. Inside a residual branch the skip connection
    would stay unmixed.

    Deviation from the authors' code: any loss is allowed; theirs is a binary cross-entropy of the
    softmax.

    Args:
        model: Keras model. The model to train.
        mixer: Layer of `keras_mix.layers` that draws the plan instead, such as CutMix on feature
            maps. Defaults to None, the blend.
        mix_at: List of mix points, as in `MixingModel`. Defaults to None: the mixers and
            `keras_mix.layers.MixPoint`s in the model; if it has none, "input" (unless the inputs
            are ids or other integers) and up to three layers that all data pass through: the last
            one of each of the first three sizes of feature maps, or those at a quarter, a half and
            three quarters of the layers. `mix_points` lists them. The paper takes the input and the
            ends of a residual network's first two stages (section 5).
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α), or (a, b) of
            Beta(a, b). Defaults to 2, the paper's for CIFAR and SVHN; it takes 0.2 for
            Tiny-ImageNet, where 2 hurts (tables 1 and 3).
        per: "batch" or "sample". Whether λ of the blend is shared by the batch, as in the paper, or
            drawn for each sample. Refused if no mix point is blended. Defaults to "batch".
        **kwargs: The other arguments of `MixingModel`.

    Raises:
        ValueError: As for `MixingModel`.

    Example:

    >>> base = keras.Sequential([
    ...     keras.Input((20,)), keras.layers.Dense(64, activation="relu"),
    ...     keras.layers.Dense(64, activation="relu"), keras.layers.Dense(3, activation="softmax"),
    ... ])
    >>> model = keras_mix.models.ManifoldMixup(base, mix_at=["input", 0, 1])
    >>> model.compile("adam", "sparse_categorical_crossentropy", jit_compile=True)
    >>> history = model.fit(np.random.rand(64, 20), np.arange(64) % 3, verbose=0)

    Reference:
        Verma et al., "Manifold Mixup: Better Representations by Interpolating Hidden States",
        ICML 2019, arXiv:1806.05236, section 2.
        Chen et al., "MixText: Linguistically-Informed Interpolation of Hidden Space for
        Semi-Supervised Text Classification", ACL 2020, arXiv:2004.12239, whose code
        (GT-SALT/MixText, `code/train.py`) takes the larger of λ and 1 - λ, as `keep_major=True`
        does.
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
        keep_major: bool = False,
        pairing: Literal["shuffle", "derange", "reverse", "roll"] = "shuffle",
        per: Literal["sample", "batch"] = "batch",
        **kwargs: Unpack[MixingOptions],
    ) -> None:
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

    def default_entries(self):
        return default_points.default_entries(self.base)
