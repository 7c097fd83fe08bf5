"""How a network withstands attacks, hidden parts, corruptions and samples of no class."""

import dataclasses
import math

import numpy as np

from keras_mix import robustness
from keras_mix.evaluate import predictions, scores

# Of the range of values: the usual radius for images of 8 bits.
EPSILON = 8 / 255
FRACTIONS = (0.25, 0.5, 0.75)
CORRUPTIONS = ("gaussian_noise", "gaussian_blur", "contrast", "brightness", "jpeg_compression")
SEVERITY = 3
# At most so many samples, drawn at random, are attacked, hidden and corrupted.
_MOST_SAMPLES = 500
# Images of fewer pixels a side are corrupted as CIFAR-10-C is, others as ImageNet-C.
_SMALL = 64
# The samples of no class are the images with so many cells a side in another order.
_CELLS = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Robustness:
    """What `full=True` measures on at most 500 of the validation samples, drawn at random.

    Attributes:
        fgsm: Float in [0, 1]. The accuracy under one signed step of the gradient, of 8/255 of the
            range of values in each pixel.
        pgd: Float in [0, 1]. The accuracy under 10 steps of projected gradient descent within the
            same distance.
        occlusion: Dict from the hidden fraction of the images, as text, to the accuracy.
        corruptions: Dict from the names of corruptions, at severity 3 of 5, to the accuracy.
        ood_auroc: Float in [0, 1]. How well the highest probability tells the samples from samples
            of no class, which are the same images, cut into 4×4 cells in random order; 0.5 is
            chance. Their colors and edges are those of the data, so that noise would be easier to
            tell; if the classes are textures, the cells still show them.
        linearity: Float in [0, 1]. The mean distance of the predictions between two samples from a
            straight line. A property, neither good nor bad: constant predictions lie on a line too.
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


def settings(owner, samples, value_range):
    """Returns dict, what all measurements of a comparison share; refuses other than images."""
    low, high = map(float, value_range)
    small = samples.ndim != 4 or samples.shape[-1] not in (1, 3) or min(samples.shape[1:3]) < _CELLS
    within = samples.dtype.kind == "f" and low <= samples.min() and samples.max() <= high
    if small or not within:
        values = f"from {samples.min():g} to {samples.max():g}" if samples.dtype.kind == "f" else ""
        raise ValueError(
            f"{owner}: `full` needs float images (N, H, W, 1 or 3) of at least {_CELLS}×{_CELLS} "
            f"pixels with values from {low:g} to {high:g}. Received: {samples.dtype} samples of "
            f"shape {samples.shape} {values}".rstrip()
        )
    return {
        "value_range": [low, high],
        "epsilon": EPSILON * (high - low),
        "attacked_samples": min(len(samples), _MOST_SAMPLES),
    }


def measure(network, samples, ids, settings, from_logits=False):
    """Returns the `Robustness` of a network on images, with what `settings` returned."""
    generator = np.random.default_rng(0)
    chosen = np.sort(generator.permutation(len(ids))[: settings["attacked_samples"]])
    images, labels = samples[chosen], ids[chosen]
    common = {"value_range": tuple(settings["value_range"]), "from_logits": from_logits}
    attack = {"epsilons": [settings["epsilon"]], **common}
    hidden = robustness.occlusion(network, images, labels, fractions=FRACTIONS, **common)
    corrupted = robustness.corruption_accuracy(
        network,
        images,
        labels,
        names=CORRUPTIONS,
        severities=[SEVERITY],
        constants="cifar10" if min(images.shape[1:3]) < _SMALL else "imagenet",
        **common,
    )
    known, unknown = (
        predictions.probabilities("full", network, each, from_logits).max(axis=1)
        for each in (images, jumbled(images, generator))
    )
    return Robustness(
        fgsm=robustness.fgsm_accuracy(network, images, labels, **attack).accuracy[0],
        pgd=robustness.pgd_accuracy(network, images, labels, **attack).accuracy[0],
        occlusion=dict(zip(map(str, FRACTIONS), hidden.accuracy, strict=True)),
        corruptions={name: values[0] for name, values in corrupted.accuracy.items()},
        ood_auroc=scores.auroc(known, unknown),
        linearity=robustness.linearity(
            network, images, labels, points=5, from_logits=from_logits
        ).mean_distance,
    )


def jumbled(images, generator):
    """Images (N, H, W, C) with 4×4 cells in an order of each one's own; odd edges stay."""
    count, height, width, channels = images.shape
    rows, columns = height // _CELLS, width // _CELLS
    inner = images[:, : _CELLS * rows, : _CELLS * columns]
    cells = inner.reshape(count, _CELLS, rows, _CELLS, columns, channels)
    cells = cells.transpose(0, 1, 3, 2, 4, 5).reshape(count, _CELLS**2, -1)
    order = generator.permuted(np.tile(np.arange(_CELLS**2), (count, 1)), axis=1)
    cells = np.take_along_axis(cells, order[..., None], axis=1)
    cells = cells.reshape(count, _CELLS, _CELLS, rows, columns, channels)
    made = images.copy()
    made[:, : _CELLS * rows, : _CELLS * columns] = cells.transpose(0, 1, 3, 2, 4, 5).reshape(
        inner.shape
    )
    return made
