"""InterpolationConsistency."""

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_mix._core import checks, concentration
from keras_mix._core.draw import random
from keras_mix._core.ops import mixup
from keras_mix.models._semi_supervised import batches, ramps
from keras_mix.models._semi_supervised.with_teacher import TaughtModel


@keras.saving.register_keras_serializable(package="keras_mix")
class InterpolationConsistency(TaughtModel):
    """Trains a classifier to predict, between two unlabeled samples, what lies between them (ICT).

    `fit` takes batches of `keras_mix.data.pair_with_unlabeled`. A mean teacher, whose weights are
    the moving average of the model's, predicts the unlabeled samples. Each of them is blended with
    another by one λ ~ Beta(α, α) for the batch, and so are the teacher's predictions: the target of
    the prediction for the blended sample, in mean squared error. Its weight ramps up as
    exp(-5 (1 - t)²). The labeled samples are blended with each other likewise, with λ of their own,
    in cross-entropy.

    Labels are ids or distributions, in validation as in training; the loss is Keras's sparse or
    categorical cross-entropy, whose `from_logits` says what the model gives. Ids that are no class
    are refused, or make the loss NaN where values cannot be checked (XLA, JAX, GPUs). Sample
    weights weigh the labeled loss. The larger of λ and 1 - λ goes to the sample itself, which for
    pairs of a random permutation with one λ is the same law, so that compiled metrics of blended
    labeled samples have a meaning.

    Deviations from the authors' code: the teacher predicts in inference mode, with averaged moving
    statistics, where theirs normalizes by the batch; probabilities are blended, as in the paper,
    where they blend logits; labeled and unlabeled samples pass the model together, and batch
    normalization sees both at once. The decay of the moving average begins as
    (1 + t)/(10 + t), that of TensorFlow's `ExponentialMovingAverage`, where theirs is 1 - 1/(t + 1)
    and keeps the first steps of a short training. As in theirs, the teacher of a step has all steps
    before it; `fit`, `evaluate` and `predict` see to it that it has the last one, too. Until the
    first step it is the model as it is.

    Args:
        model: Keras model with one output, scores of two or more classes; it must be built. The
            model to train.
        augmentation: Keras layer that keeps labels. It augments labeled and unlabeled samples.
            Defaults to None.
        alpha: Float ≥ 0, or a pair of floats > 0. Concentration α of Beta(α, α), or (a, b) of
            Beta(a, b), of both losses. Defaults to 1.0, the authors' for CIFAR-10; theirs for SVHN
            is 0.1.
        mix_labeled: Boolean. Whether labeled samples are blended, too. Defaults to True, as in the
            commands of the authors' README.
        unlabeled_weight: Float ≥ 0. Weight of the unlabeled loss after the ramp. In a training of
            some thousand steps or less choose 10 or less: more costs accuracy. Defaults to 100.0
            (the authors' README, for 400 epochs).
        ramp_up: Float in [0, 1], a fraction of the steps of `fit`, or integer ≥ 0, a number of
            steps. How long the weight ramps up. Steps of all calls of `fit` count. Defaults to
            0.25 (the authors' README).
        teacher_decay: Float in [0, 1]. Decay d of the moving average: min((1 + t)/(10 + t), d)
            after t steps. Defaults to 0.999 (the authors' README).
        predict_with: "teacher" or "base". Which of them `predict`, `evaluate` and `export` use,
            validation included. Defaults to "teacher", as in the authors' code.
        seed: Integer. Seed of the partners and λ. Defaults to None: one that
            `keras.utils.set_random_seed` determines.
        name: String. Name of the model. Defaults to None: derived from the class name.
        dtype: Dtype or dtype policy. Sets the dtype of the loss. Defaults to None: that of `model`.

    Attributes:
        base: The wrapped model.
        teacher: The mean teacher, a model like the wrapped one, which is frozen.

    Raises:
        ValueError: If the model is not built, or has no scores of several classes; if `compile`
            gets another loss than a cross-entropy, or a strategy of several replicas; if a batch
            has no unlabeled samples, or ones of another shape; if `from_logits` of the loss
            contradicts the activation of the last layer; if labels change from one form to the
            other.

    Example:

    >>> base = keras.Sequential([
    ...     keras.Input((20,)), keras.layers.Dense(3, activation="softmax"),
    ... ])
    >>> model = keras_mix.models.InterpolationConsistency(base, teacher_decay=0.9)
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> x, ids = np.random.rand(60, 20).astype("float32"), np.arange(60) % 3
    >>> few = tf.data.Dataset.from_tensor_slices((x[:12], ids[:12])).batch(12)
    >>> pairs = keras_mix.data.pair_with_unlabeled(
    ...     few, tf.data.Dataset.from_tensor_slices(x).batch(12)
    ... )
    >>> history = model.fit(pairs, shuffle=False, verbose=0)
    >>> model.teacher.predict(x, verbose=0).shape
    (60, 3)

    Reference:
        Verma et al., "Interpolation Consistency Training for Semi-Supervised Learning", IJCAI 2019,
        arXiv:1903.03825, algorithm 1; vikasverma1077/ICT, `main.py` and README.
        Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017,
        arXiv:1703.01780, for the teacher.
    """

    ramp = staticmethod(ramps.sigmoid)

    def __init__(
        self,
        model: keras.Model,
        *,
        augmentation: keras.Layer | None = None,
        alpha: float | tuple[float, float] = 1.0,
        mix_labeled: bool = True,
        unlabeled_weight: float = 100.0,
        ramp_up: float | int = 0.25,
        teacher_decay: float = 0.999,
        predict_with: str = "teacher",
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            model,
            augmentation,
            unlabeled_weight,
            ramp_up,
            seed,
            name,
            dtype,
            teacher_decay,
            predict_with,
        )
        self.alpha = concentration.check(alpha)
        self.mix_labeled = checks.boolean("mix_labeled", mix_labeled)

    def training_pass(self, labeled, unlabeled, seed):
        labeled, unlabeled = self.augmented(labeled), self.augmented(unlabeled)
        of_labeled, of_unlabeled = random.split(seed, 2)
        # A rate of 0 draws λ = 1.
        own = self._plan(of_labeled, labeled, float(self.mix_labeled))
        other = self._plan(of_unlabeled, unlabeled, 1.0)
        targets = mixup.blend(self.taught(unlabeled), other)
        outputs, predictions = self.split_outputs(
            _blended(labeled, own), _blended(unlabeled, other)
        )
        return outputs, _Interpolated(own, ops.mean(ops.square(predictions - targets)))

    def measured(self, labels, interpolated):
        return mixup.blend(labels, interpolated.plan), interpolated.unlabeled_loss

    def _plan(self, seed, inputs, rate):
        return mixup.draw(
            seed,
            batches.size_of(inputs),
            rate,
            alpha=self.alpha,
            keep_major=True,
            pairing="shuffle",
            per="batch",
        )


def _blended(structure, plan):
    return keras.tree.map_structure(lambda tensor: mixup.blend(tensor, plan), structure)


class _Interpolated(NamedTuple):
    """What the loss needs of a step.

    Attributes:
        plan: The `mixup.BlendPlan` of the labeled samples.
        unlabeled_loss: float32, a scalar.
    """

    plan: object
    unlabeled_loss: object
