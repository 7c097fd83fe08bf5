"""The methods that the study compares: how data, labels and models are mixed, and until when."""

from collections.abc import Callable
from typing import NamedTuple

from keras_mix import layers, models

# The mean of the smaller of λ and 1 - λ at α = 1, Carratino et al. (2020): 1 - 0.75.
SOFTNESS = 0.25


class Mixing(NamedTuple):
    """How one step is trained.

    Attributes:
        mixer: Callable of no arguments that returns a layer, which mixes the data; or None.
        wrap: Callable of the network that returns the model that is trained.
        smoothing: Float. Label smoothing of unmixed labels.
    """

    mixer: Callable | None = None
    wrap: Callable | None = None
    smoothing: float = 0.0


class Method(NamedTuple):
    """What is compared.

    Attributes:
        trunk: Key of `MIXINGS`, the mixing of all but the last 20 % of the steps.
        end: Key of `MIXINGS`, that of the rest.
        images_only: Boolean. Whether it needs images.
    """

    trunk: str
    end: str
    images_only: bool = False


def _switched():
    return layers.RandomChoice([layers.MixUp(1.0), layers.CutMix(1.0)])


MIXINGS = {
    "none": Mixing(),
    "smoothing": Mixing(smoothing=SOFTNESS),
    "mixup .2": Mixing(lambda: layers.MixUp(0.2)),
    "mixup 1": Mixing(lambda: layers.MixUp(1.0)),
    "keep-major": Mixing(lambda: layers.MixUp(1.0, keep_major=True)),
    "cutmix": Mixing(lambda: layers.CutMix(1.0)),
    "fmix": Mixing(lambda: layers.FMix(1.0)),
    "switched": Mixing(_switched),
    "manifold": Mixing(wrap=lambda network: models.ManifoldMixup(network, alpha=2.0)),
    "regmixup": Mixing(wrap=lambda network: models.RegMixup(network)),
}
# Method of predicting → (method whose networks predict, its α): Carratino et al.'s correction.
RESCALED = {"mixup 1, rescaled": ("mixup 1", 1.0)}
# Three times as slow as the others.
LATER = ("fmix",)
METHODS = {
    **{name: Method(name, name, name in ("cutmix", "fmix", "switched")) for name in MIXINGS},
    "mixup 1, off": Method("mixup 1", "none"),
}
