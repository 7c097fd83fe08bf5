"""Mixing of each batch with the previous mixed one, in a dataset."""

import functools

import tensorflow as tf

from keras_mix._core import checks
from keras_mix.layers._mixer import recursion


def refuse_partners(layer, partners):
    """Refuses a second dataset beside a mixer of the previous batch."""
    if partners is not None:
        checks.refuse(
            "data.mix",
            f"the partners of {layer.owner} are the previous mixed batch",
            f"partners={'paired' if isinstance(partners, str) else 'a dataset'}",
            "Leave it out, or use keras_mix.layers.ResizeMix.",
        )


def mixed(times_and_batches, layer, mix_batch, finish, parallel):
    """The mixed batches of a dataset of (time, batch).

    The first batch is mixed with itself, and so is one that follows an empty batch. Labels take
    their form in parallel; mixing itself is sequential. Checkpoints hold the previous batch.

    Args:
        times_and_batches: The `tf.data.Dataset`.
        layer: The mixer.
        mix_batch: Function of a time, a batch and its partners that mixes the batch.
        finish: Function of a batch and its mixed version, as `_clean_and_mixed.finish` gives it.
        parallel: The options of `Dataset.map`.
    """
    recursion.refuse_unrepeatable(layer)
    batches = times_and_batches.map(_unconverted(_formed, layer), **parallel)
    before = tf.nest.map_structure(_without_samples, batches.element_spec[1])
    return batches.scan(before, _unconverted(_step, mix_batch, finish))


def _unconverted(function, *arguments):
    # Unconverted, so that refusals reach users without a traceback of converted code.
    return tf.autograph.experimental.do_not_convert(functools.partial(function, *arguments))


def _formed(layer, time, batch):
    return time, layer(batch, training=False)


def _without_samples(spec):
    return tf.zeros([0, *(size or 0 for size in spec.shape[1:])], spec.dtype)


def _step(mix_batch, finish, previous, time_and_batch):
    time, batch = time_and_batch
    given = tf.nest.flatten(batch)
    size = tf.shape(tf.nest.flatten(previous)[0])[0]
    chosen = tf.cond(size > 0, lambda: tf.nest.flatten(previous), lambda: given)
    for tensor, own in zip(chosen, given, strict=True):
        tensor.set_shape([None, *own.shape[1:]])
    partners = tf.nest.pack_sequence_as(batch, chosen)
    result = mix_batch(time, batch, partners)
    return result, finish(batch, result)
