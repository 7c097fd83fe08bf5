"""Pairings by labels: objects that any mixer takes as its `pairing`.

They see the target of a batch as it was given (the one that is named, where there are several),
and draw whole numbers alone, so that partners are the same eagerly, in graphs and under XLA.
"""

from keras_mix.pairings.by_class import ByClass
from keras_mix.pairings.by_label import ByLabel
from keras_mix.pairings.in_order import InOrder
from keras_mix.pairings.pairing import Pairing

__all__ = ["ByClass", "ByLabel", "InOrder", "Pairing"]


def __dir__():
    return __all__
