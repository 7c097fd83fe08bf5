"""A Keras classifier in inference mode, on batches of one size."""

import functools

import keras
import numpy as np

from keras_mix._core import checks
from keras_mix._core.model_inputs import inputs_of
from keras_mix.models.mixing_model import MixingModel
from keras_mix.robustness import _gradients, _layers
from keras_mix.robustness._samples import TOLERANCE

# Smallest normal number of float32, the floor of a probability under the logarithm.
_TINY = float(np.finfo(np.float32).tiny)


class Classifier:
    """Any Keras classifier, in inference mode.

    Args:
        owner: String. The function that was called, with which errors begin.
        model: Keras model with one input and one output `(B, K)`: probabilities, or logits; or
            `(B, 1)` or `(B,)`, one sigmoid unit.
        from_logits: Boolean. Whether the outputs are logits.
        samples: Checked samples `(N, …)`.
        batch_size: Integer ≥ 1.

    Attributes:
        model: The model that predicts; that of a `keras_mix.models.MixingModel` is its base.
        units: Integer. Number of outputs K; 1 for a sigmoid unit.
        classes: Integer. Number of classes; 2 for a sigmoid unit.
    """

    def __init__(self, owner, model, *, from_logits, samples, batch_size):
        if not isinstance(model, keras.Model):
            checks.refuse(owner, "`model` must be a Keras model", checks.described(model))
        self.owner = owner
        self.model = model.base if isinstance(model, MixingModel) else model
        self.from_logits = checks.boolean("from_logits", from_logits)
        self.batch_size = min(checks.integer("batch_size", batch_size, low=1), len(samples))
        inputs = inputs_of(self.model)
        if inputs is not None and len(inputs) != 1:
            checks.refuse(
                owner,
                "`model` must have one input",
                f"{len(inputs)} inputs",
                "Wrap it in a model of the one to be changed, the others fixed.",
            )
        # Eagerly: a subclassed model creates its weights here.
        self.units = self.call(keras.ops.convert_to_tensor(samples[:1])).shape[1]
        self.classes = max(self.units, 2)

    @functools.cached_property
    def _compiled(self):
        return _gradients.compiled(lambda x: (self.call(x),), self.model)

    def call(self, x):
        """The model's outputs `(B, K)` or `(B, 1)` in float32, for a tensor."""
        return self._rows(self.model(x, training=False))

    def scored(self, x):
        """The outputs, and the logits that they are or were made from, both as tensors.

        The logits of probabilities are what the model's last layer gave to its softmax or sigmoid.
        Where no layer did, they are log p, or log p - log(1 - p) for one unit.
        """
        if self.from_logits:
            outputs = self.call(x)
            return outputs, outputs
        outputs, logits = _layers.outputs_and_logits(self.model, x)
        outputs = self._rows(outputs)
        if logits is not None:
            return outputs, self._rows(logits)
        if self.units == 1:
            return outputs, _log(outputs) - _log(1.0 - outputs)
        return outputs, _log(outputs)

    def _rows(self, outputs):
        if isinstance(outputs, dict | list | tuple):
            received = f"a {type(outputs).__name__} of {len(outputs)} outputs"
        elif len(outputs.shape) > 2 or not len(outputs.shape):
            received = f"outputs of shape {tuple(outputs.shape)}"
        else:
            outputs = keras.ops.cast(outputs, "float32")
            return outputs if len(outputs.shape) == 2 else outputs[:, None]
        return checks.refuse(
            self.owner, "`model` must have one output (B, K), that of a classifier", received
        )

    def outputs(self, samples):
        """The model's outputs `(N, K)` or `(N, 1)` for samples `(N, …)`."""
        parts = [
            self._compiled.values(batch)[0][:count] for (batch,), count in self.batches(samples)
        ]
        return self.checked(np.concatenate(parts))

    def probabilities(self, samples):
        """Float64 `(N, K)`; a sigmoid unit has two columns."""
        outputs = self.outputs(samples).astype(np.float64)
        if outputs.shape[1] == 1:
            one = 1.0 / (1.0 + np.exp(-outputs)) if self.from_logits else outputs
            return np.concatenate([1.0 - one, one], axis=1)
        if not self.from_logits:
            return outputs
        exponentials = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return exponentials / exponentials.sum(axis=1, keepdims=True)

    def predicted(self, outputs):
        """The most probable class of each sample, int `(N,)`; among equal ones the first."""
        if outputs.shape[1] == 1:
            return (outputs[:, 0] > (0.0 if self.from_logits else 0.5)).astype(int)
        return outputs.argmax(axis=1)

    def accuracy(self, samples, ids):
        """The fraction of samples whose most probable class is the true one."""
        return float(np.mean(self.predicted(self.outputs(samples)) == ids))

    def batches(self, *arrays):
        """Yields ([a batch of each array], number of samples), all batches of one size.

        The last one is filled up with its first samples again: no new shape is compiled, and no
        sample affects another in inference.
        """
        for start in range(0, len(arrays[0]), self.batch_size):
            parts = [array[start : start + self.batch_size] for array in arrays]
            count = len(parts[0])
            rows = np.arange(self.batch_size) % count
            yield [part if count == self.batch_size else part[rows] for part in parts], count

    def checked(self, outputs):
        """Returns outputs; refuses NaN, and what is neither probabilities nor logits."""
        nan = np.isnan(outputs).any(axis=1)
        if nan.any():
            checks.refuse(
                self.owner,
                "`model` must predict numbers",
                f"NaN for {np.count_nonzero(nan)} of {len(outputs)} samples",
                "A training that diverged gives NaN; a lower learning rate may help.",
            )
        low, high = outputs.min(), outputs.max()
        sums = outputs.sum(axis=1, dtype=np.float64)
        within = low >= 0.0 and high <= 1.0 + TOLERANCE
        if outputs.shape[1] > 1:
            within = within and np.abs(sums - 1.0).max() < TOLERANCE
        if not within and not self.from_logits:
            checks.refuse(
                self.owner,
                "outputs of `model` must be probabilities that sum to 1",
                f"values from {low:.3g} to {high:.3g}, rows that sum to "
                f"{sums.min():.3g}..{sums.max():.3g}",
                "Pass from_logits=True for a model without a softmax or sigmoid at its end.",
            )
        if within and self.from_logits and outputs.shape[1] > 1:
            checks.refuse(
                self.owner,
                "outputs of `model` must be logits, as from_logits=True says",
                f"rows of probabilities, which sum to {sums.min():.3g}..{sums.max():.3g}",
                "Leave out from_logits for a model that ends with a softmax.",
            )
        return outputs


def _log(values):
    return keras.ops.log(keras.ops.maximum(values, _TINY))
