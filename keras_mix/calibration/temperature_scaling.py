"""TemperatureScaling."""

import warnings
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_mix.calibration._logit_scaling import LogitScaling

LIMITS = (0.01, 100.0)


@keras.saving.register_keras_serializable(package="keras_mix")
class TemperatureScaling(LogitScaling):
    """Divides the logits by a temperature that is fitted on held-out data.

    One number makes all probabilities sharper (T < 1) or softer (T > 1). The most probable class of
    a sample, and so the accuracy, stays the same. Networks trained with cross-entropy alone tend to
    need T > 1 (Guo et al.); networks trained on mixed labels are often under-confident and need
    T < 1, which is why a mixed network must not be compared by its calibration error before scaling
    alone.

    T minimizes the mean negative log-likelihood, which is convex in 1/T, to float64 precision,
    between 0.01 and 100. There is no minimum where every label is the most probable class, since
    T → 0 is better and better; T is then 0.01, with a warning.

    The layer gives probabilities in the shape of its inputs: `(N, K)`, or `(N, 1)` and `(N,)` of
    one sigmoid unit. Probabilities are scaled by way of their logarithm, floored at 1.2e-38, which
    gives the same as logits do. `fit` wants samples that the network was not trained on.

    Args:
        from_logits: Boolean. Whether predictions are logits, or probabilities. Defaults to False.
        name: String. Name of the layer. Defaults to None: Keras's default.
        dtype: Dtype of the computation. Defaults to None: float32, also under a mixed policy.

    Attributes:
        temperature: Float. T; 1.0 before `fit`.

    Raises:
        ValueError: If predictions are empty, NaN, infinite, or not probabilities although
            `from_logits=False` (or the reverse); if labels are out of range or of one class;
            if predictions have another number of classes than those before.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> logits = rng.normal(size=(5000, 3))
    >>> labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)  # drawn from the softmax
    >>> scaling = keras_mix.calibration.TemperatureScaling(from_logits=True)
    >>> bool(abs(scaling.fit(2 * logits, labels).temperature - 2) < 0.1)
    True
    >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    >>> scaling.wrap(model).predict(np.ones((2, 4)), verbose=0).shape
    (2, 3)

    Reference:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, arXiv:1706.04599,
        section 4.2.
    """

    def __init__(
        self, *, from_logits: bool = False, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(from_logits=from_logits, name=name, dtype=dtype)
        self._temperature = self.add_weight(
            shape=(), initializer="ones", trainable=False, name="temperature"
        )

    @property
    def temperature(self) -> float:
        """T, by which logits are divided."""
        return float(ops.convert_to_numpy(self._temperature))

    def scaled(self, logits):
        return logits / ops.cast(self._temperature, logits.dtype)

    def minimize(self, logits, ids):
        self._temperature.assign(1.0 / _inverse_temperature(logits, ids))


def _inverse_temperature(logits, ids):
    """The minimum 1/T of the NLL: where its slope, which rises with 1/T, is 0."""
    logits = logits - logits.max(axis=1, keepdims=True)
    true = logits[np.arange(len(ids)), ids].mean()

    def slope(inverse):
        exponentials = np.exp(inverse * logits)
        exponentials /= exponentials.sum(axis=1, keepdims=True)
        mean = (exponentials * logits).sum(axis=1)
        variance = (exponentials * logits**2).sum(axis=1) - mean**2
        return mean.mean() - true, variance.mean()

    low, high = 1.0 / LIMITS[1], 1.0 / LIMITS[0]
    for limit, beyond, why in (
        # Equal: the predictions are flat, or their exponentials underflow.
        (low, slope(low)[0] >= 0, "the predictions say nothing of the labels"),
        (high, slope(high)[0] <= 0, "every label is the most probable class, or nearly so"),
    ):
        if beyond:
            warnings.warn(
                f"TemperatureScaling: the likelihood has no maximum between T = {LIMITS[0]} and "
                f"{LIMITS[1]:g}: {why}. T = {1 / limit:g} is used.",
                stacklevel=4,
            )
            return limit
    # Newton steps in log(1/T), kept inside an interval that always holds the zero.
    inverse = 1.0
    for _ in range(200):
        value, curvature = slope(inverse)
        low, high = (inverse, high) if value < 0 else (low, inverse)
        step = np.exp(np.clip(-value / (curvature * inverse + 1e-300), -2.0, 2.0))
        following = inverse * step
        if not low < following < high:
            following = np.sqrt(low * high)
        if abs(following - inverse) <= 1e-14 * inverse:
            break
        inverse = following
    return inverse
