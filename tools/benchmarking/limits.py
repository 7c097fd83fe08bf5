"""The limit of each mixer: the time to read what it must read and to write what it must write.

A limit is a pass that moves the same bytes and does next to nothing else. It is measured in turns
with the mixer, in a map of the same parallel calls, so a share of the limit says what the mixer's
own work costs beyond memory, whatever the machine. Labels pass as they are: against images they
are nothing.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from benchmarking import regimes
from benchmarking.contenders import Contender, mapped


class Limit(NamedTuple):
    """What a mixer is measured against.

    Attributes:
        move: Function of a tensor that moves the bytes that the mixer has to.
        aim: The share of the limit's speed that the mixer is to reach, or None.
    """

    move: Callable
    aim: float | None

    @property
    def library(self):
        """The name of the pass in tables of contenders."""
        return f"limit: {self.move.__name__.replace('_', ' ')}"


def compiled(function):
    """Like all passes that the mixers make: one loop by XLA."""
    return tf.function(function, jit_compile=True, autograph=False)


def copy(tensor):
    """Reads and writes the batch once: each place of the result comes from one source."""
    return _copied(tensor, _alike(tensor))


def blend(tensor):
    """Reads the batch twice, own and partner, and writes floats once."""
    return _blended(tensor, _alike(tensor))


def copy_and_mask(tensor):
    """Writes and reads a mask of a byte for each place, reads own and partner, writes one."""
    return _selected(_filled(tensor), tensor)


def read_and_copy(tensor):
    """Reads the batch twice, the donors' values first, and writes it once."""
    return _copied(tensor, _sums(tensor))


def read_and_blend(tensor):
    """Reads the batch once for a figure of each sample, then as a blend does; writes floats."""
    return _blended(tensor, _sums(tensor))


# Of the mixers of images. The aims are for 128 × 224 × 224 × 3, float32, two calls in parallel.
IMAGES = {
    "CowMix": Limit(copy_and_mask, 0.5),
    "CutMix": Limit(copy, 0.8),
    "Cutout": Limit(copy, 0.9),
    "FMix": Limit(copy_and_mask, 0.5),
    "GridMask": Limit(copy, 0.9),
    "GridMix": Limit(copy, 0.8),
    "GuidedMixup": Limit(read_and_blend, None),
    "MixUp": Limit(blend, 0.95),
    "Mosaic": Limit(copy, 0.5),
    "RICAP": Limit(copy, 0.8),
    # One batch after the other, since each needs the one before.
    "RecursiveMix": Limit(copy, None),
    "ResizeMix": Limit(copy, 0.5),
    "SaliencyMix": Limit(read_and_copy, 0.4),
    "SmoothMix": Limit(blend, 0.7),
}
# Of waveforms and spectrograms: the aims of the mixers of images that do the same. BetweenClass
# measures the level of each sound first, and with SpectrogramMixUp blends powers; neither has an
# aim.
SOUNDS = {
    "BetweenClass": Limit(read_and_blend, None),
    "MixUp": Limit(blend, 0.95),
    "SpecAugment": Limit(copy, 0.9),
    "SpecMix": Limit(copy, 0.8),
    "SpectrogramMixUp": Limit(blend, None),
}

# Of tables: columns of floats are blended.
TABLES = {"TabularMix": Limit(blend, None)}


def limiting(mixer, limit, dataset, move_in):
    """The contender that only moves bytes.

    Args:
        mixer: The name of the mixer whose limit it is.
        limit: A `Limit`.
        dataset: Batches.
        move_in: Function (move, *batch) that applies a pass to what the mixer mixes in a batch.
    """
    step = mapped(dataset, lambda *batch: move_in(limit.move, *batch))
    return Contender(mixer, limit.library, step)


def aims(limits):
    """{(mixer, library of its limit): the share of it that is aimed at}, if memory is pooled.

    By default new pages cost most of a pass and hide what a mixer does, so the aims are not for it.
    """
    if not regimes.pooled():
        return {}
    return {(mixer, limit.library): limit.aim for mixer, limit in limits.items() if limit.aim}


@compiled
def _copied(tensor, figures):
    return tensor + _beside(tensor, figures)


@compiled
def _blended(tensor, figures):
    floats = tf.cast(tensor, tf.float32)
    weights = _beside(floats, figures)
    return weights * floats + (1 - weights) * tf.reverse(floats, [0])


@compiled
def _filled(tensor):
    """A mask of the grid, another share of each sample. A call of its own, so it is written."""
    batch, *grid, _ = tensor.shape
    places = math.prod(grid)
    shares = tf.constant([97 * row % places for row in range(batch)])
    return tf.reshape(tf.range(places)[None] < shares[:, None], [batch, *grid, 1])


@compiled
def _selected(mask, tensor):
    return tf.where(mask, tensor, tf.reverse(tensor, [0]))


def _alike(tensor):
    """A figure for each sample that costs nothing."""
    return tf.ones(tensor.shape[:1], tensor.dtype)


def _sums(tensor):
    """The sum of each sample by TensorFlow's op: it reads twice as fast as what XLA makes of it.

    The result has to depend on it, for TensorFlow drops what only a control edge asks for.
    """
    return tf.reduce_sum(tf.reshape(tensor, [tensor.shape[0], -1]), axis=1)


def _beside(tensor, figures):
    """Figures of samples as they broadcast to a tensor."""
    shape = [tensor.shape[0]] + [1] * (tensor.shape.rank - 1)
    return tf.cast(tf.reshape(figures, shape), tensor.dtype)
