"""Projected gradient descent on the negative loss."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import keras
import numpy as np

from keras_mix._core import checks
from keras_mix._core.options import argument_errors
from keras_mix.robustness import _attacked, _epsilons
from keras_mix.robustness._balls import BALLS, L2, Linf
from keras_mix.robustness.adversarial_accuracy import AdversarialAccuracy


def pgd(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    epsilon: float,
    norm: Literal["inf", 2] | float = "inf",
    steps: int = 10,
    step_size: float | None = None,
    restarts: int = 1,
    random_start: bool = True,
    value_range: tuple[float, float] | None = (0.0, 1.0),
    loss: str | Callable[..., Any] | None = None,
    from_logits: bool = False,
    seed: int = 0,
    batch_size: int = 128,
) -> np.ndarray:
    """Returns adversarial samples by projected gradient descent within a ball around each sample.

    From a start, uniform in the ball of radius ε: `steps` times a step of `step_size` in the
    direction that raises the loss most (the sign of the gradient for the maximum norm, the gradient
    of length 1 for the Euclidean norm), then the projection onto the ball, then onto the range of
    values. Where the gradient is zero or not finite, a sample does not move; a warning counts the
    samples from which no attack starts. Of a model that draws numbers in inference, the
    attack keeps the worst draw, too.

    Deviations: of all points that the attack has evaluated, the strongest one of each sample is
    returned (misclassified ones first, then the largest loss), while the paper returns the last.
    Among them are the sample itself and a single step of size ε, which is FGSM for the maximum
    norm, so this attack is never weaker than `keras_mix.robustness.fgsm`. With the default loss,
    the gradient is that of log Σ_{k ≠ y} p_k - log p_y, as there.

    Args:
        model: Keras model: functional, sequential or subclassed, with one input and one output
            `(B, K)`, or `(B, 1)` for one sigmoid unit.
        x: Floats `(N, …)`. Samples, within `value_range`.
        y: Integers `(N,)` or `(N, 1)`, or one-hot labels `(N, K)`. True classes.
        epsilon: Float ≥ 0. Radius ε of the ball, on the scale of `x`: 8/255 for images in [0, 1],
            8 for those in [0, 255].
        norm: `"inf"` or 2. The norm of the ball: the largest component (`np.inf` is taken too), or
            the Euclidean norm of the whole sample. Defaults to `"inf"`.
        steps: Integer ≥ 1. Number of steps of each run. Defaults to 10.
        step_size: Float > 0. Length of a step. Defaults to None: 2.5 · ε / steps, which reaches the
            edge of the ball from any point of it.
        restarts: Integer ≥ 1. Number of runs, each from another start. Defaults to 1.
        random_start: Boolean. Whether runs start at random points of the ball; else one run starts
            at the sample itself. Defaults to True.
        value_range: Pair of floats, or None. The range of the model's inputs, to which adversarial
            samples are clipped; None does not clip. Defaults to (0, 1).
        loss: Keras loss, its name, or function of (y_true, y_pred) that returns one number per
            sample. What the attack raises; Keras's own cross-entropies of probabilities are clipped
            and have no gradient beyond 1 - 1e-7. Defaults to None: cross-entropy, as above.
        from_logits: Boolean. Whether the model returns logits. Defaults to False: probabilities.
        seed: Integer. Seed of the starts, which do not depend on `batch_size`. Defaults to 0.
        batch_size: Integer ≥ 1. Number of samples at a time. Defaults to 128.

    Returns:
        A NumPy array of the shape of `x`, in Keras's float dtype.

    Raises:
        ValueError: If an argument is out of range or has no effect; if `x` holds integers, values
            outside `value_range` or no sample; if a label is no class of the model; if outputs are
            NaN, or neither probabilities nor, with `from_logits=True`, logits; if the model has no
            gradient to its input.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    >>> model.set_weights([np.array([[3.0, -3.0], [-4.0, 4.0]]), np.zeros(2)])
    >>> x = np.array([[0.5, 0.25]])
    >>> adversarial = keras_mix.robustness.pgd(
    ...     model, x, [0], epsilon=0.125, norm=2, from_logits=True
    ... )
    >>> adversarial.astype(float).round(4).tolist()
    [[0.425, 0.35]]

    Reference:
        Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018,
        arXiv:1706.06083, section 2.1.
    """
    with argument_errors.of("pgd"):
        radius = checks.number("epsilon", epsilon)
        search = _Search.checked(norm, steps, step_size, restarts, random_start, seed)
        attacked = _attacked.Attacked(
            "pgd",
            model,
            x,
            y,
            value_range=value_range,
            loss=loss,
            from_logits=from_logits,
            batch_size=batch_size,
        )
    _epsilons.warn_of_scale("pgd", [radius], attacked.limits, attacked.x)
    parts, draws = [], search.draws()
    for batch, ids, count in attacked.batches():
        beginning = attacked.begun(batch, ids, count)
        *_, best = search.run(attacked, beginning, ids, count, radius, draws)
        parts.append(best.x[:count])
    attacked.warn_of_masks()
    return np.concatenate(parts)


def pgd_accuracy(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    epsilons: Sequence[float],
    norm: Literal["inf", 2] | float = "inf",
    steps: int = 10,
    step_size: float | None = None,
    restarts: int = 1,
    random_start: bool = True,
    value_range: tuple[float, float] | None = (0.0, 1.0),
    loss: str | Callable[..., Any] | None = None,
    from_logits: bool = False,
    seed: int = 0,
    batch_size: int = 128,
) -> AdversarialAccuracy:
    """Returns the accuracy under `keras_mix.robustness.pgd`, for several ε.

    A sample that is misclassified at one ε counts as such at every larger one, whose ball holds
    that of the smaller, so the accuracy never rises with ε. A sample is attacked no further once it
    is misclassified, which takes a fraction of the time of `pgd`.

    Args:
        model: Keras model. As in `pgd`.
        x: Floats `(N, …)`. Samples, within `value_range`.
        y: Integers `(N,)` or `(N, 1)`, or one-hot labels `(N, K)`. True classes.
        epsilons: Sequence of floats ≥ 0, on the scale of `x`: `[0, 2/255, 8/255]` for images in
            [0, 1], `[0, 2, 8]` for those in [0, 255].
        norm: `"inf"` or 2. The norm of the ball, as in `pgd`. Defaults to `"inf"`.
        steps: Integer ≥ 1. Number of steps of each run. Defaults to 10.
        step_size: Float > 0. Length of a step at every ε. Defaults to None: 2.5 · ε / steps.
        restarts: Integer ≥ 1. Number of runs, each from another start. Defaults to 1.
        random_start: Boolean. Whether runs start at random points of the ball. Defaults to True.
        value_range: Pair of floats, or None. As in `pgd`. Defaults to (0, 1).
        loss: Keras loss, its name, or function. As in `pgd`. Defaults to None: cross-entropy.
        from_logits: Boolean. Whether the model returns logits. Defaults to False: probabilities.
        seed: Integer. Seed of the starts. Defaults to 0.
        batch_size: Integer ≥ 1. Number of samples at a time. Defaults to 128.

    Returns:
        A `keras_mix.robustness.AdversarialAccuracy`.

    Raises:
        ValueError: As `pgd` does.

    Example:

    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    >>> model.set_weights([np.array([[3.0, -3.0], [-4.0, 4.0]]), np.zeros(2)])
    >>> x = np.array([[0.5, 0.25], [0.75, 0.25]])
    >>> keras_mix.robustness.pgd_accuracy(
    ...     model, x, [0, 0], epsilons=[0, 0.125, 0.25], norm=2, from_logits=True
    ... ).accuracy
    [1.0, 0.5, 0.5]

    Reference:
        Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018,
        arXiv:1706.06083, section 2.1.
    """
    with argument_errors.of("pgd_accuracy"):
        radii = _epsilons.checked(epsilons)
        search = _Search.checked(norm, steps, step_size, restarts, random_start, seed)
        attacked = _attacked.Attacked(
            "pgd_accuracy",
            model,
            x,
            y,
            value_range=value_range,
            loss=loss,
            from_logits=from_logits,
            batch_size=batch_size,
        )
    _epsilons.warn_of_scale("pgd_accuracy", radii, attacked.limits, attacked.x)
    wrong = [
        attacked.begun(batch, ids, count)[0].wrong[:count]
        for batch, ids, count in attacked.batches()
    ]
    right = np.flatnonzero(~np.concatenate(wrong))
    accuracy = []
    for radius in radii:
        right = _still_right(attacked, search, right, radius)
        accuracy.append(len(right) / len(attacked.x))
    attacked.warn_of_masks()
    return AdversarialAccuracy(radii, accuracy, len(attacked.x))


def _still_right(attacked, search, rows, radius):
    """Those of some samples, by their rows, that the attack does not change the prediction of."""
    wrong, draws = [np.zeros(0, bool)], search.draws()
    for batch, ids, count in attacked.batches(rows) if radius else ():
        beginning = attacked.sloped(batch, ids)[:2]
        for best in search.run(attacked, beginning, ids, count, radius, draws):
            if best.wrong.all():
                break
        wrong.append(best.wrong[:count])
    return rows[~np.concatenate(wrong)] if radius else rows


class _Search(NamedTuple):
    """The options of an attack that do not depend on the model."""

    ball: Linf | L2
    steps: int
    step_size: float | None
    restarts: int
    random_start: bool
    seed: int

    @classmethod
    def checked(cls, norm, steps, step_size, restarts, random_start, seed):
        """Checks the options."""
        ball = BALLS[checks.choice("norm", norm, list(BALLS))]
        steps = checks.integer("steps", steps, low=1)
        step_size = None if step_size is None else checks.positive("step_size", step_size)
        restarts = checks.integer("restarts", restarts, low=1)
        random_start = checks.boolean("random_start", random_start)
        if restarts > 1 and not random_start:
            raise ValueError(
                "`restarts` has no effect without random starts, since all runs are the same. "
                f"Received: restarts={restarts}, random_start=False. Leave one of them out."
            )
        seed = checks.integer("seed", seed, low=0)
        return cls(ball, steps, step_size, restarts, random_start, seed)

    def draws(self):
        """The generators of the starts: two for each run, which all batches share in turn."""
        return [
            list(map(np.random.default_rng, np.random.SeedSequence([self.seed, run]).spawn(2)))
            for run in range(self.restarts)
        ]

    def run(self, attacked, beginning, ids, count, radius, draws):
        """Yields the strongest candidates so far, `beginning` first, each time some were tried."""
        best, gradient = beginning
        x = best.x
        yield best
        if not radius:
            return
        length = self.step_size or 2.5 * radius / self.steps

        def within(perturbed):
            return attacked.clipped(x + self.ball.project(perturbed - x, radius))

        single = within(x + radius * self.ball.direction(gradient))
        best = best.or_stronger(attacked.candidates(single, ids))
        yield best
        for generators in draws:
            perturbed = x
            if self.random_start:
                drawn = self.ball.draw(generators, (count, *x.shape[1:]), radius)
                # In the last batch the samples are repeated to fill it up.
                perturbed = attacked.clipped(x + drawn[np.arange(len(x)) % count])
            for _ in range(self.steps):
                candidates, gradient = attacked.climbed(perturbed, ids, count)
                best = best.or_stronger(candidates)
                yield best
                perturbed = within(perturbed + length * self.ball.direction(gradient))
            best = best.or_stronger(attacked.candidates(perturbed, ids))
            yield best
