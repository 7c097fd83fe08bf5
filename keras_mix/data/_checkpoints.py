"""Checkpoints of pipelines: exact where that costs nothing, or where it is asked for."""

import tensorflow as tf

from keras_mix._core import tf_compat

# The classes of datasets that symbolic checkpoints do not slow down (seen on TF 2.21). A shuffle
# and a cache of samples pay in proportion to their size at each element, an interleave and a
# filter up to half of their time.
_FREE = {
    *("TensorDataset", "TensorSliceDataset", "RangeDataset", "ZipDataset", "ConcatenateDataset"),
    *("TFRecordDatasetV2", "TextLineDatasetV2", "FixedLengthRecordDatasetV2"),
    *("MapDataset", "ParallelMapDataset", "PrefetchDataset", "OptionsDataset"),
    *("BatchDataset", "ParallelBatchDataset", "PaddedBatchDataset", "UnbatchDataset"),
    *("RepeatDataset", "TakeDataset", "SkipDataset", "ShardDataset"),
}


def exact(dataset):
    """Returns the dataset with checkpoints that resume every epoch.

    TensorFlow 2.21's default checkpoints forget the epoch of a seeded dataset once its iterator has
    reached the end, which a parallel map or a prefetch does ahead of the consumer. Symbolic
    checkpoints describe what was consumed instead.
    """
    options = tf.data.Options()
    options.experimental_symbolic_checkpoint = True
    return dataset.with_options(options)


def exact_is_free(dataset):
    """Whether exact checkpoints cost a dataset no time; False if that is not known."""
    known = type(dataset).__name__.removeprefix("_") in _FREE
    return known and all(exact_is_free(each) for each in tf_compat.inputs_of(dataset))
