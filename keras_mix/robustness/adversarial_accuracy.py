"""AdversarialAccuracy."""

from typing import NamedTuple


class AdversarialAccuracy(NamedTuple):
    """Accuracy under an attack, by its strength.

    Attributes:
        epsilons: List of floats, ascending. The radii ε of the attack.
        accuracy: List of floats in [0, 1]. The fraction of samples that are still classified
            correctly at each ε; at ε = 0 the accuracy on the samples as they are.
        samples: Integer. Number of samples.
    """

    epsilons: list
    accuracy: list
    samples: int
