"""ByClass."""

import functools
from collections.abc import Sequence
from typing import Literal

import keras
import numpy as np

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.draw import label_kernels
from keras_mix._core.options import call_repr
from keras_mix.pairings._weighted import WeightedPairing, others

RELATIONS = ("same", "different", "rare")
# Larger counts of a class in a batch are clipped to this one.
_MOST = 2**14


@keras.saving.register_keras_serializable(package="keras_mix")
class ByClass(WeightedPairing):
    """Draws partners by class: from the same class, from other classes, or favoring rare classes.

    A sample without a possible partner, such as the only one of its class, is its own partner and
    therefore unmixed (unless the mixer moves its sources).

    Classes are read from class ids `(B,)` or `(B, 1)`, or from labels `(B, K)` by their largest
    entry.

    Args:
        relation: `"same"`, `"different"` or `"rare"`. `"same"` draws partners of the sample's own
            class, `"different"` of other classes, and `"rare"` any other sample, those of rare
            classes more often. Defaults to `"same"`.
        exponent: Float ≥ 0. A partner is drawn with P ∝ 1 / n^exponent, where n is the number of
            samples of its class: at 1 all classes in the batch are equally likely, at 0 all
            samples. Defaults to None: 1 for `"rare"`, else 0.
        class_counts: List of integers. The n above: the number of samples of each class in the
            training set. Defaults to None: classes are counted in each batch that partners come
            from.
        target: String. Name of the target that holds the classes, such as `"species"` or
            `"y/species"`. Defaults to None: the only target that is not a mask or a set of boxes.

    Raises:
        ValueError: If an argument is out of range, if a batch has no labels that determine classes,
            if `class_counts` has another length than the classes, or if a batch has several targets
            and `target` is None.

    Example:

    >>> pairing = keras_mix.pairings.ByClass("different")
    >>> mix = keras_mix.layers.CutMix(pairing=pairing, num_classes=10)
    >>> images, labels = mix(np.zeros((8, 32, 32, 3), "uint8"), np.arange(8))
    """

    def __init__(
        self,
        relation: Literal["same", "different", "rare"] = "same",
        *,
        exponent: float | None = None,
        class_counts: Sequence[float] | None = None,
        target: str | None = None,
    ) -> None:
        self.relation = checks.choice("relation", relation, RELATIONS)
        self.exponent = _exponent(relation)
        if exponent is not None:
            self.exponent = checks.number("exponent", exponent)
        self.class_counts = checks.class_counts(class_counts)
        self.target = checks.name("target", target)

    def legal(self, batch):
        own, donors = self._class_ids(batch)
        same = own[:, None] == donors[None]
        legal = {"same": same, "different": ~same}.get(self.relation, xp.ones_like(same))
        return legal if batch.has_second_batch else legal & others(batch)

    def weights(self, batch):
        _, donors = self._class_ids(batch)
        return xp.where(self.legal(batch), self._rarity(donors), xp.zeros([], "int64"))

    def _class_ids(self, batch):
        owner = type(self).__name__
        return label_kernels.class_ids_of(owner, batch, self.target, self.class_counts)

    def _rarity(self, donors):
        """int64 `(1, donors)`, the weight of each sample by the frequency of its class."""
        if self.exponent == 0:
            return xp.ones_like(donors, "int64")[None]
        if self.class_counts is not None:
            table = _powers(self.class_counts, self.exponent)
            return xp.gather(xp.constant(table), donors)[None]
        alike = xp.cast(donors[:, None] == donors[None], "int32")
        counts = xp.minimum(xp.reduce_sum(alike, axis=1), _MOST)
        table = _powers(tuple(range(1, _MOST + 1)), self.exponent)
        return xp.gather(xp.constant(table), counts - 1)[None]

    def __repr__(self):
        values = self.get_config()
        defaults = {"class_counts": None, "target": None}
        defaults |= {"relation": "same", "exponent": _exponent(self.relation)}
        return call_repr.call(self, values, defaults)


def _exponent(relation):
    """The default exponent of a relation."""
    return 1.0 if relation == "rare" else 0.0


@functools.lru_cache(maxsize=32)
def _powers(counts, exponent):
    """int64 of the counts' shape, `PEAK` · (smallest count / count) ** exponent, at least 1."""
    counts = np.asarray(counts, np.float64)
    powers = (counts.min() / counts) ** exponent
    return np.maximum(np.round(label_kernels.PEAK * powers), 1).astype(np.int64)
