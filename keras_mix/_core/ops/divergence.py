"""The divergence of two predictions of classes, at a temperature."""

import keras
from keras import ops


def kl_divergence(reference, prediction, *, temperature, from_logits, binary):
    """KL(reference ‖ prediction) in nats, over the last axis.

    Args:
        reference: Floats `(..., K)`, logits or probabilities.
        prediction: Likewise.
        temperature: Float > 0, which divides the logits of both.
        from_logits: Pair of booleans, whether either holds logits.
        binary: Whether each of the K numbers is for two classes of its own. Their divergences are
            averaged, as Keras's binary cross-entropy is.
    """
    pair = zip((reference, prediction), from_logits, strict=True)
    ours, theirs = (
        _log_probabilities(outputs if logits else _logits(outputs, binary), temperature, binary)
        for outputs, logits in pair
    )
    divergence = ops.sum(ops.exp(ours) * (ours - theirs), axis=-1)
    return ops.mean(divergence, axis=-1) if binary else divergence


def _logits(probabilities, binary):
    """Logits of these probabilities, clipped as in Keras's cross-entropies."""
    epsilon = keras.config.epsilon()
    clipped = ops.clip(probabilities, epsilon, 1.0 - epsilon)
    return ops.log(clipped) - ops.log1p(-clipped) if binary else ops.log(clipped)


def _log_probabilities(logits, temperature, binary):
    logits = logits / temperature
    if binary:
        return ops.stack([ops.log_sigmoid(logits), ops.log_sigmoid(-logits)], axis=-1)
    return ops.log_softmax(logits, axis=-1)
