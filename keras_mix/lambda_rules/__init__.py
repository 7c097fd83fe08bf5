"""Rules that change λ by the pair that it mixes.

With such a rule, given to a mixer as `lambda_rule`, λ is drawn as always and then changed, before
anything is mixed: inputs and labels follow the new λ alike.
"""

from keras_mix.lambda_rules.kernel_warping import KernelWarping
from keras_mix.lambda_rules.lambda_rule import LambdaRule

__all__ = ["KernelWarping", "LambdaRule"]


def __dir__():
    return __all__
