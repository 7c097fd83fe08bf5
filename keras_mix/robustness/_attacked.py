"""What an attack sees of a model: how strong a perturbed sample is, and where to go from there."""

import warnings
from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import sample_losses
from keras_mix.robustness import _gradients, _samples
from keras_mix.robustness._classifier import Classifier
from keras_mix.robustness._no_gradient import where_it_stops

# Takes a class out of a sum of exponentials.
_MASKED = -1e30


class Candidates(NamedTuple):
    """A perturbed sample for each of B samples.

    Attributes:
        x: Array `(B, …)`.
        loss: Array `(B,)`. The attacked loss.
        wrong: Boolean array `(B,)`. Whether the model predicts another class.
    """

    x: np.ndarray
    loss: np.ndarray
    wrong: np.ndarray

    def or_stronger(self, other):
        """The stronger ones of two: first what is misclassified, then what has the larger loss."""
        better = np.where(
            other.wrong == self.wrong, other.loss > self.loss, other.wrong & ~self.wrong
        )
        each = better.reshape(-1, *[1] * (self.x.ndim - 1))
        return Candidates(
            np.where(each, other.x, self.x),
            np.where(better, other.loss, self.loss),
            np.where(better, other.wrong, self.wrong),
        )


class Attacked:
    """A classifier, its samples and their classes.

    Args:
        owner: String. The function that was called.
        model: Keras model.
        x: Samples `(N, …)`.
        y: Labels.
        value_range: Pair of floats, or None.
        loss: A Keras loss or function, its name, or None for cross-entropy.
        from_logits: Boolean.
        batch_size: Integer ≥ 1.

    Attributes:
        masked: Integer. Number of samples of zero gradient, or of one that is not finite, of those
            classified correctly.
        stopped: Integer. Number of points on the way without a finite gradient.
    """

    def __init__(self, owner, model, x, y, *, value_range, loss, from_logits, batch_size):
        self.owner = owner
        self.limits = _samples.value_range(value_range)
        self.x = _samples.samples(owner, x, self.limits)
        self.classifier = Classifier(
            owner, model, from_logits=from_logits, samples=self.x, batch_size=batch_size
        )
        self.ids = _samples.class_ids(owner, y, len(self.x), self.classifier.classes)
        objective = self._margin if loss is None else self._own_loss(loss)

        def function(inputs, ids):
            outputs, logits = self.classifier.scored(inputs)
            return objective(outputs, logits, ids), outputs

        self._compiled = _gradients.compiled(function, self.classifier.model)
        self.masked = self.stopped = 0
        self._check_gradient()

    def batches(self, keep=slice(None)):
        """Yields (samples, ids, number of samples before they were filled up) of some samples."""
        for (x, ids), count in self.classifier.batches(self.x[keep], self.ids[keep]):
            yield x, ids, count

    def candidates(self, x, ids):
        """The candidates that samples are."""
        return self._candidates(x, ids, self._compiled.values(x, ids))

    def sloped(self, x, ids):
        """The candidates that samples are, the gradient there, and where it is finite; else 0."""
        outputs, gradient = self._compiled.gradient(x, ids)
        finite = _finite(gradient)
        each = finite.reshape(-1, *[1] * (x.ndim - 1))
        return self._candidates(x, ids, outputs), np.where(each, gradient, 0.0), finite

    def climbed(self, x, ids, count):
        """The candidates that points on the way are, and the gradient there."""
        candidates, gradient, finite = self.sloped(x, ids)
        self.stopped += int(np.count_nonzero(~finite[:count]))
        return candidates, gradient

    def begun(self, x, ids, count):
        """As `climbed`, for the samples themselves, of which it counts those that cannot climb."""
        candidates, gradient, _ = self.sloped(x, ids)
        still = ~gradient.reshape(len(x), -1).any(axis=1)
        self.masked += int(np.count_nonzero((still & ~candidates.wrong)[:count]))
        return candidates, gradient

    def clipped(self, x):
        """Samples within the range of values, in the dtype of the samples."""
        x = x.astype(self.x.dtype)
        return x if self.limits is None else x.clip(*np.asarray(self.limits, x.dtype))

    def warn_of_masks(self):
        """Says how many samples could not be attacked, since they have no usable gradient."""
        found = [
            f"the gradient to the input is zero or not finite at {self.masked} of {len(self.x)} "
            "samples, which are classified correctly and from which no attack starts"
        ] * bool(self.masked)
        if self.stopped:
            found.append(f"the gradient is not finite at {self.stopped} points on the way")
        if found:
            warnings.warn(
                f"{self.owner}: {', and '.join(found)}: the accuracy is an upper bound. Saturated "
                "outputs, above all in float16, have no such gradient; pass a model that returns "
                "logits, with from_logits=True.",
                stacklevel=3,
            )

    def _candidates(self, x, ids, outputs):
        loss, outputs = outputs
        outputs = self.classifier.checked(outputs)
        return Candidates(x, loss, self.classifier.predicted(outputs) != ids)

    def _margin(self, outputs, logits, ids):
        """log Σ_{k ≠ y} p_k - log p_y, with which cross-entropy log(1 + exp(·)) rises.

        The gradient of cross-entropy itself is rounded away where the prediction is confident,
        which passes for robustness; this one has the same direction at any confidence.
        """
        if self.classifier.units == 1:
            return ops.where(ids == 1, -logits[:, 0], logits[:, 0])
        true = ops.one_hot(ids, self.classifier.units, dtype=logits.dtype)
        others = ops.logsumexp(logits + _MASKED * true, axis=1)
        return others - ops.sum(logits * true, axis=1)

    def _own_loss(self, loss):
        loss = keras.losses.get(loss) if isinstance(loss, str) else loss
        classes = self.classifier.classes
        if not callable(loss):
            checks.refuse(self.owner, "`loss` must be a Keras loss or a function", f"loss={loss!r}")
        units = self.classifier.units
        takes_ids = units > 1 and sample_losses.takes_class_ids(loss, classes)
        if takes_ids is None:
            checks.refuse(
                self.owner,
                "`loss` must return one number per sample for class ids or for one-hot labels",
                f"loss={loss!r}",
            )

        def objective(outputs, logits, ids):
            if units == 1:
                labels = ops.cast(ids, "float32")[:, None]
            else:
                labels = ids if takes_ids else ops.one_hot(ids, classes, dtype="float32")
            return sample_losses.per_sample(loss, labels, outputs)

        return objective

    def _check_gradient(self):
        """Refuses a model whose loss has no gradient to its input at all."""
        x, ids, count = next(self.batches())
        outputs, gradient = self._compiled.gradient(x, ids)
        self._candidates(x, ids, outputs)  # Refuses outputs before their gradient.
        finite = None if gradient is None else _finite(gradient)
        if gradient is not None and not finite.any():
            checks.refuse(
                self.owner,
                "`model` must have a finite gradient to its input",
                f"NaN or infinity for all {count} samples of the first batch",
                "A root or logarithm of 0 in the model gives it.",
            )
        if gradient is None or not gradient[finite].any():
            checks.refuse(
                self.owner,
                "`model` must have a gradient to its input",
                f"a gradient that is zero for all {count} samples of the first batch"
                + where_it_stops(self.classifier.model, x),
                "Attack a model without ids, rounding or other steps; one that is saturated must "
                "return logits, with from_logits=True.",
            )


def _finite(gradient):
    """Boolean `(B,)`. Whether the gradient of a sample is finite everywhere."""
    return np.isfinite(gradient).reshape(len(gradient), -1).all(axis=1)
