"""How Keras's losses of classes read labels and predictions."""

import keras

from keras_mix._core import keras_compat

# Keras's losses of distributions over the last axis.
_OF_CLASSES = (
    keras.losses.categorical_crossentropy,
    keras.losses.categorical_focal_crossentropy,
    keras.losses.kl_divergence,
)
_BINARY = (keras.losses.binary_crossentropy, keras.losses.binary_focal_crossentropy)
_OF_IDS = (keras.losses.sparse_categorical_crossentropy,)


def reads_classes(loss):
    """Whether a loss reads the last axis of labels as a distribution over classes."""
    return getattr(loss, "fn", None) in _OF_CLASSES


def reads_indicators(loss):
    """Whether a loss reads each number along the last axis as one of two classes."""
    return getattr(loss, "fn", None) in _BINARY


def reads_ids(loss):
    """Whether a loss reads labels as class ids."""
    return getattr(loss, "fn", None) in _OF_IDS


def takes_logits(loss):
    """Whether a loss takes logits instead of probabilities; None if it is not known."""
    if reads_classes(loss) or reads_indicators(loss) or reads_ids(loss):
        return keras_compat.options_of(loss).get("from_logits", False)
    return getattr(loss, "from_logits", None)
