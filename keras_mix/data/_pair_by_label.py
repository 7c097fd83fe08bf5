"""Pairing of a data set in memory: each sample with a partner of similar target."""

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from keras_mix import pairings
from keras_mix._core import checks
from keras_mix._core.draw import label_kernels, neighbors, random
from keras_mix._core.options import argument_errors
from keras_mix.data import _checkpoints, _seed_stream


def pair_by_label(
    x: Any,
    y: Any,
    *,
    bandwidth: float | None = None,
    batch_size: int = 32,
    seed: int | None = None,
    include_self: bool = False,
    shuffle: bool = True,
    drop_remainder: bool = False,
) -> tf.data.Dataset:
    """Pairs each sample of a data set in memory with a partner of similar target (C-Mixup).

    Each epoch (each new iterator) draws a partner for each of the N samples among all others, with
    P ∝ exp(-d(y_i, y_j)² / 2σ²), where d is the Euclidean distance over all targets. No matrix of
    all pairs is built. With a seed two runs are bit-identical, and a `tf.train.Checkpoint` of an
    iterator resumes any epoch. In tf.data service, with a seed all workers produce the same epoch;
    static sharding by data or dynamic sharding delivers each of its batches once. Without a seed
    each worker draws its own epoch. Otherwise it behaves as `mix`.

    Mix the pairs by a mixer that takes partners in order, `pairing=keras_mix.pairings.InOrder()`.
    The rounding of the kernel is described at `keras_mix.pairings.ByLabel`.

    Args:
        x: Array of N samples, or a dict or list of arrays.
        y: Array of finite numbers, `(N,)` or `(N, K)`. Targets.
        bandwidth: Float > 0. Standard deviation σ of the kernel, in the unit of the targets.
            Defaults to None: half the standard deviation of y (for several targets, the root of the
            sum of their variances).
        batch_size: Integer ≥ 1. Number of samples in a batch. Defaults to 32.
        seed: Integer of 64 bits. Determines all draws. Defaults to None: a seed from Python's
            `random`, which `keras.utils.set_random_seed` seeds; workers of tf.data service draw
            their own.
        include_self: Boolean. Whether a sample may be its own partner, as in the paper. Defaults to
            False.
        shuffle: Boolean. Whether each epoch has its own order. Defaults to True.
        drop_remainder: Boolean. Whether a last, smaller batch is dropped. Defaults to False.

    Returns:
        A `tf.data.Dataset` of pairs ((x, y), (x, y)): a batch, and the partners of its samples.

    Raises:
        ValueError: If the bandwidth is not above 0 or is too small for the range of y; if y is not
            an array of finite numbers; or if x and y differ in their number of samples.

    Example:

    >>> x, y = np.random.rand(100, 5).astype("float32"), np.linspace(0, 1, 100, dtype="float32")
    >>> pairs = keras_mix.data.pair_by_label(x, y, bandwidth=0.1, batch_size=20, seed=1)
    >>> mixup = keras_mix.layers.MixUp(alpha=2.0, pairing=keras_mix.pairings.InOrder())
    >>> dataset = keras_mix.data.mix(pairs, mixup, seed=1, partners="paired")

    Reference:
        Yao et al., "C-Mixup: Improving Generalization in Regression", NeurIPS 2022,
        arXiv:2210.05775, section 3 and algorithm 1.
    """
    with argument_errors.of("data.pair_by_label"):
        seed = _seed_stream.checked(seed)
        batch_size = checks.integer("batch_size", batch_size, low=1)
        include_self = checks.boolean("include_self", include_self)
        shuffle = checks.boolean("shuffle", shuffle)
        drop_remainder = checks.boolean("drop_remainder", drop_remainder)
        numbers, bandwidth = _targets(y, bandwidth)
    samples = tf.nest.map_structure(tf.convert_to_tensor, (x, y))
    _check_count(tf.nest.flatten(samples), len(numbers))
    levels = label_kernels.levels(tf.constant(numbers), tf.constant(numbers[:0]), bandwidth).own
    epoch = _unconverted(_epoch, levels, include_self, shuffle)
    epochs = _seed_stream.seeds(seed).flat_map(epoch)
    epochs = epochs.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
    batches = len(numbers) // batch_size if drop_remainder else -(-len(numbers) // batch_size)
    gathered = tf.data.Dataset.zip(epochs, tf.data.Dataset.range(batches)).map(
        _unconverted(_gathered, samples, batch_size, drop_remainder),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return _checkpoints.exact(gathered)


def refuse_unpaired(spec, layer):
    """Refuses a mixer that would pair anew what was paired before."""
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise ValueError(
            'data.mix: partners="paired" needs a dataset of (batch, partners), such as that of '
            f"pair_by_label. Received: element_spec={spec}"
        )
    for mixer in getattr(layer, "mixers", [layer]):
        if hasattr(mixer, "mixers"):
            refuse_unpaired(spec, mixer)
        elif not isinstance(mixer.pairing, pairings.InOrder):
            raise ValueError(
                'data.mix: partners="paired" needs mixers that take partners in order. Received: '
                f"{type(mixer).__name__}(pairing={mixer.pairing!r}). Pass "
                "pairing=keras_mix.pairings.InOrder()."
            )


def _targets(y, bandwidth):
    """float64 `(N, K)`, with the target of the widest spread first; and the bandwidth."""
    numbers = np.asarray(y)
    plain = numbers.dtype.kind in "iufb" and numbers.ndim in (1, 2) and numbers.size
    if not plain or not np.isfinite(numbers).all():
        raise ValueError(
            "`y` must be an array of finite numbers (N,) or (N, K). "
            f"Received: dtype={numbers.dtype}, shape={numbers.shape}"
        )
    numbers = numbers.astype(np.float64).reshape(len(numbers), -1)
    spread = numbers.std(axis=0)
    if bandwidth is None:
        bandwidth = float(label_kernels.DEVIATIONS * np.sqrt(np.sum(spread**2))) or 1.0
    bandwidth = checks.positive("bandwidth", bandwidth)
    reach = label_kernels.reach(bandwidth, numbers.shape[1])
    if np.ptp(numbers, axis=0).max() > reach:
        raise ValueError(
            "`bandwidth` is too small for the range of y. "
            f"Received: {bandwidth=} and a range of {np.ptp(numbers, axis=0).max():g}, more than "
            f"{reach:g}. Pass a larger bandwidth."
        )
    return numbers[:, np.argsort(-spread, kind="stable")], bandwidth


def _check_count(arrays, count):
    for array in arrays:
        if array.shape.rank == 0 or array.shape[0] != count:
            raise ValueError(
                "data.pair_by_label: `x` and `y` must have the same number of samples. Received: "
                f"shape={tuple(array.shape)} "
                f"beside {count} targets"
            )


def _unconverted(function, *arguments):
    return tf.autograph.experimental.do_not_convert(functools.partial(function, *arguments))


def _epoch(levels, include_self, shuffle, seed):
    """The indices of an epoch's samples and of their partners, repeated endlessly."""
    order, draw = random.split(tf.cast(seed, tf.int32), 2)
    partners = neighbors.partners(draw, levels, include_self)
    samples = tf.range(tf.shape(partners)[0])
    if shuffle:
        samples = tf.argsort(random.bits(order, tf.shape(partners)), stable=True)
    return tf.data.Dataset.from_tensors((samples, tf.gather(partners, samples))).repeat()


def _gathered(samples, batch_size, drop_remainder, pairs, number):
    """The samples of one batch of an epoch, beside their partners."""
    start = number * batch_size
    batches = [indices[start : start + batch_size] for indices in pairs]
    if drop_remainder:
        batches = [tf.ensure_shape(batch, [batch_size]) for batch in batches]
    return tuple(
        tf.nest.map_structure(functools.partial(tf.gather, indices=batch), samples)
        for batch in batches
    )
