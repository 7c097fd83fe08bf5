"""Pairings by labels: objects that any mixer takes as its `pairing`.

They see the target of a batch as it was given (the one that is named, where there are several),
and draw whole numbers alone, so that partners are the same eagerly, in graphs and under XLA.
"""

import abc
import functools

import keras
import numpy as np
import tensorflow as tf

from keras_mix import checks, described, likeness, option, sampling

__all__ = ["ByClass", "ByLabel", "InOrder", "Pairing"]

RELATIONS = ("same", "different", "rare")
# Classes with more samples in a batch count as this many.
_MOST = 2**14


@keras.saving.register_keras_serializable(package="keras_mix")
class Pairing(option.Option, abc.ABC):
    """Who is mixed with whom: the base of what a mixer takes as `pairing` beside its strings.

    A pairing defines `draw`, and `get_config` where it has arguments. Registered with Keras, it is
    saved with its mixer.

    Args:
        **config: None of its own.

    Example:

    >>> @keras.saving.register_keras_serializable()
    ... class Neighbour(keras_mix.pairings.Pairing):
    ...     def draw(self, batch, seed, number=1):
    ...         return (tf.range(batch.size) ^ 1) % batch.donors
    >>> mix = keras_mix.layers.MixUp(pairing=Neighbour())
    """

    @abc.abstractmethod
    def draw(self, batch, seed, number=1):
        """int32 [B], the donor of each sample.

        Args:
            batch: A `keras_mix.batch.Batch`.
            seed: int32[2], to be split if several draws are made.
            number: Which of a sample's partners this is, where it has several.
        """

    def draw_all(self, batch, seeds):
        """A list of int32 [B], the donors of each sample, one for each of the seeds."""
        return [self.draw(batch, seed, number) for number, seed in enumerate(seeds, start=1)]

    def finds(self, batch):
        """bool [B] or [1], whether a sample has a donor at all, of another batch.

        Who has none stays unmixed. Within one batch such a sample is its own donor.
        """
        return tf.constant([True])


@keras.saving.register_keras_serializable(package="keras_mix")
class InOrder(Pairing):
    """Every sample with the donor in its own place of a second batch, as that was arranged.

    For partners that were chosen before, such as `keras_mix.data.pair_by_label`'s. Without a
    second batch every sample is its own partner, and so nothing is mixed.

    Args:
        **config: None.

    Example:

    >>> x, y = np.random.rand(8, 5).astype("float32"), np.linspace(0, 1, 8, dtype="float32")
    >>> mix = keras_mix.layers.MixUp(pairing=keras_mix.pairings.InOrder())
    >>> x, y = mix((x, y), partners=(x[::-1], y[::-1]))
    """

    def draw(self, batch, seed, number=1):
        return tf.range(batch.size) % batch.donors


class _Weighted(Pairing):
    """Draws a donor for each sample by whole-number weights."""

    def draw(self, batch, seed, number=1):
        return self.draw_all(batch, [seed])[0]

    def draw_all(self, batch, seeds):
        weights = self.weights(batch)
        drawn = [sampling.by_weight(seed, weights) for seed in seeds]
        alone = tf.zeros_like(drawn[0]) if batch.crossed else tf.range(batch.size)
        return [tf.where(index < 0, alone, index) for index in drawn]

    def finds(self, batch):
        return tf.reduce_any(self.legal(batch), axis=1)

    @abc.abstractmethod
    def legal(self, batch):
        """bool [B, donors], which donors a sample may have."""

    @abc.abstractmethod
    def weights(self, batch):
        """int64 [B, donors], in proportion to the probability of each donor; 0 if not legal."""


@keras.saving.register_keras_serializable(package="keras_mix")
class ByLabel(_Weighted):
    """C-Mixup: partners with similar targets, by a Gaussian kernel on the labels.

    Partner j of sample i is drawn with P ∝ exp(-d(y_i, y_j)² / 2σ²), d the Euclidean distance over
    all targets (B, K) of a label; give them one scale beforehand. It is for regression: in a batch
    of integers use `labels="values"`. Draws cost B × B, within a batch or for its partners; for
    partners from a whole data set see `keras_mix.data.pair_by_label`.

    The kernel is taken relative to the nearest donor and cut off where it has fallen to 2⁻³⁰;
    labels are rounded to σ/256 and its exponent to 2⁻¹⁰, which moves a probability by less than
    1.5 % of itself within 2σ. So partners are equal to the bit in every mode.

    Deviations from the authors' code (huaxiuyao/C-Mixup, `src/algorithm.py`): partners come from
    the batch, theirs from the whole training set (`keras_mix.data.pair_by_label`). No sample is its
    own partner unless `include_self` is set; with the default bandwidth 12 % of the samples of a
    batch of 32 normally distributed labels would be. λ is one for each sample unless the mixer has
    `per="batch"`. A sample whose label is not finite has no partner, and stays unmixed.

    Args:
        bandwidth: The kernel's σ > 0, in the labels' unit. Defaults to None: half the standard
            deviation of the labels in the batch (of several targets, the root of the sum of their
            variances), our own choice. The paper tunes it for each data set, from 0.05 to 20.
        include_self: Whether a sample may be its own partner. Defaults to False.
        target: The name of the target to compare, such as "age" or "y/age". Defaults to None: the
            only one. Masks and boxes do not count.

    Raises:
        ValueError: If the bandwidth is not above 0, if a batch has no labels (B,) or (B, K), or if
            it has several targets and none is named.

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

    def __init__(self, bandwidth=None, include_self=False, target=None):
        self.bandwidth = None if bandwidth is None else checks.positive("bandwidth", bandwidth)
        self.include_self = bool(include_self)
        self.target = checks.name("target", target)

    def legal(self, batch):
        own, donors = self._numbers(batch)
        legal = likeness.finite(own)[:, None] & likeness.finite(donors)[None]
        return legal if batch.crossed or self.include_self else legal & _others(batch)

    def weights(self, batch):
        levels = likeness.levels(*self._numbers(batch), self.bandwidth)
        return likeness.kernel(levels, self.legal(batch))

    def _numbers(self, batch):
        return likeness.numbers_of(type(self).__name__, batch, self.target)

    def get_config(self):
        return {
            "bandwidth": self.bandwidth,
            "include_self": self.include_self,
            "target": self.target,
        }


@keras.saving.register_keras_serializable(package="keras_mix")
class ByClass(_Weighted):
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

    def __init__(self, relation="same", exponent=None, class_counts=None, target=None):
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
        return legal if batch.crossed else legal & _others(batch)

    def weights(self, batch):
        _, donors = self._class_ids(batch)
        return tf.where(self.legal(batch), self._rarity(donors), tf.zeros([], tf.int64))

    def _class_ids(self, batch):
        return likeness.class_ids_of(type(self).__name__, batch, self.target)

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
        return described.call(self, values, defaults)

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


def _others(batch):
    """bool [B, B], who is not oneself."""
    return tf.range(batch.size)[:, None] != tf.range(batch.size)[None]


@functools.lru_cache(maxsize=32)
def _powers(counts, exponent):
    """int64 like the counts, (smallest / count) ** exponent in parts of the kernel's peak."""
    counts = np.asarray(counts, np.float64)
    shares = (counts.min() / counts) ** exponent
    return np.maximum(np.round(likeness.PEAK * shares), 1).astype(np.int64)
