"""Pairings by labels: objects that any mixer takes as its `pairing`.

They read the target of a batch before mixing (if there are several, the one named by `target`), and
draw integers only, so partners are the same eagerly, in graphs and under XLA.
"""

from keras_mix.pairings.by_class import ByClass
from keras_mix.pairings.by_label import ByLabel
from keras_mix.pairings.in_order import InOrder
from keras_mix.pairings.pairing import Pairing

__all__ = ["ByClass", "ByLabel", "InOrder", "Pairing"]


def __dir__():
    return __all__
