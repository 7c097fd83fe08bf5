"""Seeded, deterministic and resumable mixing of tf.data datasets."""

from keras_mix.data._boxes_from_masks import boxes_from_masks
from keras_mix.data._mix import mix, mixed
from keras_mix.data._pair_by_label import pair_by_label
from keras_mix.data._pair_with_unlabeled import pair_with_unlabeled
from keras_mix.data._pool_memory import pool_memory

__all__ = [
    "boxes_from_masks",
    "mix",
    "mixed",
    "pair_by_label",
    "pair_with_unlabeled",
    "pool_memory",
]


def __dir__():
    return __all__
