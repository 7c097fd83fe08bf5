"""BySaliency."""

import keras

from keras_mix._core import checks
from keras_mix._core.backend import xp
from keras_mix._core.backend.axes import at_least_one
from keras_mix._core.draw import saliency_maps
from keras_mix.pairings.pairing import Pairing


@keras.saving.register_keras_serializable(package="keras_mix")
class BySaliency(Pairing):
    """Pairs images that are salient in different places, greedily, as GuidedMixup does.

    The distance of two images is that of their maps of saliency, of equal sum. The pair that is
    farthest apart begins a cycle through the batch: the partner of each image is the one farthest
    from it of those that are no partner yet, and is the next to be given a partner. So each image
    is a partner once, none its own, and nothing is drawn: partners follow from the images, and vary
    with the composition of a batch.

    From a second batch, each image takes the one farthest from it.

    It is for mixers that cut or weigh height and width, such as `keras_mix.layers.GuidedMixup` and
    `CutMix`. The cycle takes a step for each image. Maps are those of `GuidedMixup`.

    Raises:
        ValueError: If the mixer has no height and width.

    Example:

    >>> pairing = keras_mix.pairings.BySaliency()
    >>> mix = keras_mix.layers.GuidedMixup(pairing=pairing, rate=0.5, num_classes=10)
    >>> images, labels = mix(np.random.rand(8, 32, 32, 3).astype("float32"), np.arange(8))

    Reference:
        Kang and Kim, "GuidedMixup: An Efficient Mixup Strategy Guided by Saliency Maps", AAAI 2023,
        arXiv:2306.16612; `pairing.pyx` of the authors' code, 3neutronstar/GuidedMixup.
    """

    def draw(self, batch, seed, number=1):
        if batch.axes is None or len(batch.axes) != 2:
            checks.refuse(
                type(self).__name__,
                "the mixer must cut or weigh height and width",
                f"a mixer of {len(batch.axes or ())} axes",
                "Use it with GuidedMixup, CutMix or another mixer of images.",
            )
        levels = [
            saliency_maps.levels(images, batch.axes, batch.grid)
            for images in (batch.images, batch.donor_images)[: 1 + batch.has_second_batch]
        ]
        distances = saliency_maps.distances(levels[0], levels[-1])
        if batch.has_second_batch:
            falling = xp.argsort(-distances, axis=1, stable=True)
            return falling[:, xp.minimum(number, batch.donors) - 1]
        cycle = _cycle(distances)
        partner = cycle
        for _ in range(number - 1):
            partner = xp.gather(cycle, partner)
        return partner


def _cycle(distances):
    """int32 `(B,)`, the successor of each sample in a cycle along large distances.

    Args:
        distances: float64 `(B, B)`, not negative.
    """
    size = xp.shape(distances)[0]
    index = xp.range(size)
    # Below all distances; an empty batch has none.
    lowest = xp.constant(-1.0, "float64")
    apart = xp.where(index[:, None] == index, lowest, distances)
    flat = xp.concat([xp.reshape(apart, [size * size]), [2.0 * lowest]], axis=0)
    first = _largest(flat, xp.range(size * size + 1)) // at_least_one(size)

    def step(count, row, taken, partners):
        taken |= index == row
        column = _largest(xp.where(taken, lowest, xp.gather(distances, row)), index)
        return count + 1, column, taken, xp.where(index == row, column, partners)

    state = 1, first, xp.zeros_like(index, "bool"), xp.fill(xp.shape(index), first)
    return xp.while_loop(lambda count, *_: count < size, step, state)[-1]


def _largest(values, index):
    """int32, the index of the largest value, the first of equal ones.

    Not `argmax`, which cannot be compiled inside a loop on JAX.
    """
    most = xp.reduce_max(values, axis=0)
    return xp.reduce_min(xp.where(values == most, index, xp.constant(2**31 - 1, "int32")))
