"""MixStyle."""

from typing import Any, Literal

import keras
from keras import ops

from keras_mix._core import checks, concentration
from keras_mix._core.draw import random
from keras_mix._core.ops import instance_statistics
from keras_mix._core.ops.tensors import is_float, over
from keras_mix._core.options import argument_errors, keywords
from keras_mix._core.options.config import config_of
from keras_mix._core.options.layer_repr import layer_repr

HALVES = "halves"


@keras.saving.register_keras_serializable(package="keras_mix")
@argument_errors.name_class
class MixStyle(keras.layers.Layer):
    """Mixes the style of feature maps across samples, in training; labels stay as they are.

    The style of a sample is the mean μ and the standard deviation σ of each channel over its
    spatial dims. With probability `rate`, a batch is mixed: each sample is normalized by its own
    style and given λμ + (1 - λ)μ' and λσ + (1 - λ)σ', a blend with the style of its partner. λ is
    drawn for each sample from Beta(α, α). So the network sees more styles than there are domains,
    and learns to depend on them less. Gradients do not flow through the statistics.

    Place it, as the authors do, after the first two stages of a network, not before the last
    layers, where the statistics carry the class. Outside training the layer returns its input. It
    runs on any Keras backend, with the draws of `keras_mix.models`. Keras masks pass through, and
    statistics are those of the unmasked positions.

    Deviations from the authors' code: the variance is divided by the number of positions, where the
    code divides by one less; both factors cancel but for the 1e-6 that is added under the root.
    `pairing="halves"` takes odd batches, too, for which the code fails.

    Args:
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α); a pair (a, b)
            draws λ from Beta(a, b). 0 mixes nothing. Defaults to 0.1, the authors'.
        rate: Float in [0, 1]. Probability that a batch is mixed. Defaults to 0.5, the authors'.
        pairing: `"shuffle"`, `"halves"`, `"derange"`, `"reverse"` or `"roll"`. How partners are
            drawn. `"halves"` gives each sample of the first half of the batch a random partner in
            the second half, and the reverse: the authors' cross-domain mixing, for batches with
            one domain in each half. The others are those of `keras_mix.layers.MixUp`. Defaults to
            `"shuffle"`.
        data_format: `"channels_last"` or `"channels_first"`. Position of the channel axis. Defaults
            to None: `keras.config.image_data_format()`.
        seed: Integer. Seed of the sequence of draws. Defaults to None: random.
        **kwargs: Keras's layer arguments, such as `name` and `dtype`.

    Call arguments:
        inputs: Float tensor of feature maps, `(B, H, W, C)`, `(B, T, C)` or with more spatial dims.
        training: Boolean. Whether to mix. Defaults to False outside a model in training, as in
            Keras's `Dropout`.
        mask: Booleans `(B, H, W)` or `(B, T)`, False at padding. Defaults to None: that of the
            inputs.

    Raises:
        ValueError: If an argument is out of range; or for inputs that are no floats, or have no
            spatial dims.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((16, 16, 3)), keras.layers.Conv2D(8, 3, activation="relu"),
    ...     keras_mix.layers.MixStyle(), keras.layers.Conv2D(8, 3, activation="relu"),
    ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, activation="softmax"),
    ... ])
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> history = model.fit(np.random.rand(12, 16, 16, 3), np.arange(12) % 3, verbose=0)

    Reference:
        Zhou et al., "Domain Generalization with MixStyle", ICLR 2021, arXiv:2104.02008; the
        authors' code (KaiyangZhou/mixstyle-release, `reid/models/mixstyle.py`).
    """

    def __init__(
        self,
        alpha: float | tuple[float, float] = 0.1,
        *,
        rate: float = 0.5,
        pairing: Literal["shuffle", "halves", "derange", "reverse", "roll"] = "shuffle",
        data_format: Literal["channels_last", "channels_first"] | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        keywords.check(type(self), kwargs)
        super().__init__(**kwargs)
        self.alpha = concentration.check(alpha)
        self.rate = checks.number("rate", rate, high=1.0)
        self.pairing = checks.choice("pairing", pairing, (*checks.PAIRINGS, HALVES))
        data_format = data_format or keras.config.image_data_format()
        self.data_format = checks.choice("data_format", data_format, checks.DATA_FORMATS)
        self.seed = checks.integer("seed", seed, optional=True)
        self.seed_generator = keras.random.SeedGenerator(self.seed)
        self.supports_masking = True
        self.built = True

    @property
    def owner(self) -> str:
        """The name that error messages begin with."""
        return type(self).__name__

    def call(self, inputs: Any, training: bool = False, mask: Any = None) -> Any:
        self._check(inputs)
        if not training:
            return inputs
        chance, order, weight = random.split(random.begin(self.seed_generator), 3)
        size = ops.shape(inputs)[0]
        if self.pairing == HALVES:
            partners = _other_half(order, size)
        else:
            partners = random.partners(order, self.pairing, size, size, has_second_batch=False)
        values = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        channels_first = self.data_format == "channels_first"
        mean, deviation = instance_statistics.of(values, channels_first, mask)
        mean, deviation = ops.stop_gradient(mean), ops.stop_gradient(deviation)
        lam = ops.cast(over(random.beta(weight, self.alpha, size), values), values.dtype)
        new_mean, new_deviation = (
            lam * own + (1.0 - lam) * ops.take(own, partners, axis=0) for own in (mean, deviation)
        )
        mixed = (values - mean) * (new_deviation / deviation) + new_mean
        # Not by λ = 1, which would round what is to stay as it is.
        is_mixed = random.coin(chance, self.rate, 1)
        return ops.where(over(is_mixed, inputs), ops.cast(mixed, inputs.dtype), inputs)

    def __repr__(self):
        return layer_repr(self, data_format=keras.config.image_data_format())

    def get_config(self):
        return {**super().get_config(), **config_of(self)}

    def _check(self, inputs):
        if not is_float(inputs):
            checks.reject(self.owner, "inputs", "must hold floats", checks.described(inputs))
        if len(inputs.shape) < 3:
            checks.reject(
                self.owner,
                "inputs",
                "must be feature maps with spatial dims, such as (B, H, W, C) or (B, T, C)",
                checks.described(inputs),
                "Place the layer before the pooling.",
            )


def _other_half(seed, size):
    """int32 `(size,)`, for each sample a random one of the other half of the batch.

    Of an odd batch the second half is the larger, and one sample of the first half is the partner
    of two.
    """
    index = ops.arange(size, dtype="int32")
    half = size // 2
    is_second = ops.cast(index >= half, "float32")
    # Draws are below 1, so that the halves stay apart.
    order = ops.cast(ops.argsort(random.uniform(seed, [size]) + is_second), "int32")
    own = ops.where(index < half, index + half, (index - half) % ops.maximum(half, 1))
    return ops.take(order, own, axis=0)
