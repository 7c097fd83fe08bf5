"""How a network withstands attacks, hidden parts, corruptions and samples of no class."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True, kw_only=True)
class Robustness:
    """What `full=True` measures on the validation samples, or on the first of them.

    Attributes:
        fgsm: Float in [0, 1]. The accuracy under one signed step of the gradient.
        pgd: Float in [0, 1]. The accuracy under projected gradient descent.
        occlusion: Dict from the hidden fraction of the images, as text, to the accuracy.
        corruptions: Dict from the names of corruptions to the accuracy.
        ood_auroc: Float in [0, 1]. How well the highest probability tells validation samples from
            samples of no class; 0.5 is chance.
        linearity: Float ≥ 0. The distance of predictions between two samples from a straight line.
    """

    fgsm: float
    pgd: float
    occlusion: dict
    corruptions: dict
    ood_auroc: float
    linearity: float

    @property
    def occluded(self) -> float:
        """The mean accuracy over the hidden fractions."""
        return math.fsum(self.occlusion.values()) / len(self.occlusion)

    @property
    def corrupted(self) -> float:
        """The mean accuracy over the corruptions."""
        return math.fsum(self.corruptions.values()) / len(self.corruptions)
