"""Rules that give labels other weights than those of the plan.

With such a rule, given to a mixer as `label_rule`, labels deliberately differ from what is in the
inputs. Sample weights follow the labels; dense targets (values, masks, boxes) keep the plan's
weights.
"""

from keras_mix.label_rules.label_rule import LabelRule
from keras_mix.label_rules.remix import Remix

__all__ = ["LabelRule", "Remix"]


def __dir__():
    return __all__
