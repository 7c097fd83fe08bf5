"""Rules that set the weights of labels otherwise than by what is in a sample.

They break the law of the plan on purpose, and so are asked for by name: a mixer's `label_rule`.
Weights of samples follow the labels'; dense targets (values, masks, boxes) keep to the law.
"""

from keras_mix.label_rules.label_rule import LabelRule
from keras_mix.label_rules.remix import Remix

__all__ = ["LabelRule", "Remix"]


def __dir__():
    return __all__
