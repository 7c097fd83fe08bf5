"""MixMatch."""

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_mix._core import checks, concentration
from keras_mix._core.ops import mixup
from keras_mix.models._forward.aside import outputs_aside
from keras_mix.models._semi_supervised import batches
from keras_mix.models._semi_supervised.wrapper import SemiSupervisedModel


@keras.saving.register_keras_serializable(package="keras_mix")
class MixMatch(SemiSupervisedModel):
    """Trains a classifier on few labeled and many unlabeled samples, mixed with each other.

    `fit` takes batches of `keras_mix.data.pair_with_unlabeled`. The model guesses the label of each
    unlabeled sample: the mean of its predictions for several augmented views, sharpened by a
    temperature, without a gradient. Labeled samples and all views, with labels and guesses, form
    one pool. Each of it is blended with another by λ' = max(λ, 1 - λ), λ ~ Beta(α, α). The loss is
    the cross-entropy of the blended labeled samples plus, with a weight that ramps up linearly, the
    mean squared error of the probabilities of the blended unlabeled ones.

    Labels are ids or distributions, in validation as in training; the loss is Keras's sparse or
    categorical cross-entropy, whose `from_logits` says what the model gives. Ids that are no class
    are refused, or make the loss NaN where values cannot be checked (XLA, JAX, GPUs). Sample
    weights weigh the labeled loss. Compiled metrics compare the predictions for the blended labeled
    samples with their own labels, which dominate. `evaluate`, `predict` and `model.base` use the
    wrapped model on plain (x, y).

    The pool passes the model in one pass, so that batch normalization sees labeled and unlabeled
    samples together, as the interleaved batches of the authors' code make it; its moving statistics
    are updated once. The pass that guesses uses the statistics of its own batch and updates none.
    The authors predict with an average of the weights: Keras's optimizers keep one (`use_ema=True`,
    `keras.callbacks.SwapEMAWeights`). Weight decay is the optimizer's.

    Args:
        model: Keras model with one output, scores of two or more classes. The model to train.
        augmentation: Keras layer that keeps labels. It makes the views, one each of labeled
            samples. The paper flips and shifts images, and without augmentation all views are
            equal. Defaults to None.
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α), or (a, b) of
            Beta(a, b). Defaults to 0.75, the paper's starting point (section 3.5); USB and the
            authors' code take 0.5.
        temperature: Float > 0. Temperature T of the sharpening p^(1/T) / Σ p^(1/T). Defaults to 0.5
            (section 3.5).
        views: Integer ≥ 1. Number K of augmented views of each unlabeled sample. Defaults to 2
            (section 3.5).
        unlabeled_weight: Float ≥ 0. Weight λ_U of the unlabeled loss after the ramp. Defaults to
            100.0, the paper's starting point (section 3.5).
        ramp_up: Float in [0, 1], a fraction of the steps of `fit`, or integer ≥ 0, a number of
            steps. How long the weight ramps up. Steps of all calls of `fit` count. In a training of
            some thousand steps or less, the default leaves the weight small: choose 1.0 if the
            network can fit its labeled samples exactly, with a smaller `unlabeled_weight` if it is
            linear or tiny. Wrong guesses of the first steps last if the ramp is short. Defaults to
            16000 (section 3.5; 1/64 of 2^20 steps in the authors' code).
        seed: Integer. Seed of the partners and λ. Defaults to None: one that
            `keras.utils.set_random_seed` determines.
        name: String. Name of the model. Defaults to None: derived from the class name.
        dtype: Dtype or dtype policy. Sets the dtype of the loss. Defaults to None: that of `model`.

    Attributes:
        base: The wrapped model.

    Raises:
        ValueError: If the model has no scores of several classes; if `compile` gets another loss
            than a cross-entropy, or a strategy of several replicas; if a batch has no unlabeled
            samples, or ones of another shape; if `from_logits` of the loss contradicts the
            activation of the last layer; if labels change from one form to the other.

    Example:

    >>> base = keras.Sequential([
    ...     keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(10),
    ... ])
    >>> model = keras_mix.models.MixMatch(base, augmentation=keras.layers.GaussianNoise(0.1))
    >>> model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    >>> images, ids = np.random.rand(50, 8, 8, 1).astype("float32"), np.arange(50) % 10
    >>> few = tf.data.Dataset.from_tensor_slices((images[:20], ids[:20])).batch(10)
    >>> many = tf.data.Dataset.from_tensor_slices(images).batch(10)
    >>> pairs = keras_mix.data.pair_with_unlabeled(few, many)
    >>> history = model.fit(pairs, shuffle=False, verbose=0)

    Reference:
        Berthelot et al., "MixMatch: A Holistic Approach to Semi-Supervised Learning", NeurIPS 2019,
        arXiv:1905.02249, algorithm 1 and section 3; google-research/mixmatch, `mixmatch.py`.
        Wang et al., "USB: A Unified Semi-supervised Learning Benchmark", NeurIPS 2022,
        arXiv:2208.07204; microsoft/Semi-supervised-learning, `semilearn/algorithms/mixmatch`.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        augmentation: keras.Layer | None = None,
        alpha: float | tuple[float, float] = 0.75,
        temperature: float = 0.5,
        views: int = 2,
        unlabeled_weight: float = 100.0,
        ramp_up: float | int = 16000,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(model, augmentation, unlabeled_weight, ramp_up, seed, name, dtype)
        self.alpha = concentration.check(alpha)
        self.temperature = checks.positive("temperature", temperature)
        self.views = checks.integer("views", views, low=1)

    def training_pass(self, labeled, unlabeled, seed):
        labeled = self.augmented(labeled)
        views = [self.augmented(unlabeled) for _ in range(self.views)]
        guesses = self._guesses(batches.joined(views))
        pool = batches.joined([labeled, *views])
        plan = mixup.draw(
            seed,
            batches.size_of(pool),
            1.0,
            alpha=self.alpha,
            keep_major=True,
            pairing="shuffle",
            per="sample",
        )
        mixed = keras.tree.map_structure(lambda tensor: mixup.blend(tensor, plan), pool)
        outputs = self.base(mixed, training=True)
        first = batches.size_of(labeled)
        return outputs[:first], _Mixed(plan, guesses, self.probabilities(outputs[first:]))

    def measured(self, labels, mixed):
        first = ops.shape(labels)[0]
        targets = ops.concatenate([labels, *[mixed.guesses] * self.views], axis=0)
        targets = mixup.blend(targets, mixed.plan)
        return targets[:first], ops.mean(ops.square(targets[first:] - mixed.predictions))

    def _guesses(self, views):
        """float32 `(U, …, K)`, the sharpened mean of the predictions for all views."""
        predictions = self.probabilities(outputs_aside(self.base, views, training=True))
        mean = sum(ops.split(predictions, self.views, axis=0)) / self.views
        # By logarithms, since powers of small probabilities underflow.
        tiny = 1e-30
        return ops.softmax(ops.log(ops.maximum(mean, tiny)) / self.temperature, axis=-1)


class _Mixed(NamedTuple):
    """What the loss needs of a step.

    Attributes:
        plan: The `mixup.BlendPlan` of the pool.
        guesses: float32 `(U, …, K)`, the guessed labels.
        predictions: float32 `(views · U, …, K)`, the probabilities of blended unlabeled samples.
    """

    plan: object
    guesses: object
    predictions: object
