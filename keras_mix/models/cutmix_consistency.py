"""CutMixConsistency."""

from typing import Any

import keras
from keras import ops

from keras_mix._core import checks
from keras_mix._core.ops import box_masks
from keras_mix.models._semi_supervised.pasting import PastingModel


@keras.saving.register_keras_serializable(package="keras_mix")
class CutMixConsistency(PastingModel):
    """Trains on images cut from two unlabeled ones, with a mean teacher's predictions as labels.

    For segmentation and for classification. `fit` takes batches of
    `keras_mix.data.pair_with_unlabeled`. A mean teacher, whose weights are the moving average of
    the model's, predicts the whole unlabeled images: their pseudo-labels. A box of another image of
    the batch is pasted into each image. Where predictions are maps, the same box of the other map
    is pasted into the target; where they are of whole images, the target is their mean weighted by
    the pixels that each image gives. The unlabeled loss is the squared error of the probabilities,
    summed over classes and averaged over images and pixels, times the fraction of targets of which
    the teacher is confident.

    The labeled loss is any that says whether the outputs are logits: Keras's sparse, categorical
    and focal cross-entropies, or a loss with an attribute `from_logits`. Ids to ignore are its
    matter.

    Deviations from the authors' code: partners come from the same batch, not from a second one; the
    teacher predicts in inference mode, with averaged moving statistics; labeled and unlabeled
    samples pass the model together; the decay of the moving average begins as (1 + t)/(10 + t),
    that of TensorFlow's `ExponentialMovingAverage`, where theirs is constant. The teacher of a step
    has all steps before it; `fit`, `evaluate` and `predict` see to it that it has the last one,
    too. Until the first step it is the model as it is. Classification is not in the paper.

    Args:
        model: Keras model of images `(B, H, W, C)`; it must be built. Its one output is the scores
            of two or more classes, `(B, K)` or a map `(B, H', W', K)` of which H and W are
            multiples. The model to train.
        augmentation: Keras layer that keeps labels, also in their place for maps. It augments
            labeled and unlabeled samples. Defaults to None.
        area: Float in (0, 1). Fraction of the image that the box covers, up to rounding; its shape
            is random. Defaults to 0.5 (the authors' code).
        threshold: Float in [0, 1]. The teacher is confident where its largest probability is at
            least this. Defaults to 0.97 (the authors' code).
        unlabeled_weight: Float ≥ 0. Weight of the unlabeled loss. Defaults to 1.0 (the authors'
            code).
        ramp_up: Float in [0, 1], a fraction of the steps of `fit`, or integer ≥ 0, a number of
            steps. How long the weight ramps up, linearly. Defaults to 0, no ramp, since the
            threshold takes its place.
        teacher_decay: Float in [0, 1]. Decay d of the moving average: min((1 + t)/(10 + t), d)
            after t steps. Defaults to 0.99 (the authors' code).
        predict_with: "teacher" or "base". Which of them `predict`, `evaluate` and `export` use,
            validation included. Defaults to "teacher", as in the authors' code.
        seed: Integer. Seed of the partners and boxes. Defaults to None: one that
            `keras.utils.set_random_seed` determines.
        name: String. Name of the model. Defaults to None: derived from the class name.
        dtype: Dtype or dtype policy. Sets the dtype of the loss. Defaults to None: that of `model`.

    Attributes:
        base: The wrapped model.
        teacher: The mean teacher, a model like the wrapped one, which is frozen.

    Raises:
        ValueError: If the model is not built, or has no scores of several classes; if `compile`
            gets a loss that does not say what it reads, or a strategy of several replicas; if a
            batch has no unlabeled images, or ones of another shape; if a map does not divide them;
            if `from_logits` of the loss contradicts the activation of the last layer.

    Example:

    >>> base = keras.Sequential([
    ...     keras.Input((8, 8, 1)), keras.layers.Conv2D(3, 3, padding="same", activation="softmax"),
    ... ])
    >>> model = keras_mix.models.CutMixConsistency(base)
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> images, masks = np.random.rand(8, 8, 8, 1).astype("float32"), np.zeros((8, 8, 8), "int32")
    >>> few = tf.data.Dataset.from_tensor_slices((images[:2], masks[:2])).batch(2)
    >>> many = tf.data.Dataset.from_tensor_slices(images).batch(4)
    >>> pairs = keras_mix.data.pair_with_unlabeled(few, many)
    >>> history = model.fit(pairs, shuffle=False, verbose=0)

    Reference:
        French et al., "Semi-supervised semantic segmentation needs strong, varied perturbations",
        BMVC 2020, arXiv:1906.01916, section 3; Britefury/cutmix-semisup-seg,
        `train_seg_semisup_mask_mt.py` and `mask_gen.py`.
    """

    def __init__(
        self,
        model: keras.Model,
        *,
        augmentation: keras.Layer | None = None,
        area: float = 0.5,
        threshold: float = 0.97,
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
        self.area = checks.positive("area", checks.number("area", area, high=1.0))
        if self.area == 1:
            checks.refuse(
                self.owner,
                "`area` must be below 1, since a box of the whole image mixes nothing",
                f"area={area!r}",
            )
        self.threshold = checks.number("threshold", threshold, high=1.0)

    def region(self, seed, taught, partners, grid):
        return box_masks.draw(seed, ops.shape(taught)[0], grid, self.area)[..., None]

    def errors(self, targets, predictions):
        return ops.sum(ops.square(predictions - targets), axis=-1)
