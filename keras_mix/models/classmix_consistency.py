"""ClassMixConsistency."""

from typing import Any

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import class_masks
from keras_mix.models._semi_supervised.pasting import PastingModel


@keras.saving.register_keras_serializable(package="keras_mix")
class ClassMixConsistency(PastingModel):
    """Trains on unlabeled images with half of another's classes pasted, under a mean teacher.

    For segmentation. `fit` takes batches of `keras_mix.data.pair_with_unlabeled`. A mean teacher,
    whose weights are the moving average of the model's, predicts the whole unlabeled images. Of the
    n classes that are the most probable somewhere in another image of the batch, ⌊n / 2⌋ are drawn,
    and their pixels are pasted into the image, so what is pasted ends where objects end. The
    prediction is pasted likewise, and its most probable class is the pseudo-label of each pixel.
    The unlabeled loss is the cross-entropy, averaged over images and pixels, times the fraction of
    pixels of which the teacher is confident.

    The labeled loss is any that says whether the outputs are logits: Keras's sparse, categorical
    and focal cross-entropies, or a loss with an attribute `from_logits`. Ids to ignore are its
    matter.

    Deviations from the authors' code: colors are not changed and images not blurred after pasting
    (augment the dataset instead); the teacher predicts in inference mode, with averaged moving
    statistics, where theirs is in training mode; labeled and unlabeled samples pass the model
    together; partners are drawn at random, where theirs are neighbors in the batch; the decay of
    the moving average begins as (1 + t)/(10 + t), theirs as t/(t + 1).

    Args:
        model: Keras model of images `(B, H, W, C)`; it must be built. Its one output is a map of
            the scores of two or more classes, `(B, H', W', K)`, of which H and W are multiples. The
            model to train.
        augmentation: Keras layer that keeps labels, also in their place. It augments labeled and
            unlabeled samples before pasting. Defaults to None.
        threshold: Float in [0, 1]. The teacher is confident where its largest probability is at
            least this. Defaults to 0.968 (the authors' code).
        unlabeled_weight: Float ≥ 0. Weight of the unlabeled loss. Defaults to 1.0 (the authors'
            code).
        ramp_up: Float in [0, 1], a fraction of the steps of `fit`, or integer ≥ 0, a number of
            steps. How long the weight ramps up, linearly. Defaults to 0, no ramp, since the
            threshold takes its place.
        teacher_decay: Float in [0, 1]. Decay d of the moving average: min((1 + t)/(10 + t), d)
            after t steps. Defaults to 0.99 (the authors' code).
        predict_with: "teacher" or "base". Which of them `predict`, `evaluate` and `export` use,
            validation included. Defaults to "teacher"; the authors' code evaluates the base.
        seed: Integer. Seed of the partners and classes. Defaults to None: one that
            `keras.utils.set_random_seed` determines.
        name: String. Name of the model. Defaults to None: derived from the class name.
        dtype: Dtype or dtype policy. Sets the dtype of the loss. Defaults to None: that of `model`.

    Attributes:
        base: The wrapped model.
        teacher: The mean teacher, a model like the wrapped one, which is frozen.

    Raises:
        ValueError: If the model is not built, or has no map of scores of several classes; if
            `compile` gets a loss that does not say what it reads, or a strategy of several
            replicas; if a batch has no unlabeled images, or ones of another shape; if a map does
            not divide them; if `from_logits` of the loss contradicts the activation of the last
            layer.

    Example:

    >>> base = keras.Sequential([
    ...     keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3, padding="same", activation="softmax"),
    ... ])
    >>> model = keras_mix.models.ClassMixConsistency(base)
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> images, masks = np.random.rand(8, 8, 8, 1).astype("float32"), np.zeros((8, 8, 8), "int32")
    >>> few = tf.data.Dataset.from_tensor_slices((images[:2], masks[:2])).batch(2)
    >>> many = tf.data.Dataset.from_tensor_slices(images).batch(4)
    >>> pairs = keras_mix.data.pair_with_unlabeled(few, many)
    >>> history = model.fit(pairs, shuffle=False, verbose=0)

    Reference:
        Olsson et al., "ClassMix: Segmentation-Based Data Augmentation for Semi-Supervised
        Learning", WACV 2021, arXiv:2007.07936, section 3; WilhelmT/ClassMix, `trainSSL.py`.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        augmentation: keras.Layer | None = None,
        threshold: float = 0.968,
        unlabeled_weight: float = 1.0,
        ramp_up: float | int = 0,
        teacher_decay: float = 0.99,
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
        self.threshold = checks.number("threshold", threshold, high=1.0)

    def region(self, seed, taught, partners, grid):
        if len(taught.shape) != 4:
            checks.refuse(
                self.owner,
                "predictions must be maps (B, H', W', K), since classes are cut out of them",
                f"predictions of shape {tuple(taught.shape)}",
                "Classify whole images by CutMixConsistency.",
            )
        classes = class_masks.halves(seed, ops.argmax(taught, axis=-1), taught.shape[-1])
        return ops.take(classes, partners, axis=0)[..., None]

    def errors(self, targets, predictions):
        labels = ops.one_hot(ops.argmax(targets, axis=-1), targets.shape[-1], dtype="float32")
        return ops.categorical_crossentropy(labels, predictions)
