"""ByClass."""

import functools

import keras
import numpy as np
import tensorflow as tf

from keras_mix._core import checks
from keras_mix._core.draw import label_kernels
from keras_mix._core.options import call_repr
from keras_mix.pairings._weighted import WeightedPairing, others

RELATIONS = ("same", "different", "rare")
# Classes with more samples in a batch count as this many.
_MOST = 2**14


@keras.saving.register_keras_serializable(package="keras_mix")
class ByClass(WeightedPairing):
    """Partners by class: of the same one, of another one, or of a rare one above all.

    A sample without a legal partner (the only one of its class, say) stays with itself, and so
    unmixed but where sources are moved.

    Args:
        relation: "same": a partner of the sample's own class. "different": one of another class.
            "rare": any other sample, those of rare classes more often.
        exponent: How much rare classes are favoured: a donor is drawn with P ∝ 1 / n^exponent, n
            the number of samples of its class. At 1 every class in the batch is as likely as any
            other, at 0 every sample. Defaults to 1 for "rare", else to 0.
        class_counts: A list of the number of samples of each class in the training set, to weigh
            donors by. Defaults to None: the classes are counted in each batch of donors.
        target: The name of the target that holds the classes, such as "species" or "y/species".
            Defaults to None: the only one. Masks and boxes do not count.

    Raises:
        ValueError: If an argument is out of range, if a batch has no labels that tell classes (ids
            (B,) or (B, 1), or one-hot (B, K), whose largest entry is taken), or if it has several
            targets and none is named.

    Example:

    >>> pairing = keras_mix.pairings.ByClass("different")
    >>> mix = keras_mix.layers.CutMix(pairing=pairing, num_classes=10)
    >>> images, labels = mix(np.zeros((8, 32, 32, 3), "uint8"), np.arange(8))
    """

    def __init__(self, relation="same", *, exponent=None, class_counts=None, target=None):
        self.relation = checks.choice("relation", relation, RELATIONS)
        self.exponent = _exponent(relation)
        if exponent is not None:
            self.exponent = checks.number("exponent", exponent)
        self.class_counts = checks.class_counts(class_counts)
        self.target = checks.name("target", target)

    def legal(self, batch):
        own, donors = self._class_ids(batch)
        same = own[:, None] == donors[None]
        legal = {"same": same, "different": ~same}.get(self.relation, tf.ones_like(same))
        return legal if batch.has_second_batch else legal & others(batch)

    def weights(self, batch):
        _, donors = self._class_ids(batch)
        return tf.where(self.legal(batch), self._rarity(donors), tf.zeros([], tf.int64))

    def _class_ids(self, batch):
        return label_kernels.class_ids_of(type(self).__name__, batch, self.target)

    def _rarity(self, donors):
        """int64 [1, donors], the weight of each donor by the frequency of its class."""
        if self.exponent == 0:
            return tf.ones_like(donors, tf.int64)[None]
        if self.class_counts is not None:
            table = _powers(self.class_counts, self.exponent)
            return tf.gather(tf.constant(table), donors)[None]
        alike = tf.cast(donors[:, None] == donors[None], tf.int32)
        counts = tf.minimum(tf.reduce_sum(alike, axis=1), _MOST)
        table = _powers(tuple(range(1, _MOST + 1)), self.exponent)
        return tf.gather(tf.constant(table), counts - 1)[None]

    def __repr__(self):
        values = self.get_config()
        defaults = {"class_counts": None, "target": None}
        defaults |= {"relation": "same", "exponent": _exponent(self.relation)}
        return call_repr.call(self, values, defaults)

    def get_config(self):
        counts = None if self.class_counts is None else list(self.class_counts)
        return {
            "relation": self.relation,
            "exponent": self.exponent,
            "class_counts": counts,
            "target": self.target,
        }


def _exponent(relation):
    """How much rare classes are favoured by default."""
    return 1.0 if relation == "rare" else 0.0


@functools.lru_cache(maxsize=32)
def _powers(counts, exponent):
    """int64 like the counts, (smallest / count) ** exponent in parts of the kernel's peak."""
    counts = np.asarray(counts, np.float64)
    shares = (counts.min() / counts) ** exponent
    return np.maximum(np.round(label_kernels.PEAK * shares), 1).astype(np.int64)
