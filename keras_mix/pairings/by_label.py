"""ByLabel."""

import keras

from keras_mix._core import checks
from keras_mix._core.draw import label_kernels
from keras_mix.pairings._weighted import WeightedPairing, others


@keras.saving.register_keras_serializable(package="keras_mix")
class ByLabel(WeightedPairing):
    """C-Mixup: draws partners with similar targets, by a Gaussian kernel on the labels.

    Partner j of sample i is drawn with P ∝ exp(-d(y_i, y_j)² / 2σ²), where d is the Euclidean
    distance over the K values of labels `(B, K)`; scale them alike beforehand. It is for
    regression: with integer targets use `label_mode="values"`. The cost of a draw is B × B; to draw
    partners from a whole dataset, see `keras_mix.data.pair_by_label`.

    The kernel is relative to the nearest partner and is 0 below 2⁻³⁰. Labels are rounded to σ/256
    and the kernel's exponent to 2⁻¹⁰, which changes a probability by less than 1.5 % of itself
    within 2σ. In return, partners are the same eagerly, in graphs and under XLA.

    Deviations from the authors' code (huaxiuyao/C-Mixup, `src/algorithm.py`): partners come from
    the batch, while theirs come from the whole training set (`keras_mix.data.pair_by_label` does
    that). A sample can be its own partner only with `include_self=True`; otherwise 12 % of the
    samples would be, in a batch of 32 normally distributed labels with the default bandwidth. λ is
    drawn for each sample unless the mixer has `per="batch"`. A sample has no partner and stays
    unmixed if its label is not finite.

    Args:
        bandwidth: Float > 0. The kernel's σ, in the unit of the labels; the paper tunes it for each
            dataset, from 0.05 to 20. Defaults to None: half the standard deviation of the labels in
            the batch (for K values, half the root of the sum of their variances), a choice of this
            package.
        include_self: Boolean. Whether a sample may be its own partner. Defaults to False.
        target: String. Name of the target to compare, such as `"age"` or `"y/age"`. Defaults to
            None: the only target that is not a mask or a set of boxes.

    Raises:
        ValueError: If `bandwidth` is not above 0, if a batch has no labels (B,) or (B, K), or if it
            has several targets and `target` is None.

    Example:

    >>> pairing = keras_mix.pairings.ByLabel(bandwidth=0.5)
    >>> mix = keras_mix.layers.MixUp(alpha=2.0, pairing=pairing)
    >>> x, y = mix(np.random.rand(8, 5).astype("float32"), np.linspace(0, 1, 8, dtype="float32"))
    >>> y.shape
    TensorShape([8])

    Reference:
        Yao et al., "C-Mixup: Improving Generalization in Regression", NeurIPS 2022,
        arXiv:2210.05775, section 3.
    """

    def __init__(
        self,
        bandwidth: float | None = None,
        *,
        include_self: bool = False,
        target: str | None = None,
    ) -> None:
        self.bandwidth = None if bandwidth is None else checks.positive("bandwidth", bandwidth)
        self.include_self = checks.boolean("include_self", include_self)
        self.target = checks.name("target", target)

    def legal(self, batch):
        own, donors = self._numbers(batch)
        legal = label_kernels.finite(own)[:, None] & label_kernels.finite(donors)[None]
        return legal if batch.has_second_batch or self.include_self else legal & others(batch)

    def weights(self, batch):
        levels = label_kernels.levels(*self._numbers(batch), self.bandwidth)
        return label_kernels.kernel(levels, self.legal(batch))

    def _numbers(self, batch):
        return label_kernels.numbers_of(type(self).__name__, batch, self.target)
