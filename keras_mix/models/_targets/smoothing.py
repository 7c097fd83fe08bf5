"""Label smoothing of a mixer, applied inside the losses that read labels as distributions."""

import keras
from keras import ops

from keras_mix._core import checks, keras_compat
from keras_mix.models._targets import keras_losses


def smoothed(target, loss):
    """The loss under labels smoothed as the mixers say.

    Args:
        target: A `mixture.Target`.
        loss: A `keras.losses.Loss`.
    """
    mixture = target.mixture
    options = keras_compat.options_of(loss)
    if options.get("label_smoothing"):
        checks.refuse(
            mixture.owner,
            "labels must be smoothed only once",
            f"label_smoothing={mixture.smoothing} of the mixer, and "
            f"label_smoothing={options['label_smoothing']} of the loss {loss.name!r}",
            "Leave out one of them.",
        )
    if keras_losses.reads_ids(loss):
        return _SmoothedIds(loss, mixture.smoothing, False)
    if keras_losses.reads_classes(loss) or keras_losses.reads_indicators(loss):
        # The last axis of binary labels of pixels or time steps holds no classes.
        binary = target.fit is not None and target.fit.axes[-1] == len(target.labels.shape) - 1
        return _Smoothed(loss, mixture.smoothing, binary)
    return checks.refuse(
        mixture.owner,
        "labels can be smoothed only in Keras's cross-entropies and kl_divergence",
        f"label_smoothing={mixture.smoothing} of the mixer and the loss {loss.name!r}",
        "Set label_smoothing=0 in the mixer; a loss of your own may smooth by itself.",
    )


class _Smoothed(keras.losses.Loss):
    """A loss of one-hot or binary labels, smoothed first.

    Args:
        loss: The loss.
        weight: The weight of each label that is spread over its classes.
        binary: Whether each label is one of two classes, whatever the size of the last axis.
    """

    def __init__(self, loss, weight, binary):
        super().__init__(name=loss.name, reduction=loss.reduction, dtype=loss.dtype)
        self.loss = loss
        self.weight = weight
        self.binary = binary

    def call(self, y_true, y_pred):
        labelled = len(y_true.shape) == len(y_pred.shape) > 1 and not self.binary
        classes = y_true.shape[-1] if labelled else 1
        # A single output is for two classes.
        smooth = y_true * (1.0 - self.weight) + self.weight / max(classes, 2)
        return self.loss.call(smooth, y_pred)


class _SmoothedIds(_Smoothed):
    """Sparse cross-entropy of smoothed labels, which is linear in the label."""

    def call(self, y_true, y_pred):
        """(1 - weight) · loss(id) + weight · the mean of the losses of all classes."""
        values = self.loss.call(y_true, y_pred)
        mask = keras_compat.mask_of(values)
        options = keras_compat.options_of(self.loss)
        axis = options.get("axis", -1)
        uniform = keras.losses.categorical_crossentropy(
            ops.full_like(y_pred, 1.0 / y_pred.shape[axis]),
            y_pred,
            from_logits=options.get("from_logits", False),
            axis=axis,
        )
        smooth = (1.0 - self.weight) * values + self.weight * ops.reshape(
            uniform, ops.shape(values)
        )
        if mask is not None:
            smooth = ops.where(mask, smooth, 0.0)
            keras_compat.set_mask(smooth, mask)
        return smooth
