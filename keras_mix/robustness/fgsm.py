"""The fast gradient sign method."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_mix._core import checks
from keras_mix._core.options import argument_errors
from keras_mix.robustness import _attacked, _epsilons
from keras_mix.robustness.adversarial_accuracy import AdversarialAccuracy


def fgsm(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    epsilon: float,
    value_range: tuple[float, float] | None = (0.0, 1.0),
    loss: str | Callable[..., Any] | None = None,
    from_logits: bool = False,
    batch_size: int = 128,
) -> np.ndarray:
    """Returns adversarial samples: one step of size ε along the sign of the loss's gradient.

    x + ε · sign(∇ₓ loss(x, y)), clipped to the range of values. The model is in inference mode; of
    a `keras_mix.models.MixingModel`, the base is attacked.

    Deviations: with the default loss, the gradient is that of log Σ_{k ≠ y} p_k - log p_y, with
    which cross-entropy rises: it has the direction of cross-entropy's gradient, and is not rounded
    away where a prediction is confident, which would pass for robustness.

    Samples whose gradient is zero or not finite do not move; a warning counts them. The logits of
    saturated probabilities are known where a softmax or sigmoid ends a layer or a graph, also
    within `keras_mix.models.TestTimeAugmentation` and the models of `keras_mix.calibration`.

    Args:
        model: Keras model: functional, sequential or subclassed, with one input and one output
            `(B, K)`, or `(B, 1)` for one sigmoid unit.
        x: Floats `(N, …)`. Samples, within `value_range`.
        y: Integers `(N,)` or `(N, 1)`, or one-hot labels `(N, K)`. True classes.
        epsilon: Float ≥ 0. Size of the step ε, on the scale of `x`: 8/255 for images in [0, 1],
            8 for those in [0, 255].
        value_range: Pair of floats, or None. The range of the model's inputs, to which adversarial
            samples are clipped; None does not clip. Defaults to (0, 1).
        loss: Keras loss, its name, or function of (y_true, y_pred) that returns one number per
            sample. What the attack raises; Keras's own cross-entropies of probabilities are clipped
            and have no gradient beyond 1 - 1e-7. Defaults to None: cross-entropy, as above.
        from_logits: Boolean. Whether the model returns logits. Defaults to False: probabilities.
        batch_size: Integer ≥ 1. Number of samples at a time. Defaults to 128.

    Returns:
        A NumPy array of the shape of `x`, in Keras's float dtype.

    Raises:
        ValueError: If an argument is out of range; if `x` holds integers, values outside
            `value_range` or no sample; if a label is no class of the model; if outputs are NaN, or
            neither probabilities nor, with `from_logits=True`, logits; if the model has no gradient
            to its input.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    >>> model.set_weights([np.array([[1.0, -1.0], [-2.0, 2.0]]), np.zeros(2)])
    >>> x = np.array([[0.5, 0.25]])
    >>> keras_mix.robustness.fgsm(model, x, [0], epsilon=0.125, from_logits=True).tolist()
    [[0.375, 0.375]]

    Reference:
        Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015,
        arXiv:1412.6572, section 4.
    """
    with argument_errors.of("fgsm"):
        radius = checks.number("epsilon", epsilon)
        attacked = _attacked.Attacked(
            "fgsm",
            model,
            x,
            y,
            value_range=value_range,
            loss=loss,
            from_logits=from_logits,
            batch_size=batch_size,
        )
    _epsilons.warn_of_scale("fgsm", [radius], attacked.limits, attacked.x)
    parts = []
    for batch, ids, count in attacked.batches():
        _, gradient = attacked.begun(batch, ids, count)
        parts.append(_step(attacked, batch, gradient, radius)[:count])
    attacked.warn_of_masks()
    return np.concatenate(parts)


def fgsm_accuracy(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    epsilons: Sequence[float],
    value_range: tuple[float, float] | None = (0.0, 1.0),
    loss: str | Callable[..., Any] | None = None,
    from_logits: bool = False,
    batch_size: int = 128,
) -> AdversarialAccuracy:
    """Returns the accuracy on the samples of `keras_mix.robustness.fgsm`, for several ε.

    One gradient serves all ε. The accuracy need not fall with ε, since one long step may overshoot;
    that of `keras_mix.robustness.pgd_accuracy` does.

    Args:
        model: Keras model. As in `fgsm`.
        x: Floats `(N, …)`. Samples, within `value_range`.
        y: Integers `(N,)` or `(N, 1)`, or one-hot labels `(N, K)`. True classes.
        epsilons: Sequence of floats ≥ 0, on the scale of `x`: `[0, 2/255, 8/255]` for images in
            [0, 1], `[0, 2, 8]` for those in [0, 255].
        value_range: Pair of floats, or None. As in `fgsm`. Defaults to (0, 1).
        loss: Keras loss, its name, or function. As in `fgsm`. Defaults to None: cross-entropy.
        from_logits: Boolean. Whether the model returns logits. Defaults to False: probabilities.
        batch_size: Integer ≥ 1. Number of samples at a time. Defaults to 128.

    Returns:
        A `keras_mix.robustness.AdversarialAccuracy`.

    Raises:
        ValueError: As `fgsm` does.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    >>> model.set_weights([np.array([[1.0, -1.0], [-2.0, 2.0]]), np.zeros(2)])
    >>> x = np.array([[0.5, 0.125], [0.75, 0.125]])
    >>> keras_mix.robustness.fgsm_accuracy(
    ...     model, x, [0, 0], epsilons=[0, 0.0625, 0.125], from_logits=True
    ... ).accuracy
    [1.0, 1.0, 0.5]

    Reference:
        Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples", ICLR 2015,
        arXiv:1412.6572, section 4.
    """
    with argument_errors.of("fgsm_accuracy"):
        radii = _epsilons.checked(epsilons)
        attacked = _attacked.Attacked(
            "fgsm_accuracy",
            model,
            x,
            y,
            value_range=value_range,
            loss=loss,
            from_logits=from_logits,
            batch_size=batch_size,
        )
    _epsilons.warn_of_scale("fgsm_accuracy", radii, attacked.limits, attacked.x)
    right = np.zeros(len(radii), int)
    for batch, ids, count in attacked.batches():
        _, gradient = attacked.begun(batch, ids, count)
        for place, radius in enumerate(radii):
            moved = attacked.candidates(_step(attacked, batch, gradient, radius), ids)
            right[place] += np.count_nonzero(~moved.wrong[:count])
    attacked.warn_of_masks()
    return AdversarialAccuracy(radii, (right / len(attacked.x)).tolist(), len(attacked.x))


def _step(attacked, x, gradient, radius):
    """One step along the sign of the gradient, clipped to the range of values."""
    return attacked.clipped(x + radius * np.sign(gradient))
