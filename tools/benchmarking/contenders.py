"""The contenders: the same batch through different pipelines."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

import keras_mix
from benchmarking.batches import Batch
from benchmarking.machine import THREADS

OURS = "keras_mix"
MIXERS = {"MixUp": {"alpha": 0.2}, "CutMix": {}}


class Workload(Batch):
    """The batch that every contender of a group mixes, as a dataset."""

    def dataset(self, one_hot=True):
        """The batch over and over in Keras's dict; one dataset for all its contenders."""
        return _dataset(self, one_hot)


class Contender(NamedTuple):
    """One way to mix a batch.

    Attributes:
        mixer: The name of the mixer, or "" if it does not mix.
        library: The library of the contender.
        step: Called without arguments, it makes the next batch.
    """

    mixer: str
    library: str
    step: Callable


@functools.lru_cache(maxsize=2)
def _dataset(workload, one_hot):
    images, labels = workload.arrays()
    if one_hot:
        labels = tf.one_hot(labels, workload.classes)
    return repeated({"images": images, "labels": labels})


def repeated(batch):
    """Returns a dataset that repeats one batch, so that the source costs nothing."""
    return tf.data.Dataset.from_tensors(batch).cache().repeat()


def stepper(dataset):
    """The step of a tf.data pipeline."""
    return iter(dataset).__next__


def mapped(dataset, function, calls=THREADS):
    """The step of a function mapped over the batches by parallel calls, one for each thread.

    A mixer of the previous batch cannot be mapped, so `data.mix` hands it on.
    """
    if getattr(function, "recurs", False):
        return stepper(keras_mix.data.mix(dataset, function, num_parallel_calls=calls))
    return stepper(dataset.map(function, num_parallel_calls=calls))


def ours(mixer, workload, **options):
    """The contender that maps a layer of keras_mix."""
    layer = getattr(keras_mix.layers, mixer)(**options)
    return Contender(mixer, OURS, mapped(workload.dataset(), layer))


def copying(workload, name):
    """The contender that copies the images and adds 1."""
    return Contender("", name, mapped(workload.dataset(), copied))


def plus_one(tensor):
    """The least work that reads a tensor and writes another of the same dtype."""
    return tensor + tf.ones([], tensor.dtype)


def copied(batch):
    """The batch with 1 added to its images."""
    return on_images(plus_one, batch)


def on_images(function, batch):
    """The batch with a function applied to its images."""
    return {**batch, "images": function(batch["images"])}
