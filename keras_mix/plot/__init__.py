"""Figures of batches with their mixed labels, reliability diagrams, and an explorer of mixers.

`batch` and `reliability` return a `matplotlib.figure.Figure` and do not use pyplot's state: show it
as the last line of a notebook cell after `%matplotlib inline`, or save it with
`figure.savefig("batch.png")`.
"""

from keras_mix.plot._batch import batch
from keras_mix.plot._explore import explore
from keras_mix.plot._reliability import reliability

__all__ = ["batch", "explore", "reliability"]


def __dir__():
    return __all__
