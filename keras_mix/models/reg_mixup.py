"""RegMixup."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import keras
from typing_extensions import Unpack

from keras_mix._core import checks
from keras_mix._core.options import argument_errors
from keras_mix.models._forward.clean_and_mixed import CleanAndMixed, halves_of_outputs
from keras_mix.models._options.option_types import MixingOptions
from keras_mix.models.mixing_model import MixingModel

if TYPE_CHECKING:  # Mixers import TensorFlow, which models do without.
    from keras_mix.layers import Mixer


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class RegMixup(MixingModel):
    """Trains a model on each batch and, as a regularizer, on its mixture.

    Mixup alone replaces the batch by mixtures and makes predictions uncertain everywhere, so that
    data of unknown kinds are hard to tell. RegMixup keeps the batch and adds the loss of mixtures
    far from both of their sources: λ ~ Beta(α, α) with a large α is close to 1/2. The loss is
    loss(batch) + η · loss(mixtures). One call of the model computes both, on twice the samples, so
    that batch normalization sees both; a step takes about twice the time and memory.

    Mixers, mix points and forms of labels are those of `MixingModel`. At a mix point only the
    second half of the samples is mixed. Compiled metrics see the first half alone. The label
    smoothing of a mixer applies to both.

    Deviation from the authors' code: it takes the mean over all samples of both halves, which is
    half of this loss for η = 1. With the sum of the paper's equation, η alone sets the weight of
    the regularizer, and the first term is the loss without it.

    Args:
        model: Keras model. The model to train.
        mixer: Layer of `keras_mix.layers`, or list of them, of which each batch draws one;
            Defaults to None, the blend.
        mix_at: List of mix points, as in `MixingModel`. Defaults to None: the mixers and
            `keras_mix.layers.MixPoint`s in the model, or if it has none, the input.
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α), or (a, b) of
            Beta(a, b). Defaults to None: the mixer's own; for the blend 20, the paper's for
            CIFAR-10. It takes 10 for CIFAR-100.
        per: "batch" or "sample". Whether λ of the blend is shared by the batch, as in the authors'
            code, or drawn for each sample. Refused if no mix point is blended. Defaults to "batch".
        eta: Float ≥ 0. The weight η of the loss of the mixtures. Defaults to 1, the paper's.
        **kwargs: The other arguments of `MixingModel`.

    Raises:
        ValueError: As for `MixingModel`; if `eta` is negative.

    Example:

    >>> base = keras.Sequential([
    ...     keras.Input((20,)), keras.layers.Dense(64, activation="relu"),
    ...     keras.layers.BatchNormalization(), keras.layers.Dense(3, activation="softmax"),
    ... ])
    >>> model = keras_mix.models.RegMixup(base, alpha=10.0)
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> history = model.fit(np.random.rand(64, 20), np.arange(64) % 3, verbose=0)

    Reference:
        Pinto et al., "RegMixup: Mixup as a Regularizer Can Surprisingly Improve Accuracy and Out
        Distribution Robustness", NeurIPS 2022, arXiv:2206.14502; the authors' code
        (FrancescoPinto/RegMixup, `models/regmixup.py` and `commands.sh`).
    """

    default_alpha = 20.0
    default_per = "batch"
    forward_pass = CleanAndMixed

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
        eta: float = 1.0,
        **kwargs: Unpack[MixingOptions],
    ) -> None:
        self.eta = checks.number("eta", eta)
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

    def completed(self, outputs, forward_pass, mixture):
        """The outputs of the unmixed half; the loss finds those of the other beside them."""
        clean, mixed = halves_of_outputs(outputs, mixture)
        mixture.accompany(clean, mixed)
        mixture.predicted = mixture.companion
        return clean

    def objective(self, loss, y_pred):
        """loss(batch) + η · loss(mixtures)."""
        mixed = loss.target.mixture.companion(y_pred)
        return loss.of_clean(y_pred) + self.eta * loss.of_mixed(mixed)

    def measure(self, mixture, x, y, y_pred, sample_weight):
        """Leaves the metrics to Keras, which measures the outputs of the unmixed half."""

    def _options(self):
        return {**super()._options(), "eta": self.eta}
