"""VectorScaling."""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_mix._core.optional_imports import require
from keras_mix.calibration._logit_scaling import LogitScaling

LIMIT = 100.0


@keras.saving.register_keras_serializable(package="keras_mix")
class VectorScaling(LogitScaling):
    """Scales and shifts the logit of each class, by numbers that are fitted on held-out data.

    The logits become scale · logits + bias, with a scale and a bias for each class, before the
    softmax. Unlike `keras_mix.calibration.TemperatureScaling` it can mend classes that are
    predicted too often or too surely, and can change the most probable class. It has 2K numbers to
    fit, so it needs more held-out samples; with few it over-fits.

    Both minimize the mean negative log-likelihood, which is convex, by L-BFGS with SciPy, within
    [-100, 100]. From probabilities it scales their logarithms, which is not the same as to scale
    the logits: these differ by a number for each sample. One sigmoid unit counts as two classes, of
    logits 0 and its own.

    Args:
        from_logits: Boolean. Whether predictions are logits, or probabilities. Defaults to False.
        name: String. Name of the layer. Defaults to None: Keras's default.
        dtype: Dtype of the computation. Defaults to None: float32, also under a mixed policy.

    Attributes:
        scale: Floats `(K,)`; ones before `fit`.
        bias: Floats `(K,)`; zeros before `fit`.

    Raises:
        ValueError: As `keras_mix.calibration.TemperatureScaling`.
        ImportError: If SciPy is not installed, in `fit`.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> logits = rng.normal(size=(5000, 3))
    >>> labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)  # drawn from the softmax
    >>> scaling = keras_mix.calibration.VectorScaling(from_logits=True)
    >>> scaling = scaling.fit(logits * [2, 1, 0.5], labels)
    >>> bool(np.allclose(scaling.scale, [0.5, 1, 2], atol=0.2))
    True

    Reference:
        Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, arXiv:1706.04599,
        section 4.2.
    """

    def __init__(
        self, *, from_logits: bool = False, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(from_logits=from_logits, name=name, dtype=dtype)
        self._scale: Any = None
        self._bias: Any = None

    def build(self, input_shape):
        super().build(input_shape)
        options = {"shape": (self._classes,), "trainable": False}
        self._scale = self.add_weight(initializer="ones", name="scale", **options)
        self._bias = self.add_weight(initializer="zeros", name="bias", **options)

    @property
    def scale(self) -> Any:
        """The factors of the logits, a NumPy array `(K,)`; None before `fit`."""
        return None if self._scale is None else ops.convert_to_numpy(self._scale)

    @property
    def bias(self) -> Any:
        """What is added to the scaled logits, a NumPy array `(K,)`; None before `fit`."""
        return None if self._bias is None else ops.convert_to_numpy(self._bias)

    def scaled(self, logits):
        scale, bias = (ops.cast(each, logits.dtype) for each in (self._scale, self._bias))
        return logits * scale + bias

    def minimize(self, logits, ids):
        optimize = require("scipy.optimize", "VectorScaling.fit")
        classes = logits.shape[1]
        one_hot = np.eye(classes)[ids]

        def loss(numbers):
            scale, bias = np.split(numbers, 2)
            found = logits * scale + bias
            found = found - found.max(axis=1, keepdims=True)
            log_sum = np.log(np.exp(found).sum(axis=1, keepdims=True))
            slope = (np.exp(found - log_sum) - one_hot) / len(ids)
            value = np.mean(log_sum[:, 0] - (found * one_hot).sum(axis=1))
            return value, np.concatenate([(slope * logits).sum(axis=0), slope.sum(axis=0)])

        best = optimize.minimize(
            loss,
            np.concatenate([np.ones(classes), np.zeros(classes)]),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-LIMIT, LIMIT)] * (2 * classes),
            options={"maxiter": 10_000, "ftol": 1e-14, "gtol": 1e-9},
        )
        scale, bias = np.split(best.x, 2)
        self._scale.assign(scale)
        self._bias.assign(bias)
