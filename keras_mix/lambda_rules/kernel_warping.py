"""KernelWarping."""

import math
from typing import Literal

import keras

from keras_mix._core import checks, dtypes
from keras_mix._core.backend import xp
from keras_mix._core.draw import label_kernels, warping
from keras_mix.lambda_rules.lambda_rule import LambdaRule


@keras.saving.register_keras_serializable(package="keras_mix")
class KernelWarping(LambdaRule):
    """Mixes a pair the less, the farther apart it is (kernel warping, Similarity Kernel Mixup).

    λ becomes I_λ(τ, τ), the regularized incomplete beta function, where τ = exp((d - 1) / 2σ²) /
    τ_max and d is the squared Euclidean distance of the pair, divided by the mean over the pairs of
    the batch. Near pairs have a τ below 1, which moves λ towards ½; far ones a τ above 1, which
    moves it to 0 or 1. At d = 1 and τ_max = 1 λ stays. With `law="quantile"`, λ becomes the
    inverse, I⁻¹_λ(1 / τ, 1 / τ): at α = 1 a draw of Beta(1 / τ, 1 / τ).

    λ is read from a table, for τ between 0.011 and 1,100, and lies within 0.01 of the formula; 0
    and 1 stay exact. A pair beyond these is at the limit.

    Deviations from the authors' code (qbouniot/sim_kernel_mixup, `transforms/mixup.py`): for
    classes they compare the features that the model has computed, which a dataset does not see;
    inputs are compared here, or labels, as they do for regression. Inside a `MixingModel`, inputs
    are what is mixed at the mix point, so features at a hidden layer.

    Args:
        tau_max: Float > 0. Strength τ_max of mixing: larger values mix more. Defaults to 1, as in
            the authors' code; for regression they tune it, from 0.0001 to 5.
        tau_std: Float > 0. Width σ of the kernel: smaller values distinguish near and far pairs
            more. Defaults to 0.5, as in the authors' code; their settings are 0.25 for CIFAR and
            ImageNet and 1.25 for Tiny-ImageNet.
        law: `"cdf"` or `"quantile"`. `"cdf"` is I_λ(τ, τ), of the first version of the paper and
            the default of the authors' code; `"quantile"` is the inverse, of the published version
            and its settings. Defaults to `"cdf"`.
        of: `"inputs"` or `"labels"`. What is compared: the main input, all values alike; or a
            target of numbers or vectors. Defaults to `"inputs"`.
        target: String. Name of the target to compare. Defaults to None: the only target that is not
            a mask or a set of boxes.

    Raises:
        ValueError: If an argument is out of range, or if a batch has nothing to compare.

    Example:

    >>> rule = keras_mix.lambda_rules.KernelWarping(of="labels")
    >>> mix = keras_mix.layers.MixUp(1.0, lambda_rule=rule)
    >>> x, y = mix(np.random.rand(8, 5).astype("float32"), np.linspace(0, 1, 8, dtype="float32"))
    >>> y.shape
    TensorShape([8])

    Reference:
        Bouniot et al., "Tailoring Mixup to Data for Calibration", ICLR 2025, arXiv:2311.01434; the
        first version is "Tailoring Mixup to Data using Kernel Warping Functions".
    """

    def __init__(
        self,
        *,
        tau_max: float = 1.0,
        tau_std: float = 0.5,
        law: Literal["cdf", "quantile"] = "cdf",
        of: Literal["inputs", "labels"] = "inputs",
        target: str | None = None,
    ) -> None:
        self.tau_max = checks.positive("tau_max", tau_max)
        self.tau_std = checks.positive("tau_std", tau_std)
        self.law = checks.choice("law", law, ("cdf", "quantile"))
        self.of = checks.choice("of", of, ("inputs", "labels"))
        self.target = checks.name("target", target)
        if target is not None and of == "inputs":
            raise ValueError(
                "KernelWarping: `target` has no effect, because inputs are compared. "
                f'Received: target={target!r}. Leave it out, or pass of="labels".'
            )

    def warp(self, batch, partners, lam):
        index = partners - batch.first_donor
        squares = (self._inputs if self.of == "inputs" else self._labels)(batch, index)
        # In double precision the quotient of whole numbers is the same in every mode.
        total = xp.maximum(xp.cast(xp.reduce_sum(squares), "float64"), 1.0)
        relative = xp.cast(squares * xp.cast(xp.shape(squares)[0], "int64"), "float64") / total
        log_tau = (relative - 1.0) / (2.0 * self.tau_std**2) - math.log(self.tau_max)
        return warping.warped(lam, -log_tau if self.law == "quantile" else log_tau, self.law)

    def _labels(self, batch, index):
        """int64 `(B,)`, the squared distance of labels."""
        levels = label_kernels.levels(
            *label_kernels.numbers_of(type(self).__name__, batch, self.target)
        )
        apart = levels.own - xp.gather(levels.donors, index)
        return xp.reduce_sum(apart * apart, axis=1)

    def _inputs(self, batch, index):
        """int64 `(B,)`, the squared distance of inputs."""
        own, donors = batch.images, batch.donor_images
        if own is None or not (dtypes.is_floating(own) or dtypes.of(own) == "uint8"):
            checks.refuse(
                type(self).__name__,
                "inputs must be floats or uint8 images to be compared",
                checks.described(own),
                'Compare labels, of="labels", or name an input in the `main_input` of the mixer.',
            )
        donors = donors if batch.has_second_batch else own
        compiles = batch.jit_compile and xp.compiles_once([own, donors])
        return xp.call_compiled(warping.distances, (own, donors, index), compiles)
