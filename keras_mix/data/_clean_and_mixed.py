"""Batches that hold clean samples beside their mixed versions."""

import functools

import tensorflow as tf


def finish(layer, keep_clean):
    """The function of a batch and its mixed version that returns what a dataset yields of them.

    Args:
        layer: The mixer.
        keep_clean: Whether the clean samples stand before the mixed ones.
    """
    return functools.partial(_joined, _without_mixing(layer)) if keep_clean else _mixed_alone


def _mixed_alone(batch, mixed):
    return mixed


def _joined(unmixed, batch, mixed):
    return tf.nest.map_structure(_concatenated, unmixed(batch), mixed)


def _concatenated(*halves):
    return tf.concat(halves, axis=0)


def _without_mixing(layer):
    """The function that gives a batch the form of a mixed one."""
    if not layer.label_smoothing:
        return functools.partial(layer, training=False)
    # Labels are smoothed in training alone.
    off = type(layer).from_config({**layer.get_config(), "rate": 0.0})
    return functools.partial(off, seed=0, training=True)
