"""Mixing in data pipelines: of tf.data, seeded and resumable, and of NumPy arrays.

Each function is imported at its first use: all but `on_numpy` need TensorFlow.
"""

from typing import TYPE_CHECKING

from keras_mix._core import lazy_names

if TYPE_CHECKING:  # Editors and type checkers do not run `__getattr__`.
    from keras_mix.data._boxes_from_masks import boxes_from_masks
    from keras_mix.data._mix import mix, mixed
    from keras_mix.data._on_numpy import on_numpy
    from keras_mix.data._pair_by_label import pair_by_label
    from keras_mix.data._pair_with_unlabeled import pair_with_unlabeled
    from keras_mix.data._pool_memory import pool_memory

__all__ = [
    "boxes_from_masks",
    "mix",
    "mixed",
    "on_numpy",
    "pair_by_label",
    "pair_with_unlabeled",
    "pool_memory",
]


if not TYPE_CHECKING:  # Type checkers would take any name for one that exists.
    __getattr__ = lazy_names.importer(
        __name__, {name: f"_{name}" for name in __all__} | {"mixed": "_mix"}
    )


def __dir__():
    return __all__
