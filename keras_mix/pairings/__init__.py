"""Pairings: objects that a mixer takes as its `pairing`.

Most read the target of a batch before mixing (if there are several, the one named by `target`).
They compare and draw integers only, so partners are the same eagerly, in graphs and under XLA.
"""

from keras_mix.pairings.by_class import ByClass
from keras_mix.pairings.by_key import ByKey
from keras_mix.pairings.by_label import ByLabel
from keras_mix.pairings.by_saliency import BySaliency
from keras_mix.pairings.in_order import InOrder
from keras_mix.pairings.pairing import Pairing

__all__ = ["ByClass", "ByKey", "ByLabel", "BySaliency", "InOrder", "Pairing"]


def __dir__():
    return __all__
