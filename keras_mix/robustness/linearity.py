"""How straight a model's predictions are between two samples."""

from typing import Any, NamedTuple

import keras
import numpy as np

from keras_mix._core import checks
from keras_mix._core.options import argument_errors
from keras_mix.robustness import _samples
from keras_mix.robustness._classifier import Classifier


class Linearity(NamedTuple):
    """Predictions along the lines between pairs of samples.

    Distances are total variations ½ Σ_k abs(p_k - q_k), in [0, 1], averaged over the pairs.

    Attributes:
        weights: List of floats from 0 to 1. The weight of the partner at each point of the line.
        distance: List of floats in [0, 1]. The distance of the prediction from the line between the
            predictions at the two ends; 0 at the ends.
        mean_distance: Float in [0, 1]. The mean of `distance` over the points between the ends.
        label_distance: List of floats in [0, 1]. The distance of the prediction from the mixed
            label. None without labels.
        misses: List of floats in [0, 1]. The fraction of predictions that are neither the class of
            the sample nor that of the partner. None without labels.
        pairs: Integer. Number of pairs.
    """

    weights: list
    distance: list
    mean_distance: float
    label_distance: list | None
    misses: list | None
    pairs: int


def linearity(
    model: keras.Model,
    x: Any,
    y: Any = None,
    *,
    partners: Any = None,
    points: int = 11,
    from_logits: bool = False,
    seed: int = 0,
    batch_size: int = 128,
) -> Linearity:
    """Compares predictions for blends of two samples with the blends of their predictions.

    At w = 0, 1 / (points - 1), …, 1, the prediction for (1 - w) · x + w · partner is compared with
    (1 - w) · p(x) + w · p(partner), and with the mixed label, if labels are given. Mixup trains
    models to be linear in this sense; one that is constant is, too, so the distance from the labels
    belongs beside it.

    Args:
        model: Keras model with one input and one output `(B, K)`, or `(B, 1)` for one sigmoid unit.
        x: Floats `(N, …)`, N ≥ 2. Samples.
        y: Integers `(N,)` or `(N, 1)`, or one-hot labels `(N, K)`. True classes. Defaults to None.
        partners: Integers `(N,)`, each the row of a sample's partner. Defaults to None: each sample
            is the partner of another one, drawn at random.
        points: Integer ≥ 3. Number of points on each line, its ends included. Defaults to 11.
        from_logits: Boolean. Whether the model returns logits. Defaults to False: probabilities.
        seed: Integer. Seed of the partners; has no effect if they are given. Defaults to 0.
        batch_size: Integer ≥ 1. Number of samples at a time. Defaults to 128.

    Returns:
        A `keras_mix.robustness.Linearity`.

    Raises:
        ValueError: If an argument is out of range; if `x` holds integers, is not finite or holds
            less than 2 samples; if a label is no class of the model; if outputs are NaN, or neither
            probabilities nor, with `from_logits=True`, logits.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((2,)), keras.layers.Dense(1, activation="hard_sigmoid"),
    ... ])
    >>> model.set_weights([np.array([[6.0], [0.0]]), np.array([0.0])])
    >>> x = np.array([[0.0, 0.0], [1.0, 0.0]])
    >>> result = keras_mix.robustness.linearity(model, x, partners=[1, 0], points=5)
    >>> [round(distance, 3) for distance in result.distance]
    [0.0, 0.125, 0.25, 0.125, 0.0]

    Reference:
        Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018, arXiv:1710.09412,
        section 2 and figure 2, which shows the misses.
    """
    owner = "linearity"
    with argument_errors.of(owner):
        points = checks.integer("points", points, low=3)
        seed = checks.integer("seed", seed, low=0)
        x = _samples.samples(owner, x, None)
        if len(x) < 2:
            checks.refuse(owner, "`x` must hold at least two samples", f"x of shape {x.shape}")
        rows = _partners(owner, partners, len(x), seed)
        classifier = Classifier(
            owner, model, from_logits=from_logits, samples=x, batch_size=batch_size
        )
    labels = None
    if y is not None:
        ids = _samples.class_ids(owner, y, len(x), classifier.classes)
        labels = np.eye(classifier.classes)[ids]
    ends = classifier.probabilities(x)
    weights = np.linspace(0.0, 1.0, points)
    distance, label_distance, misses = [], [], []
    for weight in weights:
        blend = ((1.0 - weight) * x + weight * x[rows]).astype(x.dtype)
        predicted = classifier.probabilities(blend)
        distance.append(_variation(predicted, _between(weight, ends, rows)))
        if labels is not None:
            label_distance.append(_variation(predicted, _between(weight, labels, rows)))
            best = predicted.argmax(axis=1)
            misses.append(float(np.mean((best != ids) & (best != ids[rows]))))
    return Linearity(
        weights.tolist(),
        distance,
        float(np.mean(distance[1:-1])),
        None if labels is None else label_distance,
        None if labels is None else misses,
        len(x),
    )


def _partners(owner, partners, count, seed):
    """The row of each sample's partner; drawn ones form a circle, so that none is its own."""
    if partners is None:
        order = np.random.default_rng(seed).permutation(count)
        rows = np.empty(count, int)
        rows[order] = np.roll(order, 1)
        return rows
    rows = np.asarray(partners)
    if rows.shape != (count,) or rows.dtype.kind not in "iu":
        checks.refuse(
            owner,
            f"`partners` must be the rows of the partners, integers ({count},)",
            f"dtype {rows.dtype}, shape {rows.shape}",
        )
    if rows.min() < 0 or rows.max() >= count:
        checks.refuse(
            owner,
            f"`partners` must be rows of `x`, from 0 to {count - 1}",
            f"values from {rows.min()} to {rows.max()}",
        )
    return rows


def _between(weight, values, rows):
    return (1.0 - weight) * values + weight * values[rows]


def _variation(one, other):
    return float(np.mean(0.5 * np.abs(one - other).sum(axis=1)))
