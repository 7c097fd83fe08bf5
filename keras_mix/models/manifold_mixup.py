"""ManifoldMixup."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import keras
from typing_extensions import TypedDict, Unpack

from keras_mix.models._points import default_points
from keras_mix.models.mixing_model import MixingModel

if TYPE_CHECKING:  # Mixers import TensorFlow, which models do without.
    from keras_mix.layers import Mixer


class MixingOptions(TypedDict, total=False):
    """The arguments of `MixingModel` that ManifoldMixup passes on, and Keras's name and dtype."""

    keep_major: bool
    pairing: Literal["shuffle", "derange", "reverse", "roll"]
    rate: float
    loss_mode: Literal["sources", "mixed_targets"]
    kinds: Mapping[str, str] | None
    seed: int | None
    name: str | None
    dtype: Any


@keras.saving.register_keras_serializable(package="keras_mix")
class ManifoldMixup(MixingModel):
    """Trains a model on mixtures of its hidden states, at a place drawn for each batch.

    λ is drawn from Beta(α, α), once a batch; a place is drawn, each as likely; what the layer
    there gives out is blended sample by sample with a shuffled copy of itself, and the loss is
    that of both labels. Gradients flow through the layers before the place.

    Mix where all of a model's data pass through: inside a residual branch the skip beside it
    would stay unmixed.

    Deviation from the authors' code: any loss is allowed; theirs is a binary cross-entropy on the
    softmax.

    Args:
        model: The model to train.
        mixer: A mixer that draws the plan instead, such as `keras_mix.layers.CutMix` on feature
            maps; TensorFlow only. Defaults to None: the blend.
        mix_at: As in `MixingModel`. Defaults to the model's own `MixPoint`s and mixers; where it
            holds none, to "input" (unless the inputs are integers) and three layers at most: see
            `keras_mix.models._points.default_points`. `mix_points` tells which. The paper takes
            the input and the ends of a residual network's first two stages (section 5).
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α), or (a, b) of
            Beta(a, b). Defaults to 2, the paper's for CIFAR and SVHN; it takes 0.2 for
            Tiny-ImageNet, where 2 hurts (tables 1 and 3).
        per: "batch", as the paper, or "sample". Defaults to "batch".
        **kwargs: The other arguments of `MixingModel`.

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
        Semi-Supervised Text Classification", ACL 2020, arXiv:2004.12239, section 3, for
        `keep_major=True`.
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
        per: Literal["sample", "batch"] = "batch",
        **kwargs: Unpack[MixingOptions],
    ) -> None:
        super().__init__(model, mixer=mixer, mix_at=mix_at, alpha=alpha, per=per, **kwargs)

    def default_entries(self):
        return default_points.default_entries(self.base)
