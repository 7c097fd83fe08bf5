"""Remix."""

from collections.abc import Sequence

import keras

from keras_mix._core import checks
from keras_mix._core.backend import Tensor, xp
from keras_mix._core.batch.batch import Batch
from keras_mix._core.draw import label_kernels
from keras_mix._core.plan.plan import Plan
from keras_mix.label_rules.label_rule import LabelRule


@keras.saving.register_keras_serializable(package="keras_mix")
class Remix(LabelRule):
    """Gives the whole label of a mixture to the rarer class if one class is much rarer (Remix).

    Let n_i and n_j be the number of samples of the two classes in the training set, and λ the
    mixing weight of sample i. The label's λ is 0 if n_i ≥ κ n_j and λ < τ; 1 if κ n_i ≤ n_j and
    1 - λ < τ; and λ otherwise. Inputs are mixed by λ. It works with any mixer of two sources and
    any pairing; `keras_mix.pairings.ByClass("rare")` makes pairs with rare classes more frequent.

    Args:
        class_counts: List of integers. Number of samples of each class in the training set.
        kappa: Float ≥ 1. Quotient κ of the two counts from which the larger class is the majority.
            Defaults to 3, the authors' choice.
        tau: Float in [0, 1]. Mixing weight τ below which the majority class is dropped from the
            label. Defaults to 0.5, the authors' choice.
        target: String. Name of the target that holds the classes, such as `"species"` or
            `"y/species"`. Defaults to None: the only target that is not a mask or a set of boxes.

    Raises:
        ValueError: If an argument is out of range, if the labels do not determine classes, if
            `class_counts` has another length than the classes, if there are several targets and
            `target` is None, or if the mixer has more than two sources.

    Example:

    >>> rule = keras_mix.label_rules.Remix(class_counts=[900, 100])
    >>> mix = keras_mix.layers.MixUp(label_rule=rule, num_classes=2)
    >>> x, y = mix(np.random.rand(8, 5).astype("float32"), np.arange(8) % 2)

    Reference:
        Chou et al., "Remix: Rebalanced Mixup", ECCV Workshops 2020, arXiv:2007.03943. The rule and
        its defaults agree with independent implementations; they are not verified against the
        paper.
    """

    def __init__(
        self,
        class_counts: Sequence[float],
        *,
        kappa: float = 3.0,
        tau: float = 0.5,
        target: str | None = None,
    ) -> None:
        self.class_counts = checks.class_counts(class_counts)
        if self.class_counts is None:
            raise ValueError("Remix: `class_counts` must be given. Received: class_counts=None")
        self.kappa = checks.number("kappa", kappa, low=1.0)
        self.tau = checks.number("tau", tau, high=1.0)
        self.target = checks.name("target", target)

    def weights(self, batch: Batch, plan: Plan) -> Tensor:
        owner = type(self).__name__
        if plan.sources.shape[1] != 2:
            checks.refuse(
                owner, "the plan must have two sources", f"{plan.sources.shape[1]} sources"
            )
        own, donors = label_kernels.class_ids_of(owner, batch, self.target, self.class_counts)
        counts = xp.constant(self.class_counts, "float64")
        first = xp.gather(counts, own)
        second = xp.gather(counts, xp.gather(batch.pool(own, donors), plan.sources[:, 1]))
        weight = plan.weights[:, 0]
        all_partner = (first >= self.kappa * second) & (weight < self.tau)
        all_own = (self.kappa * first <= second) & (1.0 - weight < self.tau)
        weight = xp.where(all_partner, 0.0, xp.where(all_own, 1.0, weight))[:, None]
        return xp.concat([weight, 1.0 - weight], axis=1)
